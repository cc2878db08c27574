"""A running product seen by its users: a tenant, deployments, the clusters' own word, and the edge's control."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from kubernetes import client, config

from otestack.supervisor.process import children_of
from tests.faults import invariants
from tests.faults.edge import Edge
from tests.faults.records import Away, Records
from tests.faults.sampler import Sampler
from tests.run.bodies import app_body
from tests.run.product import DEADLINE, ROOT, Product, until

ADMIN_PASSWORD = "Passw0rdXy"
CLUSTERS = ("beijing", "guangzhou", "shanghai")
APP = "web"
# Versions of the application, in the order in which they are made; the last never comes up.
IMAGES = {"1.1.1": "nginx:1.27", "1.1.2": "nginx:1.28", "1.1.3": "nginx:never"}
# Seconds. Small, so that time-outs come soon; the relations between them are those of the defaults.
SETTINGS = {
    "OTE_EDGE": "simulated",
    "OTE_ADMIN_PASSWORD": ADMIN_PASSWORD,
    "OTE_OBSERVE_INTERVAL": "2",
    "OTE_LEASE_SECONDS": "6",
    "OTE_PASS_SECONDS": "4",
    "OTE_REQUEST_SECONDS": "2",
    "OTE_WINDOW_SECONDS": "10",
    "OTE_RETRY_CAP": "10",
    "OTE_PROGRESS_DEADLINE": "12",
}
RETRY_BASE = 1.0
# Seconds that one answer of the edge takes while a test interferes: a push of two objects then takes twice as long.
SLOW = 1.2

_names = (f"d{number}" for number in itertools.count(1))


@dataclass(frozen=True)
class Tenant:
    """A business, and the token of its administrator."""

    number: int
    token: str

    @property
    def namespace(self) -> str:
        """Its namespace in every cluster."""
        return f"ns{self.number}"


class Fleet:
    """One product with its clusters, and a business whose administrator deploys."""

    def __init__(self, product: Product, clusters: Sequence[str] = CLUSTERS, edge: Edge | None = None) -> None:
        self.product, self.clusters = product, clusters
        self._written = 0
        self.system = self.log_in("admin", ADMIN_PASSWORD)
        made = self.add_tenant("boss", "acme")
        self.tenant, self.namespace = made.token, made.namespace
        self.edge = edge or Edge(product.data_dir)
        self.records = Records(product.env)

    # The API.

    def call(self, method: str, path: str, body: Any = None, token: str | None = None) -> Any:
        """One request that must succeed; returns the answer."""
        code, answer = self.product.request(method, path, body, self.tenant if token is None else token)
        assert code == 200, (method, path, code, answer, self.product.log[-3000:])
        return answer

    def log_in(self, name: str, password: str) -> str:
        """Return a token."""
        token: str = self.call("POST", "/v1/authorization", {"user": name, "password": password}, "")["token"]
        return token

    def add_tenant(self, user: str, business: str) -> Tenant:
        """Return a business with its administrator, who has made the application's versions."""
        boss = {"user": user, "password": ADMIN_PASSWORD, "phone": "12345678910", "realName": "B", "isAdmin": True}
        self.call("POST", "/v1/user", boss, "")
        waiting = self.call("GET", "/v1/admin/user?pageSize=0", token=self.system)["data"]
        number = next(row["id"] for row in waiting if row["user"] == user)
        self.call("PUT", f"/v1/admin/user/{number}", {"status": 1}, self.system)
        body = {"name": business, "introduce": "i", "objective": "o", "scale": "s"}
        self.call("POST", "/v1/business", body, self.log_in(user, ADMIN_PASSWORD))
        number = self.call("GET", f"/v1/business?name={business}", token=self.system)["data"][0]["id"]
        self.call("PUT", f"/v1/business/id/{number}", {"status": 1, "comment": ""}, self.system)
        made = Tenant(number, self.log_in(user, ADMIN_PASSWORD))
        for image in IMAGES.values():
            self.call("POST", "/v1/app", app_body(APP, image), made.token)
        return made

    def deploy(self, version: str = "1.1.1", name: str = "", *, cluster: str = "", token: str = "") -> Deployed:
        """Deploy the application to all clusters, or to those that `cluster` means, as the tenant or whose token it is.

        The web server must answer, as for every change that is asked for here.
        """
        made = Deployed(self, name or next(_names), token or self.tenant)
        body = {"appName": APP, "version": version, "cluster": cluster, "nodeLabel": "", "comment": ""}
        self.call("POST", "/v1/deploy", body | {"deployName": made.name}, made.token)
        rows = self.call("GET", "/v1/deploy?pageSize=0", token=made.token)["data"]
        made.id = next(row["id"] for row in rows if row["deployName"] == made.name)
        return made

    def manage(self, *arguments: str) -> str:
        """Run a command of the product; it must succeed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self.product.env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    # The edge.

    def kube(self, cluster: str) -> Any:
        """Return a client of a cluster's own API."""
        return config.new_client_from_config(str(self.kubeconfig(cluster)))

    def kubeconfig(self, cluster: str) -> Path:
        """Return the file that says how to reach a cluster."""
        return self.product.data_dir / "kubeconfigs" / f"{cluster}.yaml"

    def images(self, name: str) -> dict[str, str]:
        """Return the image that each cluster runs under this name; clusters that run nothing are left out."""
        found = {}
        for cluster in self.clusters:
            with self.kube(cluster) as api:
                items = client.AppsV1Api(api).list_namespaced_deployment(self.namespace).items
            for item in items:
                if item.metadata.name == name:
                    found[cluster] = item.spec.template.spec.containers[0].image
        return found

    def control(self, **change: Any) -> Any:
        """Change the simulated edge while it runs; returns its state."""
        return self.edge.control(**change)

    @contextlib.contextmanager
    def slow(self) -> Iterator[None]:
        """While this lasts a push takes seconds, so that there is a middle to interfere in."""
        self._written = self._writes(self.control(latency=SLOW))
        try:
            yield
        finally:
            with contextlib.suppress(requests.ConnectionError):
                self.control(latency=0)

    @staticmethod
    def _writes(state: Any) -> int:
        return sum(cluster["writes"] for cluster in state["clusters"].values())

    def in_the_middle(self, deployed: Deployed) -> None:
        """Wait until the slow edge has taken something of a change of which the centre knows nothing yet."""
        until(lambda: self._writes(self.control()) > self._written, "the push has begun")
        assert deployed.taken() < len(self.clusters), "the push was over before anything happened"

    # The invariants.

    def sampler(self) -> Sampler:
        """Return a sampler of what the API says and what the clusters hold."""

        def deployments() -> list[dict[str, Any]] | None:
            code, answer = self.product.request("GET", "/v1/deploy?pageSize=0", token=self.system)
            assert code in {0, 200} or code >= 500, (code, answer)
            return answer["data"] if code == 200 else None

        return Sampler(self.edge, self.records, deployments, len(self.clusters))

    @contextlib.contextmanager
    def watched(
        self, *, calm: float = DEADLINE, away: Collection[str] = (), orphans: Collection[str] = ()
    ) -> Iterator[Sampler]:
        """Hold a block of faults to the invariants: while it lasts, and at its end, which is calm within `calm` s.

        away: clusters that are not reached at its end. orphans: bundles that this centre has lost.
        """
        with self.sampler() as sampler:
            yield sampler
            self.is_calm(sampler, calm, away=away, orphans=orphans)
        found = invariants.false_greens(sampler)
        found += invariants.old_generations(sampler, away=away)
        found += invariants.too_many_tries(sampler, base=RETRY_BASE, cap=float(SETTINGS["OTE_RETRY_CAP"]))
        assert not found, "\n".join(found[:20])

    def is_calm(self, sampler: Sampler, seconds: float, **options: Any) -> None:
        """Wait until everything is as it should be."""
        found: list[str] = []

        def calm() -> bool:
            try:
                found[:] = invariants.differences(self.records.ask("everything"), sampler.diary.now(), **options)
            except Away as away:
                found[:] = [str(away)]
            return not found

        try:
            until(calm, "everything is as it should be", seconds)
        except AssertionError as error:
            raise AssertionError("\n".join([str(error), *found[:20], self.product.log[-3000:]])) from None

    # The processes.

    def answers(self) -> None:
        """Wait until the web server answers."""
        until(lambda: self.product.request("GET", "/v1/deploy?pageSize=1", token=self.tenant)[0] == 200, "web answers")

    def group(self, part: str) -> list[int]:
        """Return a part's process and its children."""
        head: int = until(lambda: self.product.part(part), f"{part} runs")
        return [head, *children_of(head)]

    def kill(self, *parts: str) -> None:
        """Kill parts with all their processes, as a power cut would."""
        for pid in [pid for part in parts for pid in self.group(part)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


class Deployed:
    """One deployment, and the token of who made it."""

    def __init__(self, fleet: Fleet, name: str, token: str) -> None:
        self.fleet, self.name, self.token, self.id = fleet, name, token, 0

    def read(self) -> Any:
        """Return what the API says; None while the web server is down."""
        code, answer = self.fleet.product.request("GET", f"/v1/deploy/id/{self.id}", token=self.token)
        assert code in {0, 200}, (code, answer)
        return answer and answer["data"]

    def status(self) -> int:
        """Return its status; 0 while the web server is down."""
        return (self.read() or {"status": 0})["status"]

    def reaches(self, status: int, seconds: float = DEADLINE) -> None:
        """Wait for a status."""
        try:
            until(lambda: self.status() == status, f"{self.name} has status {status}", seconds)
        except AssertionError as error:
            log = self.fleet.product.log[-6000:]
            raise AssertionError(f"{error}: {self.read()} {self.clusters()}\n{log}") from None

    def clusters(self) -> dict[str, Any]:
        """Return the detail of each cluster."""
        rows = self.fleet.call("GET", f"/v1/deploy/id/{self.id}/clusters?pageSize=0", token=self.token)["data"]
        return {row["clusterName"]: row for row in rows}

    def taken(self) -> int:
        """Return how many clusters hold what is wanted, as far as the centre knows."""
        rows = self.clusters().values()
        return sum(row["appliedGeneration"] == row["generation"] and row["state"] != "removing" for row in rows)

    def upgrade(self, version: str) -> None:
        """Ask for another version."""
        self.fleet.call("POST", f"/v1/deploy/id/{self.id}", {"version": version}, self.token)

    def delete(self) -> None:
        """Ask for its end."""
        self.fleet.call("DELETE", f"/v1/deploy/{self.name}", token=self.token)

    def is_everywhere(self, version: str = "1.1.1", seconds: float = DEADLINE) -> None:
        """Wait for success, which the clusters must confirm."""
        self.reaches(5, seconds)
        assert self.fleet.images(self.name) == dict.fromkeys(self.fleet.clusters, IMAGES[version])

    def is_put_back(self, version: str, seconds: float = DEADLINE) -> None:
        """Wait for success where the clusters were changed behind the centre's back.

        What happened after its last look it has not seen, so a success from before may still stand, for as long as
        the invariants let it.
        """
        wanted = dict.fromkeys(self.fleet.clusters, IMAGES[version])
        what = f"{self.name} is everywhere again"
        until(lambda: self.status() == 5 and self.fleet.images(self.name) == wanted, what, seconds)

    def is_gone(self) -> None:
        """Wait for its end, which the clusters must confirm."""
        self.reaches(9)
        assert self.fleet.images(self.name) == {}
