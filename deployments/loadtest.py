"""A large fleet's rows, for measuring pages and statements: made by few statements, and nothing ever contacts it.

Nothing of it is due for years and its last observation lies in the future, so that no worker looks for these clusters
and what is green stays green.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import orjson
from django.db import connection, transaction
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import Now

from accounts.models import Status as UserStatus
from accounts.models import User
from apps.models import AppVersion
from business.models import Business
from business.models import Status as BusinessStatus
from clusters.engine.clock import db_now
from clusters.models import Bundle, BundleObject, Cluster, ClusterLabel, Node, Selector
from deployments.models import Audit, Change, Deployment, Operation, Status
from deployments.settle import BATCH, settle_bundles
from otestack import trail
from otestack.sentences import say

PREFIX = "loadtest-"
_NODES = 3
_YEARS = timedelta(days=3650)
# Bundles whose placements are inserted, and rows that are created, by one statement.
_STEP = 50
_ROWS = 2000
# Of a hundred placements: so many are ready, then so many failed; the rest is on its way.
_READY, _FAILED = 95, 97


@dataclass(frozen=True)
class Size:
    """How much of each. placements: at most clusters x deployments; spread evenly."""

    clusters: int
    deployments: int
    placements: int
    businesses: int = 100


@dataclass(frozen=True)
class Share:
    """Which clusters a deployment is on: so many from a first one, which carry a label of their own."""

    first: int
    size: int

    @property
    def label(self) -> str:
        """Return that label."""
        return f"set-{self.size}-{self.first}"

    @property
    def selector(self) -> dict[str, str]:
        """Return the columns that say so."""
        if not self.size:
            return {"selector": Selector.NONE, "selector_value": ""}
        return {"selector": Selector.LABEL, "selector_value": self.label}


def shares(size: Size) -> list[Share]:
    """Divide the placements evenly, and return each deployment's share; shares of one size do not overlap."""
    each, more = divmod(size.placements, max(size.deployments, 1))
    sizes = [each + (n < more) for n in range(size.deployments)]
    return [Share(n % (size.clusters // each) * each if each else 0, each) for n, each in enumerate(sizes)]


def holds_real_data() -> bool:
    """Tell whether there is anything that this did not make."""
    ours = Q(name__startswith=PREFIX)
    tenants = Business.objects.filter(is_system=False)
    return any(rows.exclude(ours).exists() for rows in (Cluster.objects, tenants, Deployment.objects))


def make(size: Size, progress: Callable[[int], None]) -> None:
    """Make it all. progress: told how many placements there are. Call on a database without an earlier one."""
    with transaction.atomic():
        trail.write([trail.of("fleet", "", "load test", "make data", after=vars(size))])
        businesses = _tenants(min(size.businesses, max(size.deployments, 1)))
        clusters = _clusters(size.clusters)
        divided = shares(size)
        _label(clusters, set(divided))
        bundles = _deployments(divided, businesses)
    _place(bundles, divided, clusters, progress)
    for start in range(0, len(bundles), BATCH):
        settle_bundles(bundles[start : start + BATCH])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _tenants(number: int) -> list[Business]:
    people = User.objects.bulk_create(
        User(username=f"{PREFIX}{n}", password="!", status=UserStatus.APPROVED, is_admin=True) for n in range(number)
    )
    texts = {"introduce": "load test", "objective": "load test", "scale": "large"}
    made = Business.objects.bulk_create(
        Business(name=f"{PREFIX}{n}", namespace=f"{PREFIX}{n}", status=BusinessStatus.APPROVED, applicant=user, **texts)
        for n, user in enumerate(people)
    )
    home = Business.objects.filter(applicant=OuterRef("pk")).values("pk")[:1]
    User.objects.filter(pk__in=[user.pk for user in people]).update(business_id=Subquery(home))
    return made


def _clusters(number: int) -> list[int]:
    now = db_now()
    made = Cluster.objects.bulk_create(
        (
            Cluster(
                name=f"{PREFIX}{n}",
                server="https://loadtest.invalid",
                # Never read; not encrypted a hundred thousand times for nothing.
                credentials="",
                uid=f"{PREFIX}{n}",
                kubernetes_version="v1.32.4",
                observe_due_at=now + _YEARS,
                observed_at=now + _YEARS,
                away_since=now if n % 100 == 99 else None,
                last_error="connection refused" if n % 100 == 99 else "",
                node_count=_NODES,
            )
            for n in range(number)
        ),
        batch_size=_ROWS,
    )
    ClusterLabel.objects.bulk_create(
        (ClusterLabel(cluster=one, label=f"region-{n % 20}") for n, one in enumerate(made)), batch_size=_ROWS
    )
    Node.objects.bulk_create(
        (
            Node(cluster=one, name=f"node-{n}", operating_system="Debian GNU/Linux 12 (bookworm)", ip="10.0.0.1",
                 memory=16 * 2**30, cpu=8, disk=2**40, ready=True)
            for one in made
            for n in range(_NODES)
        ),
        batch_size=_ROWS,
    )  # fmt: skip
    return [one.pk for one in made]


def _label(clusters: list[int], divided: set[Share]) -> None:
    """Let placement be what the labels say, so that recomputing it finds nothing to mend."""
    labels = (
        ClusterLabel(cluster_id=pk, label=share.label)
        for share in divided
        for pk in clusters[share.first : share.first + share.size]
    )
    ClusterLabel.objects.bulk_create(labels, batch_size=_ROWS)


def _deployments(divided: list[Share], businesses: list[Business]) -> list[int]:
    numbered = [(n, businesses[n % len(businesses)]) for n in range(len(divided))]
    versions = AppVersion.objects.bulk_create(
        AppVersion(business=business, app_name="web", line="1.0", minor=1, version="1.0.1", deploy_type="deployment",
                   image="nginx:1", spec={})
        for business in businesses
    )  # fmt: skip
    bundles = Bundle.objects.bulk_create(
        (
            Bundle(title=say("deployment %(name)s", name=f"{PREFIX}{n}"),
                   owner_text=say("business %(name)s", name=business.name), namespace=business.namespace,
                   kinds=["v1/ConfigMap"], **divided[n].selector)
            for n, business in numbered
        ),
        batch_size=_ROWS,
    )  # fmt: skip
    bodies = [_object(n, business) for n, business in numbered]
    BundleObject.objects.bulk_create(
        (
            BundleObject(bundle=bundle, position=0, api_version="v1", kind="ConfigMap", namespace=business.namespace,
                         name=f"{PREFIX}{n}", body=orjson.dumps(body).decode())
            for (n, business), bundle, body in zip(numbered, bundles, bodies, strict=True)
        ),
        batch_size=_ROWS,
    )  # fmt: skip
    rows = [
        Deployment(
            business=business,
            name=f"{PREFIX}{n}",
            app_name="web",
            cluster=divided[n].label,
            bundle=bundle,
            running=True,
            editable=True,
            status=Status.SUCCESS,
            **divided[n].selector,
        )
        for (n, business), bundle in zip(numbered, bundles, strict=True)
    ]
    made = Deployment.objects.bulk_create(rows, batch_size=_ROWS)
    Operation.objects.bulk_create(
        (
            Operation(deployment=row, kind=Change.NEW, app_version=versions[n % len(versions)], version="1.0.1",
                      status=Status.SUCCESS, open=False, audit=Audit.APPROVED, decided_at=Now(), ended_at=Now(),
                      manifests=[body], generation=1)
            for (n, _), row, body in zip(numbered, made, bodies, strict=True)
        ),
        batch_size=_ROWS,
    )  # fmt: skip
    Deployment.objects.filter(shown=None, name__startswith=PREFIX).update(
        shown=Subquery(Operation.objects.filter(deployment=OuterRef("pk")).values("pk")[:1])
    )
    Deployment.objects.filter(current=None, name__startswith=PREFIX).update(current=F("shown"))
    return sorted(bundle.pk for bundle in bundles)


def _object(number: int, business: Business) -> dict[str, object]:
    metadata = {"name": f"{PREFIX}{number}", "namespace": business.namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"number": str(number)}}


def _place(bundles: list[int], divided: list[Share], clusters: list[int], progress: Callable[[int], None]) -> None:
    """Give each bundle the clusters of its share."""
    _session_table("loadtest_cluster", ("n", "id"), list(enumerate(clusters)))
    rows = [(n, pk, share.first, share.size) for n, (pk, share) in enumerate(zip(bundles, divided, strict=True))]
    _session_table("loadtest_bundle", ("n", "id", "start", "size"), rows)
    marks = "CAST('{}' AS jsonb)" if connection.vendor == "postgresql" else "'{}'"
    number = "(b.n + c.n) %% 100"
    failed = f"{number} BETWEEN {_READY} AND {_FAILED - 1}"
    statement = f"""
        INSERT INTO clusters_placement (cluster_id, bundle_id, present, generation, applied_generation, applied_at,
            ready_generation, failed, deleted_once, running, error, total, last_error, attempts, marks)
        SELECT c.id, b.id, %s, 1,
            CASE WHEN {number} < {_FAILED} THEN 1 ELSE 0 END, CURRENT_TIMESTAMP,
            CASE WHEN {number} < {_READY} THEN 1 ELSE 0 END,
            CASE WHEN {failed} THEN %s ELSE %s END, %s,
            CASE WHEN {number} < {_READY} THEN 1 ELSE 0 END, CASE WHEN {failed} THEN 1 ELSE 0 END, 1,
            CASE WHEN {failed} THEN 'ImagePullBackOff: no such image' ELSE '' END, 0, {marks}
        FROM loadtest_bundle b JOIN loadtest_cluster c ON c.n >= b.start AND c.n < b.start + b.size
        WHERE b.n >= %s AND b.n < %s
    """
    done = 0
    for start, end in _steps(len(bundles)):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, [True, True, False, False, start, end])
        done += sum(share.size for share in divided[start:end])
        progress(done)


def _steps(number: int) -> Iterator[tuple[int, int]]:
    for start in range(0, number, _STEP):
        yield start, min(start + _STEP, number)


def _session_table(name: str, columns: tuple[str, ...], rows: Sequence[tuple[int, ...]]) -> None:
    """Make a table that goes with the connection; its first column is its key."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {name}")
        others = ", ".join(f"{column} bigint NOT NULL" for column in columns[1:])
        cursor.execute(f"CREATE TEMPORARY TABLE {name} ({columns[0]} integer PRIMARY KEY, {others})")
        marks = ", ".join(["%s"] * len(columns))
        cursor.executemany(f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({marks})", rows)
        cursor.execute(f"ANALYZE {name}")
