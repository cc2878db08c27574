"""What is read of an edge's answers; whatever it sends, an EdgeError at most, and values that our columns hold."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.drivers.base import EdgeError, Foreign, Hopeless, ObservedNode, ObservedPod, Ref, Workload
from clusters.drivers.kubernetes.client import Limits, _refusal
from clusters.drivers.kubernetes.driver import KubernetesDriver
from clusters.drivers.kubernetes.kinds import KINDS
from clusters.drivers.kubernetes.wire import (
    decode_item,
    decode_list,
    number,
    observed,
    observed_node,
    observed_pod,
    one_line,
    quantity,
    scaled_by_others,
)
from clusters.engine.labels import BUNDLE, CENTRE, GENERATION, MANAGED_BY, MANAGER

DEPLOYMENT, DAEMONSET = "apps/v1/Deployment", "apps/v1/DaemonSet"


def item(**content: Any) -> Any:
    content.setdefault("metadata", {"name": "a", "uid": "u"})
    return decode_item(json.dumps(content).encode())


def load(kind: str, spec: Any = None, status: Any = None, generation: int = 1) -> Workload:
    one = observed(
        kind,
        "workload",
        item(metadata={"name": "a", "generation": generation}, spec=spec or {}, status=status or {}),
    )
    assert one.workload is not None
    return one.workload


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4", 4),
        ("0", 0),
        ("3900m", 3),
        ("1.5", 1),
        ("16384516Ki", 16384516 * 1024),
        ("1Mi", 1 << 20),
        ("2Gi", 2 << 30),
        ("1Ti", 1 << 40),
        ("5k", 5000),
        ("5M", 5_000_000),
        ("1e3", 1000),
        ("1E3", 1000),
        ("2E", 2 * 10**18),
        ("9e60", 2**63 - 1),
        ("9" * 39 + "Ei", 2**63 - 1),
        ("9" * 5000, 0),
        ("", 0),
        ("-5", 0),
        ("5 Gi", 0),
        ("5\n", 0),
        ("٥", 0),
        ("NaN", 0),
    ],
)
def test_quantities(text: str, value: int) -> None:
    assert quantity(text) == value


@given(st.text())
def test_any_text_is_a_quantity_that_fits(text: str) -> None:
    assert 0 <= quantity(text) < 2**63


@given(st.integers())
def test_any_number_fits_its_column(value: int) -> None:
    assert 0 <= number(value) < 2**31
    assert value not in range(2**31) or number(value) == value


@given(st.text())
def test_what_an_edge_says_becomes_one_bounded_printable_line(text: str) -> None:
    line = one_line(text)
    assert len(line) <= 300 and line == line.strip() and (line == "" or line.isprintable())


def test_an_object_of_ours() -> None:
    labels = {BUNDLE: "b1", GENERATION: "7"}
    meta = {"name": "web", "namespace": "ns1", "uid": "u", "generation": 3, "resourceVersion": "9", "labels": labels}
    one = observed("v1/Service", "metadata", item(metadata=meta))
    assert (one.ref.kind, one.ref.namespace, one.ref.name) == ("v1/Service", "ns1", "web")
    assert (one.uid, one.bundle, one.generation, one.mark, one.terminating) == ("u", "b1", 7, "3", False)
    assert observed("v1/Service", "metadata", item(metadata=meta | {"deletionTimestamp": "2026-01-01"})).terminating


@pytest.mark.parametrize("text", ["", "x", "-1", "1.0", "99999999999", "²"])
def test_a_generation_that_is_none_counts_as_the_oldest(text: str) -> None:
    assert (
        observed("v1/Service", "metadata", item(metadata={"name": "a", "labels": {GENERATION: text}})).generation == 0
    )


def test_marks_move_with_what_was_applied_and_only_then() -> None:
    def mark(kind: str, version: str, spec: Any, generation: int = 0) -> str:
        meta = {"name": "a", "resourceVersion": version, "generation": generation}
        return observed(kind, KINDS[kind].reading, item(metadata=meta, spec=spec)).mark

    assert mark(DEPLOYMENT, "1", {}, 4) == mark(DEPLOYMENT, "2", {}, 4) != mark(DEPLOYMENT, "2", {}, 5)
    assert mark("v1/ConfigMap", "1", {}) != mark("v1/ConfigMap", "2", {})
    hpa = "autoscaling/v2/HorizontalPodAutoscaler"
    assert mark(hpa, "1", {"a": 1}) == mark(hpa, "2", {"a": 1}) != mark(hpa, "2", {"a": 2})
    assert mark("v1/Namespace", "1", {}) == mark("v1/Namespace", "2", {}) == ""


def test_a_deployment() -> None:
    one = load(
        DEPLOYMENT,
        {"replicas": 3, "selector": {"matchLabels": {"app": "a"}}},
        {"observedGeneration": 1, "replicas": 4, "updatedReplicas": 2, "availableReplicas": 3},
    )
    assert (one.observed, one.wanted, one.current, one.available, one.surplus) == (True, 3, 2, 3, 2)
    assert one.selector == "app=a"


def _requirement(operator: str, *values: str) -> dict[str, Any]:
    return {"key": "k", "operator": operator} | ({"values": list(values)} if values else {})


@pytest.mark.parametrize(
    ("selector", "text"),
    [
        ({"matchLabels": {"b": "2", "a": ""}}, "a=,b=2"),
        ({"matchExpressions": [_requirement("In", "x", "y")]}, "k in (x,y)"),
        ({"matchExpressions": [_requirement("NotIn", "x")]}, "k notin (x)"),
        ({"matchExpressions": [_requirement("Exists"), _requirement("DoesNotExist")]}, "k,!k"),
        ({"matchLabels": {"a": "1"}, "matchExpressions": [_requirement("Exists")]}, "a=1,k"),
        ({"matchLabels": {"a": "1"}, "matchExpressions": [_requirement("Gt", "1")]}, ""),
        ({"matchLabels": {"a": "1"}, "matchExpressions": [_requirement("In")]}, ""),
        ({"matchLabels": {"a": "1"}, "matchExpressions": [_requirement("NotIn")]}, ""),
        ({"matchLabels": {}, "matchExpressions": []}, ""),
        (None, ""),
    ],
)
def test_a_selector_is_carried_whole_or_not_at_all(selector: Any, text: str) -> None:
    assert load(DEPLOYMENT, {"selector": selector}, {}).selector == text


REPLICA_SET = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-b-5d4f", "controller": True}


@pytest.mark.parametrize(
    ("owners", "labels", "expected"),
    [
        ([REPLICA_SET], {"pod-template-hash": "5d4f"}, Ref(DEPLOYMENT, "ns1", "web-b")),
        ([REPLICA_SET], {}, Ref("apps/v1/ReplicaSet", "ns1", "web-b-5d4f")),
        ([REPLICA_SET], {"pod-template-hash": "77"}, Ref("apps/v1/ReplicaSet", "ns1", "web-b-5d4f")),
        ([REPLICA_SET | {"kind": "StatefulSet", "name": "db"}], {}, Ref("apps/v1/StatefulSet", "ns1", "db")),
        ([REPLICA_SET | {"controller": False}], {"pod-template-hash": "5d4f"}, None),
        (None, {"pod-template-hash": "5d4f"}, None),
    ],
)
def test_whose_a_pod_is(owners: Any, labels: dict[str, str], expected: Ref | None) -> None:
    meta = {"name": "a", "namespace": "ns1", "labels": labels, "ownerReferences": owners}
    assert observed_pod(item(metadata=meta)).owner == expected


@pytest.mark.parametrize(
    ("spec", "status", "generation", "expected"),
    [
        ({}, {}, 1, Workload(False, 1, 0, 0)),
        ({"replicas": 0}, {"observedGeneration": 1}, 1, Workload(True, 0, 0, 0)),
        ({"replicas": 1}, {"observedGeneration": 1}, 2, Workload(False, 1, 0, 0)),
        ({"replicas": 2**40}, {"replicas": -5, "availableReplicas": -1}, 1, Workload(False, 2**31 - 1, 0, 0)),
    ],
    ids=["nothing known", "scaled to nothing", "not looked at yet", "nonsense"],
)
def test_a_deployment_of_which_little_is_known(spec: Any, status: Any, generation: int, expected: Workload) -> None:
    assert load(DEPLOYMENT, spec, status, generation) == expected


def test_a_rollout_that_makes_no_progress_says_so_in_one_line() -> None:
    conditions = [{"type": "Progressing", "status": "False", "reason": "R", "message": "timed\nout\x00"}]
    assert load(DEPLOYMENT, {}, {"conditions": conditions}).stalled == "timed out"
    assert load(DEPLOYMENT, {}, {"conditions": [conditions[0] | {"message": ""}]}).stalled == "R"
    assert load(DEPLOYMENT, {}, {"conditions": [conditions[0] | {"status": "True"}]}).stalled == ""


def test_a_daemonset() -> None:
    status = {
        "observedGeneration": 1,
        "desiredNumberScheduled": 3,
        "updatedNumberScheduled": 2,
        "numberAvailable": 1,
        "numberMisscheduled": 1,
    }
    assert load(DAEMONSET, {}, status) == Workload(True, 3, 2, 1, surplus=1)


REPLICAS = {"f:spec": {"f:replicas": {}}}


@pytest.mark.parametrize(
    ("entry", "others"),
    [
        ({"manager": "kube-controller-manager", "subresource": "scale", "fieldsV1": REPLICAS}, True),
        ({"manager": "kubectl", "fieldsV1": REPLICAS}, True),
        ({"manager": MANAGER, "fieldsV1": REPLICAS}, False),
        ({"manager": "x", "subresource": "status", "fieldsV1": REPLICAS}, False),
        ({"manager": "x", "fieldsV1": {"f:spec": {"f:template": {}}}}, False),
        ({"manager": "x", "fieldsV1": {"f:spec": None}}, False),
        ({"manager": "x", "fieldsV1": None}, False),
        ({"manager": "x"}, False),
    ],
)
def test_whose_replicas_they_are(entry: dict[str, Any], others: bool) -> None:
    assert scaled_by_others(item(metadata={"name": "a", "managedFields": [entry]}), MANAGER) is others


def test_nobody_is_known_to_own_what_says_nothing() -> None:
    assert not scaled_by_others(item(), MANAGER)


def test_a_node() -> None:
    one = observed_node(
        item(
            metadata={
                "name": "n1",
                "labels": {
                    "node.otestack.io/gpu": "true",
                    "node.otestack.io/a": "true",
                    "node.otestack.io/off": "false",
                    "kubernetes.io/os": "linux",
                    "nvidia.com/gpu.memory": "16384",
                },
            },
            status={
                "capacity": {"cpu": "4", "memory": "8Gi", "ephemeral-storage": "100Gi", "nvidia.com/gpu": "2"},
                "conditions": [{"type": "Ready", "status": "True"}],
                "addresses": [{"type": "Hostname", "address": "n1"}, {"type": "InternalIP", "address": "10.0.0.1"}],
                "nodeInfo": {"operatingSystem": "linux", "kernelVersion": "6.1"},
            },
        )
    )
    assert one == ObservedNode(
        "n1", "linux", "6.1", "10.0.0.1", 8 << 30, 4, 100 << 30, 2 * 16384 << 20, True, ("a", "gpu")
    )


def test_a_node_that_says_nothing_or_nonsense() -> None:
    assert observed_node(item()) == ObservedNode("a", "", "", "", 0, 0, 0, 0, False, ())
    one = observed_node(
        item(
            metadata={"name": "a", "labels": {"nvidia.com/gpu.memory": "9Ei"}},
            status={
                "capacity": {"cpu": "9E", "memory": "-1", "nvidia.com/gpu": "9E"},
                "nodeInfo": {"operatingSystem": "li\x00nux\n", "kernelVersion": "k" * 500},
                "addresses": [{"type": "ExternalIP", "address": "1" * 100}],
            },
        )
    )
    assert (one.operating_system, one.cpu, one.gpu, one.memory) == ("li nux", 2**31 - 1, 2**63 - 1, 0)
    assert (len(one.kernel_version), len(one.ip)) == (255, 64)


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"name": "c", "state": {"waiting": {"reason": reason, "message": message}}}


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        ({"phase": "Pending"}, ""),
        ({"containerStatuses": [waiting("ContainerCreating")]}, ""),
        ({"containerStatuses": [waiting("ImagePullBackOff", "no such\nimage")]}, "ImagePullBackOff: no such image"),
        ({"initContainerStatuses": [waiting("CrashLoopBackOff")]}, "CrashLoopBackOff"),
        ({"containerStatuses": [{"state": {"terminated": {"reason": "OOMKilled"}}}]}, "OOMKilled"),
        ({"initContainerStatuses": [{"state": {"terminated": {"reason": "Completed"}}}]}, ""),
        (
            {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3"}]},
            "Unschedulable: 0/3",
        ),
        ({"phase": "Failed", "reason": "Evicted", "message": "low on disk"}, "Evicted: low on disk"),
        ({"phase": "Failed"}, "Failed"),
    ],
)
def test_what_keeps_a_pod_from_running(status: dict[str, Any], trouble: str) -> None:
    assert observed_pod(item(status=status)) == ObservedPod("a", "u", "", False, trouble)


def test_a_pod_that_runs_or_is_told_to_go_has_no_trouble() -> None:
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    assert observed_pod(item(spec={"nodeName": "n1"}, status=status)) == ObservedPod("a", "u", "n1", True, "")
    ended = {"containerStatuses": [{"state": {"terminated": {"reason": "Error"}}}]}
    assert observed_pod(item(metadata={"name": "a", "deletionTimestamp": "t"}, status=ended)).trouble == ""


def test_a_list_and_its_next_page() -> None:
    answer = decode_list(b'{"metadata":{"continue":"t"},"items":[{"metadata":{"name":"a"}}]}')
    assert (answer.metadata.continue_, len(answer.items or ())) == ("t", 1)
    assert decode_list(b'{"metadata":{},"items":null}').items is None


def failure(**fields: Any) -> bytes:
    return json.dumps({"kind": "Status", "message": "no\nway", **fields}).encode()


@pytest.mark.parametrize(
    ("status", "raw", "after", "kind", "wait"),
    [
        (409, failure(reason="AlreadyExists"), "", Foreign, 0),
        (409, failure(details={"causes": [{"reason": "FieldManagerConflict"}]}), "", Foreign, 0),
        (409, failure(reason="Conflict"), "", EdgeError, 0),
        (409, failure(details={"causes": 5}), "", EdgeError, 0),
        (422, failure(), "", Hopeless, 0),
        (400, failure(), "", Hopeless, 0),
        (403, failure(), "", EdgeError, 0),
        (429, failure(), "7", EdgeError, 7),
        (503, b"<html>\x00", "9" * 400, EdgeError, 300),
        (500, b"\xff\xfe", "-1", EdgeError, 0),
        (500, b"", "soon", EdgeError, 0),
        (302, b"[]", "", EdgeError, 0),
    ],
)
def test_refusals_are_typed_and_one_line(status: int, raw: bytes, after: str, kind: type, wait: float) -> None:
    error = _refusal(status, raw, after, set())
    assert type(error) is kind
    assert (error.status, error.retry_after) == (status, wait)
    assert str(error).startswith(f"answered {status}") and str(error).isprintable()


def test_a_refusal_does_not_repeat_what_must_stay_hidden() -> None:
    error = _refusal(
        422, json.dumps({"message": "data[k]: Invalid value: geheim123, ab"}).encode(), "", {"geheim123", "ab"}
    )
    assert str(error) == "answered 422: data[k]: Invalid value: ***, ab"


class Answers:
    """A client whose every answer is the same; taken: but for an apply, of what is there already."""

    limits = Limits(request=10, answer_bytes=10**6)

    def __init__(self, raw: bytes, *, taken: bool = False) -> None:
        self.raw = raw
        self.taken = taken

    async def request(self, method: str, path: str, **_: Any) -> tuple[int, bytes]:
        if method == "PATCH" and self.taken:
            raise EdgeError("answered 409: the object has been modified", status=409)
        return 200, self.raw


def _driver(raw: bytes, *, taken: bool = False) -> KubernetesDriver:
    return KubernetesDriver(Answers(raw, taken=taken), "c", page_objects=10, list_objects=20)  # type: ignore[arg-type]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["f:spec", "f:replicas", "waiting", "reason", "cpu", "type"]), inner, max_size=2
        )
    ),
    max_leaves=4,
)
META = st.fixed_dictionaries(
    {"name": st.just("a")},
    optional=dict.fromkeys(
        (
            "namespace",
            "uid",
            "generation",
            "labels",
            "deletionTimestamp",
            "managedFields",
            "ownerReferences",
            "resourceVersion",
        ),
        VALUES,
    ),
)
KEYS = ["replicas", "selector", "nodeName", "phase", "conditions", "capacity", "addresses", "nodeInfo"]
KEYS += ["containerStatuses", "observedGeneration", "availableReplicas", "desiredNumberScheduled"]
PARTS = st.none() | VALUES | st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=3)
ITEMS = st.fixed_dictionaries({"metadata": META}, optional={"spec": PARTS, "status": PARTS}) | VALUES


@given(st.lists(ITEMS, max_size=2) | VALUES)
def test_whatever_a_list_holds_it_is_read_or_an_edge_error(items: Any) -> None:
    driver = _driver(json.dumps({"items": items}).encode())
    for call in (lambda: driver.list(KINDS), lambda: driver.list_pods("ns1", "a=b")):
        try:
            _run(call())
        except EdgeError as error:
            assert str(error)


@given(st.binary(max_size=40))
def test_whatever_an_answer_is_it_is_read_or_an_edge_error(raw: bytes) -> None:
    driver = _driver(raw)
    for call in (driver.probe, lambda: driver.list(["v1/ConfigMap"])):
        try:
            _run(call())
        except EdgeError as error:
            assert str(error)


@pytest.mark.parametrize("items", ['[{"metadata":{"name":"a"}}]', "[]", "null"])
def test_a_list_that_never_ends_is_cut(items: str) -> None:
    driver = _driver(b'{"metadata":{"continue":"again"},"items":%s}' % items.encode())
    with pytest.raises(EdgeError, match="more than 20 objects"):
        _run(driver.list([]))


@pytest.mark.parametrize("labels", [{}, {MANAGED_BY: MANAGER}, {MANAGED_BY: MANAGER, CENTRE: "another"}])
def test_what_is_there_without_our_label_is_foreign(labels: dict[str, str]) -> None:
    from tests.engine.things import ref

    driver = _driver(json.dumps({"metadata": {"name": "web", "labels": labels}}).encode(), taken=True)
    with pytest.raises(Foreign):
        _run(driver.apply(ref(), b'{"metadata":{}}', ours=False))


def _run(call: Any) -> Any:
    """Run a coroutine that waits for nothing."""
    import asyncio

    return asyncio.run(call)


def test_the_decoders_take_no_more_than_they_are_given() -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_item(b'{"metadata":{}} trailing')
