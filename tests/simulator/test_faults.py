"""Clusters that are away or slow, injected errors, the control endpoint, and a restart."""

import itertools
import json
import threading
import time

import pytest
import requests

from clusters.simulator import Simulator

from .conftest import CLUSTER, Api, config_map, wait_for, workload


@pytest.fixture
def other(simulator):
    yield Api(simulator, "other")
    simulator.set_away("other", False)
    simulator.set_latency(0.0)


def test_a_cluster_that_hangs(other, simulator):
    simulator.set_away("other", True)
    with pytest.raises(requests.exceptions.ReadTimeout):
        other.session.get(other.url + "/version", timeout=0.3)
    assert Api(simulator, CLUSTER).get("/version").status_code == 200
    simulator.set_away("other", False)
    assert Api(simulator, "other").get("/version").json()["minor"] == "37"


def test_a_cluster_that_refuses(other, simulator):
    simulator.set_away("other", "refuse")
    with pytest.raises(requests.exceptions.ConnectionError):
        other.get("/version")


def test_latency(other, simulator):
    simulator.set_latency(0.2)
    start = time.monotonic()
    other.get("/version")
    assert time.monotonic() - start >= 0.2


def test_injected_errors(other, simulator):
    simulator.fail_next("other", 429, 1, method="GET", kind="Node")
    simulator.fail_next("other", 500, 2, kind="ConfigMap")
    assert other.get("/api/v1/pods").status_code == 200
    slow = other.get("/api/v1/nodes")
    assert (slow.status_code, slow.json()["reason"], slow.headers["Retry-After"]) == (429, "TooManyRequests", "1")
    assert other.get("/api/v1/nodes").status_code == 200
    assert [other.get("/api/v1/configmaps").status_code for _ in range(3)] == [500, 500, 200]


def test_requests_are_counted(other, simulator):
    simulator.reset_requests("other")
    other.get("/api/v1/nodes")
    other.get("/api/v1/nodes")
    other.post("/api/v1/namespaces/default/configmaps", config_map("counted"))
    assert simulator.requests("other") == {("GET", "Node"): 2, ("POST", "ConfigMap"): 1}


def test_the_control_endpoint(other, simulator):
    def control(method, token, body=None):
        headers = {"Authorization": f"Bearer {token}"}
        return other.session.request(method, simulator.control_url, json=body, headers=headers, timeout=5)

    assert control("GET", "wrong").status_code == 401
    body = {"away": {"other": "refuse"}, "latency": 0.01, "fail": [{"cluster": CLUSTER, "status": 503, "kind": "Job"}]}
    state = control("PUT", simulator.control_token, body).json()
    assert state["clusters"]["other"]["away"] == "refuse"
    assert state["latency"] == 0.01
    assert Api(simulator, CLUSTER).get("/apis/batch/v1/jobs").status_code == 503
    assert control("PUT", simulator.control_token, {"away": {"other": "sideways"}}).status_code == 400
    assert control("PUT", simulator.control_token, {"away": {"other": False}}).json()["clusters"]["other"]["away"] == ""


def test_the_diary_of_all_clusters(simulator):
    def lines(token):
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{simulator.control_url}/changes?label=noted"
        return requests.get(url, headers=headers, verify=str(simulator.ca_file), stream=True, timeout=5)

    def noted(name, label):
        made = config_map(name)
        made["metadata"]["labels"] = {label: "1"}
        return made

    assert lines("wrong").status_code == 401
    api = Api(simulator, CLUSTER)
    path = "/api/v1/namespaces/default/configmaps"
    api.post(path, noted("first", "noted"))
    api.post(path, noted("unnoted", "other"))
    with lines(simulator.control_token) as answer:
        told = (json.loads(line) for line in answer.iter_lines(chunk_size=None))
        first, whole = next(told), next(told)
        assert (first["cluster"], first["kind"], first["name"]) == (CLUSTER, "ConfigMap", "first")
        assert first["object"]["apiVersion"] == "v1"
        assert whole.keys() == {"at"}
        simulator.set_away(CLUSTER, "refuse")  # who follows the diary hears of it all the same
        simulator.set_away(CLUSTER, False)
        api.post(path, noted("second", "noted"))
        api.delete(f"{path}/first")
        api.put(f"{path}/second", noted("second", "other"))
        changes = (line for line in told if "cluster" in line)
        seen = [next(changes) for _ in range(3)]
        assert [(line["name"], line["object"] is None) for line in seen] == [
            ("second", False), ("first", True), ("second", True),
        ]  # fmt: skip
        assert whole["at"] <= seen[0]["at"] <= seen[1]["at"] <= seen[2]["at"]
    api.delete(f"{path}/second")
    api.delete(f"{path}/unnoted")


def test_everything_is_back_after_a_restart(tmp_path):
    with Simulator(tmp_path, {"one": 2}, pod_ready_seconds=0.05) as first:
        api, port, uid, token = Api(first, "one"), first.port, first.uid("one"), first.token("one")
        api.apply("/apis/apps/v1/namespaces/default/deployments/web", workload(replicas=2))
        api.post("/api/v1/namespaces/default/configmaps", config_map("gone"))
        api.delete("/api/v1/namespaces/default/configmaps/gone")
        before = api.read("/apis/apps/v1/namespaces/default/deployments/web")["metadata"]
        version = int(api.read("/api/v1/namespaces")["metadata"]["resourceVersion"])
    with Simulator(tmp_path, {"one": 2}, pod_ready_seconds=0.05) as second:
        assert (second.port, second.uid("one"), second.token("one")) == (port, uid, token)
        api = Api(second, "one")
        path = "/apis/apps/v1/namespaces/default/deployments/web"
        assert api.read(path)["metadata"]["uid"] == before["uid"]
        assert int(api.read("/api/v1/namespaces")["metadata"]["resourceVersion"]) >= version
        assert api.get("/api/v1/namespaces/default/configmaps/gone").status_code == 404
        wait_for(lambda: api.read(path)["status"].get("availableReplicas") == 2, "the interrupted rollout")


@pytest.mark.parametrize("path", ["serviceaccounts/default", "configmaps/kube-root-ca.crt"])
def test_what_every_namespace_has_comes_back(simulator, path):
    api = Api(simulator, CLUSTER)
    before = api.read(f"/api/v1/namespaces/default/{path}")["metadata"]["uid"]
    api.delete(f"/api/v1/namespaces/default/{path}")

    def again():
        found = api.get(f"/api/v1/namespaces/default/{path}")
        return found.status_code == 200 and found.json()["metadata"]["uid"] != before

    wait_for(again, "a new one")


def test_many_clusters_are_cheap_to_add(tmp_path):
    names = [f"edge-{number:04d}" for number in range(1000)]
    with Simulator(tmp_path, names, persist=False) as many:
        start = time.monotonic()
        last = Api(many, names[-1])
        assert len(last.read("/api/v1/nodes")["items"]) == 4
        assert time.monotonic() - start < 5
        many.add_cluster("late", 2)
        assert len(Api(many, "late").read("/api/v1/nodes")["items"]) == 2


@pytest.mark.parametrize("persist", [False, True])
def test_a_cluster_that_is_rebuilt_is_another_one_and_empty(tmp_path, persist):
    path = "/api/v1/namespaces/default/configmaps"

    def holds(running, name):
        api = Api(running, CLUSTER)
        assert api.get(f"{path}/gone").status_code == 404
        assert api.get(f"{path}/{name}").status_code == 200
        assert api.read("/api/v1/namespaces/kube-system")["metadata"]["uid"] == running.uid(CLUSTER) != uid
        assert api.read("/api/v1/nodes")["items"]

    with Simulator(tmp_path, [CLUSTER], persist=persist) as first:
        uid = first.uid(CLUSTER)
        api = Api(first, CLUSTER)
        api.post(path, config_map("gone"))
        api.delete("/api/v1/nodes/edge-node-1")
        first.rebuild(CLUSTER)
        api.post(path, config_map("new"))
        holds(first, "new")
        again = first.uid(CLUSTER)
    if persist:
        with Simulator(tmp_path, [CLUSTER]) as second:
            assert second.uid(CLUSTER) == again
            holds(second, "new")


def test_what_is_under_way_to_a_cluster_that_is_rebuilt_is_lost_with_it(tmp_path):
    with Simulator(tmp_path, [CLUSTER], persist=False, latency=0.2) as again:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "late", "labels": {"noted": "1"}}}
        headers = {"Authorization": f"Bearer {again.control_token}"}
        url = f"{again.control_url}/changes?label=noted"
        with requests.get(url, headers=headers, verify=str(again.ca_file), stream=True, timeout=5) as answer:
            told = (json.loads(line) for line in answer.iter_lines(chunk_size=None))
            next(told)
            under_way = threading.Thread(target=Api(again, CLUSTER).post, args=("/api/v1/namespaces", body))
            under_way.start()
            while under_way.is_alive():
                again.rebuild(CLUSTER)
            over = time.time()
            changes = list(itertools.takewhile(lambda line: "cluster" in line or line["at"] < over, told))
        last = {line["name"]: line["object"] for line in changes if "cluster" in line}
        there = Api(again, CLUSTER).read("/api/v1/namespaces", labelSelector="noted")["items"]
        assert [name for name, found in last.items() if found] == [item["metadata"]["name"] for item in there]


def test_kubeconfigs_are_private_and_work(simulator, tmp_path):
    from kubernetes import client, config

    paths = simulator.write_kubeconfigs(tmp_path / "kubeconfigs")
    assert {path.stat().st_mode & 0o777 for path in paths} == {0o600}
    with config.new_client_from_config(str(paths[0])) as connection:
        core = client.CoreV1Api(connection)
        assert core.read_namespace("kube-system").metadata.uid == simulator.uid(paths[0].stem)
        assert core.list_node(limit=1).metadata._continue
