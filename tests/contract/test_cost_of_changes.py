"""A change of the fleet is made by set-based statements: as many for ten clusters as for a thousand."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from apps.models import AppVersion
from clusters.models import Cluster, ClusterLabel, Installation, Node
from deployments.models import Deployment
from tests.apps.bodies import small
from tests.deployments import fleet

FEW, MANY = 10, 1000


@pytest.fixture
def first(db: None) -> Cluster:
    Installation.objects.get_or_create(pk=1)  # a flush after an earlier test may have taken it away
    return fleet.join("first")


def join(size: int) -> list[str]:
    """So many clusters with a label of their own, and as many nodes of the first; their names."""
    names = [f"c{size}-{n}" for n in range(size)]
    made = Cluster.objects.bulk_create(
        Cluster(name=name, server="https://x", credentials="{}", uid=name, observed_at=Now()) for name in names
    )
    ClusterLabel.objects.bulk_create(ClusterLabel(cluster=one, label=f"of-{size}") for one in made)
    Node.objects.bulk_create(Node(cluster=Cluster.objects.get(name="first"), name=name, ready=True) for name in names)
    return names


def statements(queries: CaptureQueriesContext) -> int:
    """How many there were. SQLite takes few parameters, so that there one INSERT comes in several parts."""
    sql = [query["sql"] for query in queries.captured_queries]
    parts = [
        text.startswith("INSERT") and text.split("VALUES")[0] == before.split("VALUES")[0]
        for before, text in pairwise(sql)
    ]
    return len(sql) - (sum(parts) if connection.vendor == "sqlite" else 0)


def test_changes_cost_the_same_for_any_fleet(api: Any, admin: Any, system: Any, acme: Any, first: Cluster) -> None:
    tenant, root = api(admin), api(system)
    for _ in range(2):
        tenant.post("/v1/app", small(appName="web"))

    def counts(size: int) -> dict[str, int]:
        found = {}

        def count(what: str, method: str, path: str, body: Any = None) -> None:
            with CaptureQueriesContext(connection) as queries:
                answer = getattr(root if "label" in path else tenant, method)(path, body)
            assert answer.status_code == 200, answer.json()
            found[what] = statements(queries)

        names, added = join(size), f"added-{size}"
        deploy = {
            "deployName": f"web-{size}", "appName": "web", "version": "1.0.1", "cluster": f"of-{size}", "nodeLabel": "",
            "comment": "",
        }  # fmt: skip
        count("deploy", "post", "/v1/deploy", deploy)
        row = Deployment.objects.get(name=f"web-{size}")
        assert fleet.placements(row).count() == size
        fleet.ready(row)
        count("upgrade", "post", f"/v1/deploy/id/{row.pk}", {"version": "1.0.2"})
        fleet.ready(row)
        count("end", "delete", f"/v1/deploy/id/{row.pk}")
        fleet.let_go(row)

        ClusterLabel.objects.create(cluster=first, label=added)
        tenant.post("/v1/deploy", deploy | {"deployName": f"by-label-{size}", "cluster": added})
        labelled = {"clusterName": names, "clusterLabel": added}
        count("add a label that a deployment is placed by", "post", "/v1/cluster/label", labelled)
        placements = fleet.placements(Deployment.objects.get(name=f"by-label-{size}"))
        assert placements.filter(present=True).count() == size + 1
        count("delete it", "delete", "/v1/cluster/label", labelled)
        assert placements.filter(present=True).count() == 1
        of_nodes = {"clusterName": "first", "nodeName": names, "nodeLabel": added}
        count("add a label to nodes", "post", "/v1/node/label", of_nodes)
        count("delete it from them", "delete", "/v1/node/label", of_nodes)

        versions = [AppVersion(business=acme, app_name=f"app{size}", line="1.0", minor=n) for n in range(size)]
        made = AppVersion.objects.bulk_create(versions)
        count("delete applications", "delete", "/v1/app", {"appId": [version.pk for version in made]})
        return found

    few = counts(FEW)
    assert counts(MANY) == few
