"""One simulator for the whole folder; every test works in a namespace of its own."""

import itertools
import json
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest
import requests

from clusters.simulator import Simulator

T = TypeVar("T")
CLUSTER = "edge"
NODES = 3
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
_numbers = itertools.count(1)


def wait_for(read: Callable[[], T], what: str, seconds: float = 10.0) -> T:
    """Poll until the value is truthy; fail naming what did not come."""
    end = time.monotonic() + seconds
    while not (value := read()):
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.02)
    return value


class Api:
    """A cluster's API over HTTPS."""

    def __init__(self, simulator: Simulator, cluster: str) -> None:
        self.url = simulator.server(cluster)
        self.session = requests.Session()
        self.session.trust_env = False  # a CA bundle of the environment would win over verify
        self.session.verify = str(simulator.ca_file)
        self.session.headers["Authorization"] = f"Bearer {simulator.token(cluster)}"
        self.session.headers["User-Agent"] = "tests/1.0"

    def call(self, method: str, path: str, body: Any = None, content: str = "application/json", **query: Any):
        data = None if body is None else body if isinstance(body, bytes | str) else json.dumps(body)
        headers = {"Content-Type": content} if data is not None else {}
        return self.session.request(method, self.url + path, data=data, headers=headers, params=query, timeout=10)

    def get(self, path: str, **query: Any):
        return self.call("GET", path, **query)

    def read(self, path: str, **query: Any) -> dict[str, Any]:
        response = self.get(path, **query)
        assert response.status_code == 200, response.text
        return response.json()

    def post(self, path: str, body: Any, **query: Any):
        return self.call("POST", path, body, **query)

    def put(self, path: str, body: Any, **query: Any):
        return self.call("PUT", path, body, **query)

    def patch(self, path: str, body: Any, content: str = MERGE, **query: Any):
        return self.call("PATCH", path, body, content, **query)

    def apply(self, path: str, body: Any, manager: str = "tests", **query: Any):
        return self.call("PATCH", path, body, APPLY, fieldManager=manager, **query)

    def delete(self, path: str, body: Any = None, **query: Any):
        return self.call("DELETE", path, body, **query)


class Space:
    """A namespace and the paths in it."""

    def __init__(self, api: Api, name: str) -> None:
        self.api, self.name = api, name
        self.core = f"/api/v1/namespaces/{name}"
        self.apps = f"/apis/apps/v1/namespaces/{name}"

    def pods(self, **query: Any) -> list[dict[str, Any]]:
        return self.api.read(f"{self.core}/pods", **query)["items"]

    def deployment(self, name: str = "web") -> dict[str, Any]:
        return self.api.read(f"{self.apps}/deployments/{name}")

    def is_rolled_out(self, name: str = "web") -> bool:
        found = self.deployment(name)
        status, wanted = found.get("status", {}), found["spec"]["replicas"]
        counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
        return status.get("observedGeneration") == found["metadata"]["generation"] and counts == [wanted] * 3


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    sizes = {CLUSTER: NODES, "other": 1}
    with Simulator(
        tmp_path_factory.mktemp("edge"),
        sizes,
        gpus=1,
        pod_ready_seconds=0.1,
        rollout_step_seconds=0.05,
        persist=False,
        watch_history=500,
    ) as running:
        yield running


@pytest.fixture(scope="session")
def api(simulator: Simulator) -> Api:
    return Api(simulator, CLUSTER)


@pytest.fixture
def space(api: Api) -> Iterator[Space]:
    name = f"space-{next(_numbers)}"
    assert api.post("/api/v1/namespaces", {"metadata": {"name": name}}).status_code == 201
    yield Space(api, name)
    api.delete(f"/api/v1/namespaces/{name}")


def pod_spec(image: str = "nginx:1.27", **more: Any) -> dict[str, Any]:
    return {"containers": [{"name": "main", "image": image}]} | more


def workload(
    kind: str = "Deployment",
    name: str = "web",
    image: str = "nginx:1.27",
    pod: dict[str, Any] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    """A Deployment, DaemonSet or StatefulSet with one container."""
    template = {"metadata": {"labels": {"app": name}}, "spec": pod_spec(image, **(pod or {}))}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": template} | spec,
    }


def config_map(name: str = "settings", **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
