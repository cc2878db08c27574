"""A running product seen by its users: a tenant, deployments, the clusters' own word, and the edge's control."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import requests
from kubernetes import client, config

from otestack.supervisor.process import children_of
from tests.faults import invariants
from tests.faults.edge import Edge
from tests.faults.records import Records
from tests.faults.sampler import Sampler
from tests.run.product import Product, until

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
# Seconds that one answer of the edge takes while a test interferes: a push of two objects then takes twice as long.
SLOW = 1.2

_names = (f"d{number}" for number in itertools.count(1))


class Fleet:
    """One product with three clusters, and a business whose administrator deploys."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self._written = 0
        self.system = self.log_in("admin", ADMIN_PASSWORD)
        self.tenant = self._make_tenant()
        self.edge = Edge(product.data_dir)
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

    def _make_tenant(self) -> str:
        boss = {"user": "boss", "password": ADMIN_PASSWORD, "phone": "12345678910", "realName": "B", "isAdmin": True}
        self.call("POST", "/v1/user", boss, "")
        waiting = self.call("GET", "/v1/admin/user?pageSize=0", token=self.system)["data"]
        number = next(row["id"] for row in waiting if row["user"] == "boss")
        self.call("PUT", f"/v1/admin/user/{number}", {"status": 1}, self.system)
        business = {"name": "acme", "introduce": "i", "objective": "o", "scale": "s"}
        self.call("POST", "/v1/business", business, self.log_in("boss", ADMIN_PASSWORD))
        number = self.call("GET", "/v1/business?name=acme", token=self.system)["data"][0]["id"]
        self.call("PUT", f"/v1/business/id/{number}", {"status": 1, "comment": ""}, self.system)
        self.namespace = f"ns{number}"
        self.tenant = self.log_in("boss", ADMIN_PASSWORD)
        for image in IMAGES.values():
            self.call("POST", "/v1/app", app_body(APP, image))
        return self.tenant

    def deploy(self, version: str = "1.1.1", name: str = "") -> Deployed:
        """Deploy the application to all clusters."""
        made = Deployed(self, name or next(_names))
        body = {"appName": APP, "version": version, "cluster": "", "nodeLabel": "", "comment": ""}
        self.call("POST", "/v1/deploy", body | {"deployName": made.name})
        rows = self.call("GET", "/v1/deploy?pageSize=0")["data"]
        made.id = next(row["id"] for row in rows if row["deployName"] == made.name)
        return made

    # The edge.

    def kube(self, cluster: str) -> Any:
        """Return a client of a cluster's own API."""
        path = self.product.data_dir / "kubeconfigs" / f"{cluster}.yaml"
        return config.new_client_from_config(str(path))

    def images(self, name: str) -> dict[str, str]:
        """Return the image that each cluster runs under this name; clusters that run nothing are left out."""
        found = {}
        for cluster in CLUSTERS:
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
        assert deployed.taken() < len(CLUSTERS), "the push was over before anything happened"

    # The invariants.

    def sampler(self) -> Sampler:
        """Return a sampler of what the API says and what the clusters hold."""

        def deployments() -> list[dict[str, Any]] | None:
            _, answer = self.product.request("GET", "/v1/deploy?pageSize=0", token=self.tenant)
            return answer and answer["data"]

        return Sampler(self.edge, self.records, deployments)

    @contextlib.contextmanager
    def watched(
        self,
        *,
        calm: float = 60,
        longest: float = 30,
        excused: Sequence[tuple[float, float]] = (),
        away: Collection[str] = (),
        orphans: Collection[str] = (),
    ) -> Iterator[Sampler]:
        """Hold a block of faults to the invariants: while it lasts, and at its end, which must be calm in `calm` s.

        longest: seconds that an older generation may stay, but for the times in `excused`, to which the block may add.
        """
        with self.sampler() as sampler:
            yield sampler
            self.is_calm(sampler, calm, away=away, orphans=orphans)
        found = invariants.false_greens(sampler)
        found += invariants.old_generations(sampler, longest, excused=excused, away=away)
        found += invariants.too_many_tries(sampler, base=1, cap=float(SETTINGS["OTE_RETRY_CAP"]))
        assert not found, "\n".join(found[:20])

    def is_calm(self, sampler: Sampler, seconds: float, **options: Any) -> None:
        """Wait until everything is as it should be."""
        found: list[str] = []

        def calm() -> bool:
            objects = sampler.diary.now()
            found[:] = invariants.differences(self.records.ask("everything"), objects, **options)
            return not found

        try:
            until(calm, "everything is as it should be", seconds)
        except AssertionError as error:
            raise AssertionError("\n".join([str(error), *found[:20], self.product.log[-3000:]])) from None

    # The processes.

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
    """One deployment."""

    def __init__(self, fleet: Fleet, name: str) -> None:
        self.fleet, self.name, self.id = fleet, name, 0

    def read(self) -> Any:
        """Return what the API says; None while the web server is down."""
        code, answer = self.fleet.product.request("GET", f"/v1/deploy/id/{self.id}", token=self.fleet.tenant)
        assert code in {0, 200}, (code, answer)
        return answer and answer["data"]

    def status(self) -> int:
        """Return its status; 0 while the web server is down."""
        return (self.read() or {"status": 0})["status"]

    def reaches(self, status: int, seconds: float = 60) -> None:
        """Wait for a status."""
        try:
            until(lambda: self.status() == status, f"{self.name} has status {status}", seconds)
        except AssertionError as error:
            log = self.fleet.product.log[-6000:]
            raise AssertionError(f"{error}: {self.read()} {self.clusters()}\n{log}") from None

    def clusters(self) -> dict[str, Any]:
        """Return the detail of each cluster."""
        rows = self.fleet.call("GET", f"/v1/deploy/id/{self.id}/clusters?pageSize=0")["data"]
        return {row["clusterName"]: row for row in rows}

    def taken(self) -> int:
        """Return how many clusters hold what is wanted, as far as the centre knows."""
        rows = self.clusters().values()
        return sum(row["appliedGeneration"] == row["generation"] and row["state"] != "removing" for row in rows)

    def upgrade(self, version: str) -> None:
        """Ask for another version."""
        self.fleet.call("POST", f"/v1/deploy/id/{self.id}", {"version": version})

    def delete(self) -> None:
        """Ask for its end."""
        self.fleet.call("DELETE", f"/v1/deploy/{self.name}")

    def is_everywhere(self, version: str = "1.1.1", seconds: float = 60) -> None:
        """Wait for success, which the clusters must confirm."""
        self.reaches(5, seconds)
        assert self.fleet.images(self.name) == dict.fromkeys(CLUSTERS, IMAGES[version])

    def is_gone(self) -> None:
        """Wait for its end, which the clusters must confirm."""
        self.reaches(9)
        assert self.fleet.images(self.name) == {}


def app_body(name: str, image: str) -> dict[str, Any]:
    """Return a request for a version of an application."""
    return {
        "appName": name, "deployType": "deployment", "version": "1.1", "image": image, "replicas": 2,
        "port": [{"port": 80}], "minCPU": 10, "maxCPU": 50, "minMemory": 32, "maxMemory": 64, "isHPA": False,
        "targetCPUUtilization": 80, "targetMemUtilization": 80, "maxUnavailable": 1, "maxSurge": 1,
        "minReadySeconds": 0,
    }  # fmt: skip
