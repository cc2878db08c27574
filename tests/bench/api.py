"""What the API costs beside a bare Django view (tests/bench/bare.py), and how long pages take deep in a list."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

# Path to the bare view that answers it; {…}: ids and names of the load test's rows.
LISTS = {
    "/v1/admin/user": "users",
    "/v1/business": "businesses",
    "/v1/cluster?pageSize=10": "clusters",
    "/v1/cluster": "clusters",
    "/v1/cluster/label": "labels",
    "/v1/cluster/label/{cluster}": "labels_of_cluster",
    "/v1/node": "nodes",
    "/v1/node/label": "labels",
    "/v1/app": "apps",
    "/v1/deploy": "deployments",
    "/v1/deploy/id/{wide}/clusters": "placements",
    "/v1/admin/deploy": "audits",
}
DETAILS = {
    "/v1/authorization": "authorization",
    "/v1/business/id/{business}": "business",
    "/v1/app/id/{app}": "app",
    "/v1/deploy/id/{deployment}": "deployment",
}

# A list without a limit is read through a cursor.
_CURSOR = re.compile(r"^DECLARE .*? CURSOR WITH HOLD FOR ")


def plans(client: Any, paths: dict[str, str], token: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return for each path the statements that the product sends for it, and the bare view that uses them."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    for path, view in paths.items():
        with CaptureQueriesContext(connection) as sent:
            answer = client.get(path, headers={"Authorization": token})
        assert answer.status_code == 200, (path, answer.content)
        statements = [_CURSOR.sub("", one["sql"]) for one in sent.captured_queries]
        yield path, {"view": view, "statements": statements}
