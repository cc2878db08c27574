"""A thousand of everything, by a few statements."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Now

from accounts.models import User
from apps.models import AppVersion
from business.models import Business
from clusters.models import Bundle, BundleObject, Cluster, ClusterLabel, Heartbeat, Node, NodeLabel, Placement, Selector
from deployments.models import Audit, Change, Deployment, Operation, Status
from otestack import trail
from registry.models import ExternalRepository, RegistryAccount
from tests.apps.bodies import small


class Crowd:
    """Rows of every table: of acme where a table has businesses, on the cluster c0 where it has clusters.

    The deployment d0 has a placement on every cluster and a change for every row.
    """

    def __init__(self, acme: Any) -> None:
        self.acme = acme
        self.size = 0

    def grow(self, size: int) -> None:
        """Have so many of everything."""
        new = range(self.size, size)
        self.size = size
        self._tenants(new)
        self._fleet(new)
        self._deployments(new)
        trail.write(trail.of("user", n, f"u{n}", "approve", business=self.acme.pk, after={"status": 1}) for n in new)

    def _tenants(self, new: range) -> None:
        users = [
            User(username=f"u{n}", phone="12345", real_name="Somebody", status=1, business=self.acme, password="!")
            for n in new
        ]
        made = User.objects.bulk_create(users)
        texts = {"introduce": "i", "objective": "o", "scale": "s"}
        businesses = Business.objects.bulk_create(
            Business(name=f"b{n}", applicant=user, status=n % 3, namespace=f"b{n}", **texts)
            for n, user in zip(new, made, strict=True)
        )
        RegistryAccount.objects.bulk_create(
            RegistryAccount(business=business, user=f"r{n}", password="p", email=f"{n}@example.com", harbor_user_id=n)
            for n, business in zip(new, businesses, strict=True)
        )
        ExternalRepository.objects.bulk_create(
            ExternalRepository(business=self.acme, repository_id=f"r{n}", address="r.io", user="u", password="p")
            for n in new
        )
        AppVersion.objects.bulk_create(
            AppVersion(
                business=self.acme,
                app_name=f"app{n}",
                line="1.0",
                minor=1,
                version="1.0.1",
                deploy_type="deployment",
                image="nginx",
                spec=small(repositoryId="", replicas=1),
            )
            for n in new
        )

    def _fleet(self, new: range) -> None:
        Heartbeat.objects.bulk_create(Heartbeat(worker=f"w{n}", started_at=Now(), beat_at=Now()) for n in new)
        clusters = Cluster.objects.bulk_create(
            Cluster(name=f"c{n}", server=f"https://c{n}", credentials="{}", uid=str(n), observed_at=Now()) for n in new
        )
        first = Cluster.objects.get(name="c0")
        labels = [ClusterLabel(cluster=first, label=f"l{n}") for n in new]
        ClusterLabel.objects.bulk_create([*labels, *(ClusterLabel(cluster=one, label="north") for one in clusters)])
        nodes = Node.objects.bulk_create(Node(cluster=first, name=f"n{n}", ready=True) for n in new)
        carried = [(node, label) for n, node in zip(new, nodes, strict=True) for label in ("gpu", f"x{n}")]
        NodeLabel.objects.bulk_create(NodeLabel(node=node, label=label, observed=True) for node, label in carried)

    def _deployments(self, new: range) -> None:
        bundles = Bundle.objects.bulk_create(
            Bundle(title=f"deployment d{n}", namespace="acme", selector=Selector.ALL, kinds=["v1/ConfigMap"])
            for n in new
        )
        BundleObject.objects.bulk_create(
            BundleObject(bundle=one, position=0, api_version="v1", kind="ConfigMap", name=one.title, body="{}")
            for one in bundles
        )
        made = Deployment.objects.bulk_create(
            Deployment(
                business=self.acme,
                name=f"d{n}",
                app_name=f"app{n}",
                selector=Selector.ALL,
                bundle=bundle,
                running=True,
                editable=True,
                status=Status.SUCCESS,
            )
            for n, bundle in zip(new, bundles, strict=True)
        )
        first = Deployment.objects.get(name="d0")
        operations = [Operation(deployment=first, **_ended(Change.UPGRADE)) for _ in new]
        Operation.objects.bulk_create([*operations, *(Operation(deployment=one, **_ended(Change.NEW)) for one in made)])
        newest = Operation.objects.filter(deployment=OuterRef("pk"), kind=Change.NEW).values("pk")[:1]
        Deployment.objects.filter(shown=None).update(shown=Subquery(newest))
        Deployment.objects.filter(current=None).update(current=F("shown"))
        clusters = Cluster.objects.filter(name__in=[f"c{n}" for n in new])
        proven = {"generation": 1, "applied_generation": 1, "ready_generation": 1, "running": 1, "total": 1}
        pairs = {(first.bundle_id, pk) for pk in clusters.values_list("pk", flat=True)}
        c0 = Cluster.objects.get(name="c0")
        pairs |= {(bundle.pk, c0.pk) for bundle in bundles}
        Placement.objects.bulk_create(Placement(bundle_id=b, cluster_id=c, **proven) for b, c in sorted(pairs))


def _ended(kind: Change) -> dict[str, Any]:
    return {
        "kind": kind, "version": "1.0.1", "status": Status.SUCCESS, "open": False, "audit": Audit.APPROVED,
        "generation": 1,
    }  # fmt: skip


def more_nodes(clusters: int, each: int) -> None:
    """Insert clusters of so many nodes each by one statement, as 100,000 rows of the ORM would take too long."""
    made = Cluster.objects.bulk_create(
        Cluster(name=f"far{n}", server="https://far", credentials='{"secret": 1}', uid=f"far{n}", observed_at=Now())
        for n in range(clusters)
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO clusters_node (cluster_id, name, operating_system, kernel_version, ip, memory, cpu, disk, gpu,"
            " ready, created_at, updated_at)"
            " WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < %s)"
            " SELECT c.id, 'node-' || n, 'Debian GNU/Linux 12 (bookworm)', '6.1.0-32-amd64', '10.20.30.40',"
            " 17179869184, 8, 1099511627776, 0, %s, c.created_at, c.created_at"
            " FROM clusters_cluster c CROSS JOIN numbers WHERE c.id >= %s",
            [each - 1, True, made[0].pk],
        )
