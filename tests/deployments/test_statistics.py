"""PostgreSQL plans by statistics. Those taken while rows were not yet committed say that there are none."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now

from clusters.models import Bundle, Cluster, ClusterLabel, Installation, Placement
from deployments.models import Deployment
from tests.apps.bodies import small
from tests.deployments import fleet

CLUSTERS = 1000
# Milliseconds for one statement. Planned badly, one took more than ten minutes.
BOUND = 20_000


def forget() -> None:
    """Have the tables of placement analysed by who does not see this transaction's rows."""
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            for model in (Bundle, Cluster, ClusterLabel, Placement):
                cursor.execute(f"ANALYZE {model._meta.db_table}")
    finally:
        other.close()


def test_a_label_moves_many_clusters_without_statistics(api: Any, admin: Any, system: Any, acme: Any) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite plans without them")
    Installation.objects.get_or_create(pk=1)
    tenant, root = api(admin), api(system)
    tenant.post("/v1/app", small(appName="web"))
    fleet.join("first", "new")
    names = [f"c{n}" for n in range(CLUSTERS)]
    made = Cluster.objects.bulk_create(
        Cluster(name=name, server="https://x", credentials="{}", uid=name, observed_at=Now()) for name in names
    )
    ClusterLabel.objects.bulk_create(ClusterLabel(cluster=one, label="old") for one in made)
    deploy = {"appName": "web", "version": "1.0.1", "nodeLabel": "", "comment": ""}
    for number in range(3):
        assert tenant.post("/v1/deploy", deploy | {"deployName": f"old{number}", "cluster": "old"}).status_code == 200
    assert tenant.post("/v1/deploy", deploy | {"deployName": "new", "cluster": "new"}).status_code == 200
    new = fleet.placements(Deployment.objects.get(name="new"))
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {BOUND}")
    for method, present in (("post", CLUSTERS + 1), ("delete", 1)):
        forget()
        answer = getattr(root, method)("/v1/cluster/label", {"clusterName": names, "clusterLabel": "new"})
        assert answer.status_code == 200, answer.json()
        assert new.filter(present=True).count() == present
