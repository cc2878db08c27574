"""One push, measured: a fleet that has joined, a centre started afresh, a deployment and its upgrade."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.centre import Centre, Services, ours
from tests.bench.lean.edge import Edge
from tests.bench.processes import Meter
from tests.run.bodies import app_body
from tests.run.following import Fleet
from tests.run.product import ROOT
from tests.services import HOST

APP = "pushed"
IMAGES = ("nginx:1.27", "nginx:1.28")
# Nothing is looked at but what a push brings with it, and no connection closes while it is measured.
SETTINGS = {
    "OTE_OBSERVE_INTERVAL": "36000",
    "OTE_REAPPLY_SECONDS": "86400",
    "OTE_FULL_LIST_SECONDS": "86400",
    "OTE_IDLE_SECONDS": "600",
    "OTE_PROGRESS_DEADLINE": "3600",
}
BASE, ROUND = "push_base", "push_round"
_UNAPPLIED = "SELECT 1 FROM clusters_placement WHERE bundle_id = %s AND applied_generation < generation LIMIT 1"
_UNPROVEN = "SELECT 1 FROM clusters_placement WHERE bundle_id = %s AND ready_generation < generation LIMIT 1"
_UNDER_WAY = (
    "SELECT 1 FROM deployments_deployment d JOIN deployments_operation o ON o.id = d.current_id "
    "WHERE d.bundle_id = %s AND o.open"
)
_JOINING = (
    "SELECT 1 FROM clusters_placement WHERE ready_generation < generation "
    "UNION ALL SELECT 1 FROM clusters_cluster WHERE nodes_digest = '' LIMIT 1"
)
# Seconds: a cluster takes far less, whatever the machine.
_SECONDS = 60.0
_SECONDS_PER_CLUSTER = 0.06


@dataclass(frozen=True)
class Moment:
    """Seconds since the call. cpu: by group of processes, since the call."""

    wall: float
    cpu: dict[str, float]

    @property
    def ours(self) -> float:
        return ours(self.cpu)


@dataclass(frozen=True)
class Push:
    """One push: when every placement was recorded as applied, and when every one was proven."""

    clusters: int
    applied: Moment
    proven: Moment


@dataclass(frozen=True)
class Floor:
    """The floor's two rounds: wall and CPU seconds, and those of the edge meanwhile."""

    cold: dict[str, float]
    warm: dict[str, float]


class Stage:
    """A fleet of lean clusters that joined a centre, and the database of that moment."""

    def __init__(self, folder: Path, services: Services, edge: Edge) -> None:
        self.folder, self.services, self.edge = folder, services, edge
        self.bodies: list[list[dict[str, str]]] = []
        services.create(BASE)
        with contextlib.closing(Centre(folder / "data", services, BASE, drivers=2, **SETTINGS)) as centre:
            centre.prepare().start().ready()
            self._fleet = Fleet(centre)
            for image in IMAGES:
                self._fleet.ask("POST", "/v1/app", app_body(APP, image))
            self._join(centre)
            centre.wait(_JOINING, every=0.2, seconds=self.patience)
        edge.control(keep=True)

    @property
    def clusters(self) -> int:
        return len(self.edge.places)

    @property
    def patience(self) -> float:
        """Seconds after which something hangs."""
        return _SECONDS + _SECONDS_PER_CLUSTER * self.clusters

    def _join(self, centre: Centre) -> None:
        places = [
            {"name": place.name, "server": place.server, "token": place.token, "uid": place.uid, "ca": self.edge.ca}
            for place in self.edge.places
        ]
        joining = [sys.executable, "-m", "tests.bench.joining"]
        subprocess.run(joining, cwd=ROOT, env=centre.env, input=json.dumps(places), text=True, check=True)

    @contextlib.contextmanager
    def round(self, *, drivers: int = 2, **env: str) -> Iterator[Round]:
        """Everything as it was after joining, and a centre that has just started."""
        self.services.create(ROUND, template=BASE)
        self.edge.control(restore=True)
        made = Centre(self.folder / "data", self.services, ROUND, drivers=drivers, **(SETTINGS | env))
        with contextlib.closing(made) as centre:
            centre.start().ready()
            self._fleet.product = centre
            yield Round(self, centre, self._fleet)

    def floor(self, side_by_side: int) -> Floor:
        """Send the same bytes, and nothing else, from a bare client."""
        self.edge.control(restore=True)
        clusters = [
            {"host": HOST, "port": place.port, "path": f"/clusters/{place.name}", "token": place.token}
            for place in self.edge.places
        ]
        work = {"clusters": clusters, "ca": self.edge.ca, "rounds": self.bodies, "side_by_side": side_by_side}
        meter = self.edge_meter()
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.floor"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        assert process.stdin is not None and process.stdout is not None
        json.dump(work, process.stdin)
        process.stdin.close()
        found = []
        for _ in self.bodies:
            found.append(json.loads(process.stdout.readline()) | {"edge": meter.read()["edge"]})
            meter = self.edge_meter()
        process.stdout.close()
        assert process.wait() == 0
        return Floor(*found)

    def edge_meter(self) -> Meter:
        return Meter({"edge": self.edge.pids})


class Round:
    """A started centre, on which a deployment is pushed and upgraded."""

    def __init__(self, stage: Stage, centre: Centre, fleet: Fleet) -> None:
        self.stage, self.centre, self._fleet = stage, centre, fleet
        self._deployment = self._bundle = 0

    def cold(self) -> Push:
        """Deploy: no connection is open yet."""
        body = {
            "deployName": "pushed",
            "appName": APP,
            "version": "1.1.1",
            "cluster": "",
            "nodeLabel": "",
            "comment": "",
        }
        found = self._push("/v1/deploy", body)
        self._keep_bodies(1)
        return found

    def warm(self) -> Push:
        """Upgrade it, over the connections that are open."""
        self.centre.wait(_UNDER_WAY, self._bundle, every=0.1, seconds=self.stage.patience)
        found = self._push(f"/v1/deploy/id/{self._deployment}", {"version": "1.1.2"})
        self._keep_bodies(2)
        return found

    def _push(self, path: str, body: dict[str, Any]) -> Push:
        centre, stage = self.centre, self.stage
        every = 0.01 if stage.clusters <= 1000 else 0.1
        meter = Meter(centre.groups() | {"edge": stage.edge.pids})
        began = time.monotonic()
        self._fleet.ask("POST", path, body)
        if not self._bundle:
            rows = centre.query("SELECT id, bundle_id FROM deployments_deployment WHERE name = %s", "pushed")
            self._deployment, self._bundle = rows[0]
        moments = []
        for statement in (_UNAPPLIED, _UNPROVEN):
            at = centre.wait(statement, self._bundle, every=every, seconds=stage.patience)
            cpu = meter.read()
            cpu["database"] -= cpu.pop("watching")
            moments.append(Moment(at - began, cpu))
        return Push(stage.clusters, *moments)

    def _keep_bodies(self, number: int) -> None:
        """Keep what was sent, for the floor and the peers."""
        if len(self.stage.bodies) >= number:
            return
        rows = self.centre.query(
            "SELECT kind, namespace, name, body FROM clusters_bundleobject WHERE bundle_id = %s ORDER BY position",
            self._bundle,
        )
        paths = {
            "Deployment": "/apis/apps/v1/namespaces/{}/deployments/{}",
            "Service": "/api/v1/namespaces/{}/services/{}",
        }
        self.stage.bodies.append([
            {"method": "PATCH", "path": paths[kind].format(namespace, name) + "?fieldManager=otestack&force=true",
             "content_type": "application/apply-patch+yaml", "body": body}
            for kind, namespace, name, body in rows
        ])  # fmt: skip
