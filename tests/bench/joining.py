"""Registers clusters by few statements, as if each had just joined.

python -m tests.bench.joining, with the product's variables, and on standard input a JSON list of clusters: name,
server, token, uid, ca. Joining ten thousand one by one takes many minutes and is not what is measured. Whatever belongs
on the clusters already is due at once.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import django


def join(found: list[dict[str, Any]]) -> None:
    from django.db import transaction

    from clusters.drivers.kubernetes.kubeconfig import Credentials
    from clusters.engine.clock import db_now
    from clusters.engine.marks import mark_due
    from clusters.engine.nudge import nudge
    from clusters.engine.placing import lock_placements, place_clusters
    from clusters.models import Cluster

    with transaction.atomic():
        lock_placements()
        now = db_now()
        rows = [
            Cluster(
                name=one["name"],
                server=one["server"],
                credentials=Credentials(server=one["server"], ca_pem=one["ca"], token=one["token"]).to_json(),
                uid=one["uid"],
                kubernetes_version="v1.37.1",
                node_count=1,
                observe_due_at=now,
            )
            for one in found
        ]
        made = Cluster.objects.bulk_create(rows, batch_size=1000)
        ids = [cluster.pk for cluster in made]
        place_clusters(ids)
        mark_due(ids)
        nudge()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "otestack.settings")
    django.setup()
    join(json.load(sys.stdin))
