"""A large fleet's rows, for measuring pages and statements: made by few statements, and nothing ever contacts it.

Nothing of it is due for years and its last observation lies in the future, so that no worker looks for these clusters
and what is green stays green.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from django.db import connection, transaction
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import Now

from accounts.models import Status as UserStatus
from accounts.models import User
from apps.models import AppVersion
from business.models import Business
from business.models import Status as BusinessStatus
from clusters.loadtest import PREFIX, ROWS, make_clusters, make_nodes, put_labels, session_table
from clusters.models import Bundle, BundleObject, Cluster, Selector
from deployments.models import Audit, Change, Deployment, Operation, Status
from deployments.settle import BATCH, settle_bundles
from otestack import trail
from otestack.sentences import say

# Versions of each business's application.
_VERSIONS = 10
# Bundles whose placements are inserted by one statement.
_STEP = 50
# Of a hundred placements: so many are ready, then so many failed; the rest is on its way.
_READY, _FAILED = 95, 97
# What an application of the API holds (apps/serializers.py).
_SPEC = {
    "replicas": 1, "minReplicas": 1, "maxReplicas": 1, "minCPU": 10, "maxCPU": 200, "GPU": 0, "isHPA": False,
    "minMemory": 100, "maxMemory": 200, "targetCPUUtilization": 0, "targetMemUtilization": 0, "minReadySeconds": 0,
    "maxUnavailable": 1, "maxSurge": 0, "port": [{"port": 8080}], "command": "", "volume": [], "dependence": [],
    "env": [{"name": "MODE", "value": "load test"}],
}  # fmt: skip


@dataclass(frozen=True)
class Size:
    """How much of each, spread evenly. placements: at most clusters x deployments.

    users: at least one for each business. everywhere: so many of the deployments, the last, are on every cluster.
    """

    clusters: int
    deployments: int
    placements: int
    nodes: int = 0
    users: int = 0
    businesses: int = 100
    everywhere: int = 0


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
    others = size.deployments - size.everywhere
    each, more = divmod(size.placements - size.everywhere * size.clusters, max(others, 1))
    sizes = [each + (n < more) for n in range(others)] + [size.clusters] * size.everywhere
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
        businesses = _tenants(min(size.businesses, max(size.deployments, 1)), size.users)
        clusters = make_clusters(size.clusters)
        make_nodes(size.nodes, clusters)
        divided = shares(size)
        # Placement is what the labels say, so that recomputing it finds nothing to mend.
        put_labels(
            (pk, share.label) for share in set(divided) for pk in clusters[share.first : share.first + share.size]
        )
        bundles = _deployments(divided, businesses)
    _place(bundles, divided, progress)
    for start in range(0, len(bundles), BATCH):
        settle_bundles(bundles[start : start + BATCH])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _tenants(number: int, users: int) -> list[Business]:
    people = User.objects.bulk_create(_user(n, is_admin=True) for n in range(number))
    texts = {"introduce": "load test", "objective": "load test", "scale": "large"}
    made = Business.objects.bulk_create(
        Business(name=f"{PREFIX}{n}", namespace=f"{PREFIX}{n}", status=BusinessStatus.APPROVED, applicant=user, **texts)
        for n, user in enumerate(people)
    )
    home = Business.objects.filter(applicant=OuterRef("pk")).values("pk")[:1]
    User.objects.filter(pk__in=[user.pk for user in people]).update(business_id=Subquery(home))
    members = (_user(n, business=made[n % number]) for n in range(number, users))
    User.objects.bulk_create(members, batch_size=ROWS)
    return made


def _user(number: int, **fields: Any) -> User:
    person = {"username": f"{PREFIX}{number}", "real_name": f"Load Test {number}", "phone": f"+86{number:09}"}
    return User(password="!", status=UserStatus.APPROVED, **person, **fields)


def _deployments(divided: list[Share], businesses: list[Business]) -> list[int]:
    numbered = [(n, businesses[n % len(businesses)]) for n in range(len(divided))]
    versions = AppVersion.objects.bulk_create(
        (
            AppVersion(business=business, app_name="web", line="1.0", minor=minor, version=f"1.0.{minor}",
                       deploy_type="deployment", image="nginx:1", spec=_SPEC)
            for minor in range(1, _VERSIONS + 1)
            for business in businesses
        ),
        batch_size=ROWS,
    )  # fmt: skip
    bundles = Bundle.objects.bulk_create(
        (
            Bundle(title=say("deployment %(name)s", name=f"{PREFIX}{n}"),
                   owner_text=say("business %(name)s", name=business.name), namespace=business.namespace,
                   kinds=["v1/ConfigMap"], **divided[n].selector)
            for n, business in numbered
        ),
        batch_size=ROWS,
    )  # fmt: skip
    bodies = [_object(n, business) for n, business in numbered]
    BundleObject.objects.bulk_create(
        (
            BundleObject(bundle=bundle, position=0, api_version="v1", kind="ConfigMap", namespace=business.namespace,
                         name=f"{PREFIX}{n}", body=orjson.dumps(body).decode())
            for (n, business), bundle, body in zip(numbered, bundles, bodies, strict=True)
        ),
        batch_size=ROWS,
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
    made = Deployment.objects.bulk_create(rows, batch_size=ROWS)
    Operation.objects.bulk_create(
        (
            Operation(deployment=row, kind=Change.NEW, app_version=versions[n % len(versions)],
                      version=versions[n % len(versions)].version,
                      status=Status.SUCCESS, open=False, audit=Audit.APPROVED, decided_at=Now(), ended_at=Now(),
                      manifests=[body], generation=1)
            for (n, _), row, body in zip(numbered, made, bodies, strict=True)
        ),
        batch_size=ROWS,
    )  # fmt: skip
    Deployment.objects.filter(shown=None, name__startswith=PREFIX).update(
        shown=Subquery(Operation.objects.filter(deployment=OuterRef("pk")).values("pk")[:1])
    )
    Deployment.objects.filter(current=None, name__startswith=PREFIX).update(current=F("shown"))
    return sorted(bundle.pk for bundle in bundles)


def _object(number: int, business: Business) -> dict[str, object]:
    metadata = {"name": f"{PREFIX}{number}", "namespace": business.namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"number": str(number)}}


def _place(bundles: list[int], divided: list[Share], progress: Callable[[int], None]) -> None:
    """Give each bundle the clusters of its share (loadtest_cluster: clusters/loadtest.py)."""
    rows = [(n, pk, share.first, share.size) for n, (pk, share) in enumerate(zip(bundles, divided, strict=True))]
    session_table("loadtest_bundle", ("n", "id", "start", "size"), rows)
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
