"""Writes down what the product sends to the database for each path, for tests/bench/bare.py; run in its environment.

python -m tests.bench.plans FILE PATHS ONLY: PATHS is JSON, path to bare view, with the names of `names()` in braces.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import django

# A list without a limit is read through a cursor.
_CURSOR = re.compile(r"^DECLARE .*? CURSOR WITH HOLD FOR ")


def names() -> dict[str, Any]:
    """Return ids and names of rows that loadtest_data has made."""
    from apps.models import AppVersion
    from business.models import Business
    from clusters.models import Cluster
    from deployments.models import Deployment

    deployments = Deployment.objects.order_by("pk")
    return {
        "cluster": Cluster.objects.order_by("pk").values_list("name", flat=True)[0],
        "business": Business.objects.order_by("-pk").values_list("pk", flat=True)[0],
        "app": AppVersion.objects.order_by("pk").values_list("pk", flat=True)[0],
        "wide": deployments.order_by("-placements", "pk").values_list("pk", flat=True)[0],
        "deployment": deployments.filter(status=5).values_list("pk", flat=True)[0],
    }


def statements(client: Any, path: str, token: str) -> list[str]:
    """Return what is sent for a path, in order."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as sent:
        answer = client.get(path, headers={"Authorization": token})
    assert answer.status_code == 200, (path, answer.content)
    return [_CURSOR.sub("", one["sql"]) for one in sent.captured_queries]


def main(file: str, paths: dict[str, str], only: str) -> None:
    """Write the plans, the token to ask with and the key that it was signed with."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "otestack.settings")
    django.setup()
    from django.conf import settings
    from django.test import Client

    from accounts.models import User
    from accounts.tokens import issue

    settings.ALLOWED_HOSTS = ["testserver"]
    found, client, token = names(), Client(), issue(User.objects.living().named("admin").get())
    plans = {}
    for name, view in paths.items():
        if only in name:
            path = name.format(**found)
            plans[path] = {"name": name, "view": view, "statements": statements(client, path, token)}
    key = settings.SIMPLE_JWT["SIGNING_KEY"]
    Path(file).write_text(json.dumps({"token": token, "key": key, "paths": plans}))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]), sys.argv[3])
