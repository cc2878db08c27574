"""Selectors, quantities, scheduling and what kubectl shows, as pure functions."""

from decimal import Decimal

import pytest

from clusters.simulator import quantities, seed
from clusters.simulator.api.columns import duration
from clusters.simulator.api.paths import parse
from clusters.simulator.api.tables import negotiate
from clusters.simulator.scheduling import Load, choose
from clusters.simulator.selectors import BadSelector, parse_fields, parse_labels, selector_text, selects


def test_selector_objects():
    labels = {"app": "web", "tier": "front", "n": "5"}
    assert selects({"matchLabels": {"app": "web"}}, labels)
    assert not selects({"matchLabels": {"app": "db"}}, labels)
    assert selects({}, labels)
    assert not selects(None, labels)
    for operator, values, holds in (
        ("In", ["front"], True),
        ("NotIn", ["front"], False),
        ("Exists", [], True),
        ("DoesNotExist", [], False),
    ):
        assert selects({"matchExpressions": [{"key": "tier", "operator": operator, "values": values}]}, labels) is holds
    assert selects({"matchExpressions": [{"key": "n", "operator": "Gt", "values": ["4"]}]}, labels)


def test_selector_text():
    selector = {"matchLabels": {"b": "2", "a": "1"}, "matchExpressions": [{"key": "c", "operator": "Exists"}]}
    assert selector_text(selector) == "a=1,b=2,c"
    test = parse_labels(selector_text(selector))
    assert test({"a": "1", "b": "2", "c": ""})
    assert parse_labels("") is None


@pytest.mark.parametrize("text", ["a b", "in (a)", "a in b", "=", "a=b c"])
def test_bad_selectors(text):
    with pytest.raises(BadSelector):
        parse_labels(text)


def test_field_selectors():
    test = parse_fields("status.phase!=Running,spec.nodeName=", "Pod")
    assert test({"spec": {}, "status": {"phase": "Pending"}})
    assert not test({"spec": {"nodeName": "n"}, "status": {"phase": "Pending"}})
    with pytest.raises(BadSelector):
        parse_fields("spec.image=x", "Pod")


@pytest.mark.parametrize(
    ("text", "value"), [("100m", "0.1"), ("1Ki", "1024"), ("2", "2"), ("1e3", "1000"), ("1.5G", "1500000000"), (3, "3")]
)
def test_quantities(text, value):
    assert quantities.parse(text) == Decimal(value)


@pytest.mark.parametrize("text", ["", "abc", "1 Gi", "1Qi", "--1"])
def test_bad_quantities(text):
    with pytest.raises(ValueError, match="quantities must match"):
        quantities.parse(text)


def nodes(count=3):
    return [seed.node(f"n{number}", number, 0, "2026-01-01T00:00:00Z") for number in range(1, count + 1)]


def pod(**spec):
    return {"containers": [{"name": "a", "resources": {"requests": spec.pop("requests", {})}}]} | spec


def test_the_least_loaded_node_is_chosen():
    loads = {"n1": Load(), "n2": Load()}
    loads["n1"].requests["pods"], loads["n2"].requests["pods"] = 2, 1
    assert choose(pod(), nodes(2), loads) == ("n2", "")
    assert choose(pod(), nodes(3), loads) == ("n3", "")


def test_why_no_node_fits():
    found = nodes()
    found[0]["status"]["conditions"] = seed.node_conditions(False, "")
    found[1]["spec"]["unschedulable"] = True
    found[2]["spec"]["taints"] = [{"key": "a", "value": "b", "effect": "NoSchedule"}]
    name, why = choose(pod(), found, {})
    assert name == ""
    assert why.startswith(
        "0/3 nodes are available: 1 node(s) had untolerated taint {a: b}, "
        "1 node(s) had untolerated taint {node.kubernetes.io/unreachable: }, 1 node(s) were unschedulable."
    )
    assert choose(pod(tolerations=[{"key": "a", "operator": "Exists"}]), found, {})[0] == "n3"


def test_host_ports_and_memory():
    spec = pod(requests={"memory": "10Gi"})
    spec["containers"][0]["ports"] = [{"containerPort": 80, "hostPort": 80}]
    load = Load(ports={(80, "TCP")})
    assert "free ports" in choose(spec, nodes(1), {"n1": load})[1]
    heavy = Load()
    heavy.requests["memory"] = quantities.parse("8Gi")
    assert "1 Insufficient memory" in choose(spec, nodes(1), {"n1": heavy})[1]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (5, "5s"),
        (119, "119s"),
        (120, "2m"),
        (130, "2m10s"),
        (3000, "50m"),
        (11000, "3h3m"),
        (90000, "25h"),
        (864000, "10d"),
    ],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("api/v1/namespaces", ("Namespace", "", "", "")),
        ("api/v1/namespaces/shop", ("Namespace", "", "shop", "")),
        ("api/v1/namespaces/shop/status", ("Namespace", "", "shop", "status")),
        ("api/v1/namespaces/shop/pods", ("Pod", "shop", "", "")),
        ("apis/apps/v1/namespaces/shop/deployments/web/scale", ("Deployment", "shop", "web", "scale")),
        ("apis/apps/v1/deployments", ("Deployment", "", "", "")),
        ("apis/apps/v1/deployments/web", None),
        ("apis/apps/v2/deployments", None),
        ("api/v1/nodes/n/scale", None),
        ("api/v1", None),
    ],
)
def test_paths(path, found):
    target = parse(path.split("/"))
    assert (target and (target.kind.name, target.namespace, target.name, target.subresource)) == found


def test_content_negotiation():
    assert negotiate("application/json;as=Table;v=v1;g=meta.k8s.io,application/json") == "Table"
    assert negotiate("application/json, application/json;as=Table;v=v1;g=meta.k8s.io") == ""
    assert negotiate("application/vnd.kubernetes.protobuf,application/json") == ""
