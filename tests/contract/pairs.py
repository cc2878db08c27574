"""Two calls at once on the objects of a small world, many times; and what the world looks like afterwards.

PostgreSQL only. A world is made anew for each run, beside the earlier ones: cheaper than an empty database.
"""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from django.apps import apps as all_apps
from django.db import connection, connections, transaction
from django.db.models import Model

from accounts.models import Status as UserStatus
from accounts.models import User
from apps.models import AppVersion, VersionLine
from business.models import Business
from clusters.models import Bundle, BundleObject, Cluster, ClusterLabel, Node, NodeLabel, Placement, Selector
from deployments.models import Audit, Change, Deployment, Operation, Status
from otestack.errors import DomainError
from registry.models import ExternalRepository
from tests.apps.bodies import small
from tests.conftest import Api

APPS = ("accounts", "business", "clusters", "registry", "apps", "deployments")
PASSWORD, OTHER, THIRD = "Passw0rdXy", "Passw0rdAb", "Passw0rdCd"
_numbers = itertools.count(1)

Call = Callable[[], int]
Outcome = tuple[Any, ...]


class World:
    """A business with an administrator, a member, a role-1 user, a cluster of its own, and an application of three
    versions. All names begin with `tag`, which nothing else has."""

    def __init__(self, root: User) -> None:
        self.tag = f"w{next(_numbers)}z"
        self.root = root
        texts = {"introduce": "i", "objective": "o", "scale": "s"}
        self.business = Business.objects.create(name=self.name("acme"), status=1, namespace=self.name("ns"), **texts)
        self.admin = self.user("admin", self.business, is_admin=True)
        self.member = self.user("member", self.business)
        self.loner = self.user("loner", None, is_admin=True)
        self.cluster = Cluster.objects.create(name=self.name("c"), server="s", credentials="{}", uid=self.tag)
        self.label = self.name("here")
        ClusterLabel.objects.create(cluster=self.cluster, label=self.label)
        self.node = Node.objects.create(cluster=self.cluster, name="n1", ready=True)
        NodeLabel.objects.create(node=self.node, label="gpu", observed=True)
        line = {"business": self.business, "app_name": "web", "line": "1.0"}
        VersionLine.objects.create(**line, last_minor=3)
        self.versions = AppVersion.objects.bulk_create(
            AppVersion(
                **line,
                minor=n,
                version=f"1.0.{n}",
                deploy_type="deployment",
                image="nginx",
                spec=small(
                    **{"appName": "web", "repositoryId": "", "replicas": 1, "minReplicas": 1, "maxReplicas": 1},
                    **{"command": "", "volume": [], "dependence": [], "env": [], "GPU": 0},
                ),
            )
            for n in (1, 2, 3)
        )

    def name(self, word: str) -> str:
        return f"{self.tag}-{word}"

    def user(self, word: str, business: Business | None, *, is_admin: bool = False) -> User:
        user = User(username=self.name(word), business=business, is_admin=is_admin, status=UserStatus.APPROVED)
        user.set_password(PASSWORD)
        user.save()
        return user

    def deploy(self, by: User | None = None, **changes: Any) -> Deployment:
        """Submit a deployment on the world's cluster; an administrator's is carried out at once."""
        body = self.deploy_body(**changes)
        answer = Api(by or self.admin).post("/v1/deploy", body)
        assert answer.status_code == 200, answer.json()
        return Deployment.objects.get(business=self.business, name=body["deployName"], live=True)

    def deploy_body(self, **changes: Any) -> dict[str, Any]:
        sent = {"deployName": "web1", "appName": "web", "version": "1.0.1", "cluster": self.label, "nodeLabel": ""}
        return sent | {"comment": ""} | changes

    def running(self, *positions: int, label: str = "", node_label: str = "") -> Deployment:
        """Return web1, which has run these versions and now is up in the last; the rows that services and engine leave.

        By service it would take several times as long, and that hundreds of times.
        """
        last, label = len(positions), label or self.label
        place = {"selector": Selector.LABEL, "selector_value": label, "node_label": node_label}
        bundle = Bundle.objects.create(
            title="deployment web1", namespace=self.business.namespace, generation=last, kinds=["apps/v1/Deployment"],
            **place,
        )  # fmt: skip
        BundleObject.objects.create(
            bundle=bundle, position=0, api_version="apps/v1", kind="Deployment", namespace=self.business.namespace,
            name="web1", body="{}",
        )  # fmt: skip
        Placement.objects.create(
            bundle=bundle, cluster=self.cluster, generation=last, applied_generation=last, ready_generation=last
        )
        row = Deployment.objects.create(
            business=self.business, name="web1", app_name="web", cluster=label, bundle=bundle, running=True,
            editable=True, status=Status.SUCCESS, **place,
        )  # fmt: skip
        ended = {"open": False, "status": Status.SUCCESS, "audit": Audit.APPROVED, "submitted_by": self.admin}
        versions = [self.versions[position - 1] for position in positions]
        made = Operation.objects.bulk_create(
            Operation(
                deployment=row, kind=Change.NEW if number == 1 else Change.UPGRADE, app_version=version,
                version=version.version, generation=number, **ended,
            )
            for number, version in enumerate(versions, 1)
        )  # fmt: skip
        row.shown = row.current = made[-1]
        row.save()
        return row

    # What calls are made of

    def ask(self, user: User | None, method: str, path: str, body: Any = None) -> Call:
        """Return the call; making it returns the code."""
        client = Api(user)
        return lambda: int(client(method, path, body).status_code)

    def do(self, change: Callable[[], Any]) -> Call:
        """Return the call of a service that has no endpoint: for the back-office and commands."""

        def call() -> int:
            try:
                change()
            except DomainError as error:
                return error.code
            return 200

        return call

    # What it looks like

    def state(self) -> Outcome:
        """Return all that matters of the world's rows, without ids, times and the world's own names."""
        found = [
            [
                (user.username, user.status, user.is_admin, str(user.business), user.deleted_at is not None,
                 user.token_epoch, [word for word in (PASSWORD, OTHER, THIRD) if user.check_password(word)])
                for user in User.objects.filter(username__startswith=self.tag).order_by("pk")
            ],
            [
                (row.name, row.status, row.comment, bool(row.namespace), row.bundle_id is not None)
                for row in Business.objects.filter(name__startswith=self.tag).order_by("pk")
            ],
            self._rows(ExternalRepository, "repository_id", "address"),
            self._rows(VersionLine, "app_name", "line", "last_minor"),
            self._rows(AppVersion, "app_name", "version", "status"),
            self._rows(
                Deployment, "name", "live", "running", "editable", "status", "audit_comment", "cluster", "selector",
                "node_label", "shown__kind", "shown__version", "shown__status", "current__kind", "current__version",
                "bundle__generation", "bundle__selector",
            ),
            self._rows(
                Operation, "deployment__name", "kind", "version", "status", "open", "audit", "audit_comment", "comment",
                "generation", "decided_by__username", path="deployment__business",
            ),
            sorted(
                Placement.objects.filter(cluster__name__startswith=self.tag, present=True).values_list(
                    "cluster__name", "bundle__title", "generation"
                )
            ),
            sorted(
                ClusterLabel.objects.filter(cluster__name__startswith=self.tag).values_list("cluster__name", "label")
            ),
            sorted(
                NodeLabel.objects.filter(node__cluster=self.cluster).values_list(
                    "node__name", "label", "observed", "wanted", "evict"
                ),
                key=repr,
            ),
        ]  # fmt: skip
        return tuple(re.sub(rf"{self.tag}|\bns\d+", "", repr(part)) for part in found)

    def _rows(self, model: Any, *fields: str, path: str = "business") -> list[Any]:
        return list(model.objects.filter(**{path: self.business}).order_by("pk").values_list(*fields))


class Pair:
    """Two threads with connections of their own."""

    def __init__(self) -> None:
        self.threads = ThreadPoolExecutor(2)

    def close(self) -> None:
        meet = threading.Barrier(2)  # so that each of the two has one
        for done in [self.threads.submit(lambda: (meet.wait(10), connections.close_all())) for _ in range(2)]:
            done.result()
        self.threads.shutdown()

    def start_together(self, calls: Sequence[Call]) -> list[int]:
        """Make both calls, begun at the same moment; return their codes."""
        meet = threading.Barrier(2)

        def run(call: Call) -> int:
            meet.wait(10)
            return call()

        return [done.result(60) for done in [self.threads.submit(run, call) for call in calls]]

    def hold_back(self, calls: Sequence[Call], models: Iterable[type[Model]] = ()) -> list[int]:
        """Make both calls, the second once the first waits or has ended; let them go once both do.

        They wait at their first lock or write in these tables, or in any of ours: by then both have read what they
        read before it.
        """
        with held(models or ours()):
            began: list[Future[int]] = []
            for call in calls:
                began.append(self.threads.submit(call))
                wait_until_stuck(began)
        return [done.result(60) for done in began]


def ours() -> list[type[Model]]:
    return [model for name in APPS for model in all_apps.get_app_config(name).get_models()]


@contextmanager
def held(models: Iterable[type[Model]]) -> Iterator[None]:
    """Let others read these tables, but neither write nor lock rows there."""
    tables = [model._meta.db_table for model in models]
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {', '.join(tables)} IN EXCLUSIVE MODE")
        yield


def wait_until_stuck(began: Sequence[Future[int]]) -> None:
    """Wait until each call has ended or waits for a lock."""
    pause = threading.Event()
    for _ in range(2000):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")  # else a transaction sees its first answer again
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()"
            )
            stuck = cursor.fetchone()[0]
        if stuck + sum(done.done() for done in began) >= len(began):
            return
        pause.wait(0.005)
    raise AssertionError("a call neither ended nor waited for a lock")
