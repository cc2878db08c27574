"""What a list costs does not grow with its length, nor a change of the fleet with the fleet.

The numbers of queries are committed in query_counts.json, so that one more is seen in a review. To write them anew:
WRITE_QUERY_COUNTS=1 .venv/bin/pytest tests/contract/test_cost.py
"""

from __future__ import annotations

import gc
import io
import json
import os
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

from django.contrib import admin as django_admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.policy import POLICY
from accounts.tokens import issue
from deployments.models import Deployment
from tests.contract.crowd import Crowd
from tests.contract.test_hostile import bytes_through_wsgi

BASELINE = Path(__file__).with_name("query_counts.json")

# Every list of the API with the queries it is asked with; "" is none.
LISTS: dict[str, list[str]] = {
    "GET /v1/admin/user": ["", "?pageSize=0", "?orderBy=user_name&order=desc", "?page=999"],
    "GET /v1/business": ["", "?pageSize=0", "?name=b", "?orderBy=id&order=desc"],
    "GET /v1/cluster": ["", "?pageSize=10", "?clusterLabel=north", "?clusterLabel=l1"],
    "GET /v1/cluster/label": [""],
    "GET /v1/cluster/label/[name]": ["", "?pageSize=0"],
    "GET /v1/node": [
        "",
        "?pageSize=0",
        "?clusterName=c0",
        "?nodeName=N",
        "?nodeLabel=gpu",
        "?pageSize=0&field=nodeName",
    ],
    "GET /v1/node/label": ["", "?clusterName=c0"],
    "GET /v1/app": ["", "?pageSize=0", "?appName=app&appNameMode=prefix&pageSize=0", "?version=1.0"],
    "GET /v1/deploy": ["", "?pageSize=0", "?appName=app&editable=true&running=true", "?pageSize=0&field=id"],
    "GET /v1/deploy/id/[id]": ["?field=historyVersion"],
    "GET /v1/deploy/id/[id]/clusters": ["", "?pageSize=0"],
    "GET /v1/deploy/id/[id]/events": [""],
    "GET /v1/admin/deploy": ["", "?pageSize=0", "?businessName=acme", "?orderBy=id&order=asc"],
    "GET /v1/repository/third": ["", "?pageSize=0", "?orderBy=id&order=desc"],
}
# What reads one object, or what lies in the registry and not in our database.
NO_LISTS = {
    "GET /v1/authorization",
    "GET /v1/business/id/[id]",
    "GET /v1/app/id/[id]",
    "GET /v1/repository/third/[name]",
    "GET /v1/repository/image",
    "GET /v1/repository/image/tag",
    "GET /v1/repository/project",
}
SCREENS = ["", "?q=1", "?o=-1"]
FEW, MANY = 10, 1000


def test_every_list_is_in_the_table() -> None:
    assert {name for name in POLICY if name.startswith("GET ")} == LISTS.keys() | NO_LISTS


def addresses() -> Iterator[tuple[str, str]]:
    """What each is called in the baseline, and its address for the crowd's objects."""
    ids = {"[id]": str(Deployment.objects.get(name="d0").pk), "[name]": "c0"}
    for name, queries in LISTS.items():
        path = re.sub(r"\[\w+\]", lambda word: ids[word[0]], name.removeprefix("GET "))
        yield from ((name + query, path + query) for query in queries)


def test_lists_cost_the_same_at_any_length(api: Any, acme: Any, admin: Any, system: Any) -> None:
    crowd = Crowd(acme)
    office = office_of(system)
    clients = {"of a business": api(admin), "of all": api(system)}

    def counts() -> dict[str, int]:
        found = {}
        for (name, path), (whose, client) in product(addresses(), clients.items()):
            found[f"{name} {whose}"] = cost(client.client, path, client.token)
        for path, query in product(screens(), SCREENS):
            found[path + query] = cost(office, path + query)
        return found

    crowd.grow(FEW)
    counts()  # what is looked up once in a process, such as content types, is looked up now
    few = counts()
    crowd.grow(MANY)
    assert counts() == few
    if os.environ.get("WRITE_QUERY_COUNTS"):
        BASELINE.write_text(json.dumps(few, indent=1, sort_keys=True) + "\n")
    assert few == json.loads(BASELINE.read_text())


def test_lists_read_no_secrets(api: Any, acme: Any, system: Any) -> None:
    """They cost a decryption each, and one that fails would take the list along."""
    Crowd(acme).grow(3)
    for table, column in (
        ("clusters_cluster", "credentials"),
        ("registry_externalrepository", "password"),
        ("deployments_operation", "secrets"),
        ("clusters_bundleobject", "secret"),
    ):
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE {table} SET {column} = 'nothing that could be decrypted'")
    client, office = api(system), office_of(system)
    for _, path in addresses():
        cost(client.client, path, client.token)
    for path in screens():
        cost(office, path)


def test_a_request_leaves_nothing_to_the_collector_of_cycles(acme: Any, system: Any) -> None:
    """Else it stops the web server again and again, to look through all that it holds."""
    Crowd(acme).grow(3)
    # A form of filters is full of cycles, and so is what validates other parameters. Streams have no end.
    asked = [path for _, path in addresses() if "?" not in path and not path.endswith("/events")]
    token = issue(system)

    def left(path: str) -> int:
        gc.collect()
        line, _ = bytes_through_wsgi(io.BytesIO(), REQUEST_METHOD="GET", PATH_INFO=path, HTTP_AUTHORIZATION=token)
        assert line == "200 OK", path
        return gc.collect()

    for path in ["/v1/authorization", *asked]:
        left(path)  # what is made once in a process is made now
        assert left(path) == 0, path


def office_of(user: Any) -> Client:
    client = Client()
    client.force_login(user, backend="accounts.backends.Backend")
    return client


def screens() -> list[str]:
    """The start page of the back-office, and its lists."""
    names = [f"{model._meta.app_label}_{model._meta.model_name}_changelist" for model in django_admin.site._registry]
    return [reverse(f"admin:{name}") for name in ["index", *names]]


def cost(client: Client, path: str, token: str = "") -> int:
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(path, headers={"Authorization": token} if token else {})
    assert answer.status_code == 200, path
    return len(queries)
