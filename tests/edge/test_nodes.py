"""Nodes as the edge tells them; labels written, read back, taken off with the pods that stood on them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clusters import services
from clusters.engine import nodes
from clusters.engine.bundles import put
from clusters.engine.drive import drive_due
from clusters.models import Bundle, Cluster, Node, NodeLabel
from tests.edge.conftest import drive_until, look, proven, web_wish
from tests.edge.kube import Kube
from tests.edge.meddler import Meddler, answer, failure

Join = Callable[..., Cluster]
Web = Callable[..., Bundle]
Else = Callable[[Cluster], Kube]


def _carried(cluster: Cluster) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {name: set() for name in cluster.nodes.values_list("name", flat=True)}
    for node, label in NodeLabel.objects.filter(node__cluster=cluster).carried().values_list("node__name", "label"):
        found[node].add(label)
    return found


def _at_the_edge(edge: Any, cluster: Cluster) -> dict[str, set[str]]:
    prefix = "node.otestack.io/"
    return {
        node["metadata"]["name"]: {
            label.removeprefix(prefix) for label in node["metadata"]["labels"] if label.startswith(prefix)
        }
        for node in edge.objects(cluster.name, "Node")
    }


def test_facts_are_what_the_node_says(edge: Any, join: Join, settle_quickly: None) -> None:
    cluster = join(nodes=3)
    drive_until(lambda: cluster.nodes.count() == 3)
    for item in edge.objects(cluster.name, "Node"):
        status = item["status"]
        node = Node.objects.get(cluster=cluster, name=item["metadata"]["name"])
        assert node.ready
        assert node.cpu == int(status["capacity"]["cpu"])
        assert node.memory == int(status["capacity"]["memory"].removesuffix("Gi")) * 1024**3
        assert node.disk > 10**9
        assert node.ip in [address["address"] for address in status["addresses"]]
        assert node.kernel_version == status["nodeInfo"]["kernelVersion"]
        assert node.operating_system == status["nodeInfo"]["operatingSystem"]
    edge.set_node_ready(cluster.name, node.name, False)
    look(cluster)
    node.refresh_from_db()
    assert not node.ready


def test_a_label_is_shown_from_the_request_on_and_then_read_from_the_node(edge: Any, join: Join, web: Web) -> None:
    cluster = join()
    bundle = web()
    drive_until(lambda: proven(bundle))
    first, second = sorted(_carried(cluster))
    services.add_node_label(cluster.name, [first], "gpu")
    assert _carried(cluster) == {first: {"gpu"}, second: set()}
    assert _at_the_edge(edge, cluster)[first] == set()
    drive_due()
    assert _at_the_edge(edge, cluster) == {first: {"gpu"}, second: set()}
    label = NodeLabel.objects.get(node__cluster=cluster)
    assert (label.wanted, label.observed) == (None, True)
    services.delete_node_label(cluster.name, [first], "gpu")
    assert _carried(cluster)[first] == set()
    drive_due()
    assert _at_the_edge(edge, cluster)[first] == set()
    assert not NodeLabel.objects.filter(node__cluster=cluster).exists()


def test_the_node_is_the_truth_once_it_was_written(edge: Any, join: Join, web: Web, kube: Else) -> None:
    cluster = join()
    bundle = web()
    drive_until(lambda: proven(bundle))
    first, second = sorted(_carried(cluster))
    services.add_node_label(cluster.name, [first], "gpu")
    drive_due()
    kube(cluster).merge(f"/api/v1/nodes/{first}", {"metadata": {"labels": {"node.otestack.io/gpu": None}}})
    theirs = {"node.otestack.io/ssd": "true", "zone": "b"}
    kube(cluster).merge(f"/api/v1/nodes/{second}", {"metadata": {"labels": theirs}})
    look(cluster)
    assert _carried(cluster) == {first: set(), second: {"ssd"}}
    services.delete_node_label(cluster.name, [second], "ssd")
    drive_due()
    (labels,) = [n["metadata"]["labels"] for n in edge.objects(cluster.name, "Node") if n["metadata"]["name"] == second]
    assert labels["zone"] == "b"
    assert "node.otestack.io/ssd" not in labels


def test_a_label_stays_wanted_until_the_edge_takes_it(edge: Any, meddler: Meddler, join: Join, web: Web) -> None:
    cluster = join(via=meddler)
    bundle = web()
    drive_until(lambda: proven(bundle))
    node = cluster.nodes.earliest("pk").name
    meddler.spoil("PATCH", "/api/v1/nodes/", failure(403, "no"))
    services.add_node_label(cluster.name, [node], "gpu")
    drive_due()
    assert _carried(cluster)[node] == {"gpu"}
    cluster.refresh_from_db()
    assert "did not label node" in cluster.last_error
    assert cluster.observed_at is not None
    meddler.clear()
    drive_until(lambda: _at_the_edge(edge, cluster)[node] == {"gpu"})
    look(cluster)
    cluster.refresh_from_db()
    assert cluster.last_error == ""


def _beside_a_chosen_node(cluster: Cluster, web: Web) -> tuple[Bundle, Bundle, str, str]:
    """Two bundles, anywhere and on the first node, which carries a label for it; and both nodes."""
    plain = web(name="plain")
    drive_until(lambda: proven(plain))
    first, second = sorted(_carried(cluster))
    services.add_node_label(cluster.name, [first], "gpu")
    chosen = put(None, web_wish(plain.namespace, name="chosen", node_label="gpu"))
    drive_until(lambda: proven(chosen))
    return plain, chosen, first, second


def test_a_label_taken_off_with_its_deployments_moves_their_pods(edge: Any, join: Join, web: Web) -> None:
    cluster = join(nodes=2)
    plain, chosen, first, second = _beside_a_chosen_node(cluster, web)

    def nodes_of(name: str) -> set[str]:
        pods = edge.objects(cluster.name, "Pod", plain.namespace)
        return {
            pod["spec"].get("nodeName", "")
            for pod in pods
            if pod["metadata"]["labels"]["app.kubernetes.io/instance"] == name
            and "deletionTimestamp" not in pod["metadata"]
        }

    assert nodes_of("chosen") == {first}
    before = {pod["metadata"]["uid"] for pod in edge.objects(cluster.name, "Pod", plain.namespace)}
    services.add_node_label(cluster.name, [second], "gpu")
    services.delete_node_label(cluster.name, [first], "gpu", delete_deploy=True)
    drive_until(lambda: nodes_of("chosen") == {second})
    assert len(before & {pod["metadata"]["uid"] for pod in edge.objects(cluster.name, "Pod", plain.namespace)}) >= 2
    drive_until(lambda: proven(chosen) and proven(plain))
    assert not NodeLabel.objects.filter(node__cluster=cluster, wanted__isnull=False).exists()


@pytest.mark.parametrize(
    "expressions",
    [
        [{"key": "app.kubernetes.io/instance", "operator": "In", "values": ["chosen", "other"]}],
        [{"key": "app.kubernetes.io/instance", "operator": "NotIn", "values": ["plain"]}],
        [{"key": "role", "operator": "Exists"}],
        [{"key": "legacy", "operator": "DoesNotExist"}],  # matches everybody's pods
    ],
    ids=lambda expressions: expressions[0]["operator"],
)
def test_pods_selected_by_expressions_leave_and_those_of_others_stay(
    edge: Any, join: Join, web: Web, expressions: list[dict[str, Any]]
) -> None:
    cluster = join(nodes=2)
    plain = web(name="plain")
    drive_until(lambda: proven(plain))
    first, second = sorted(_carried(cluster))
    services.add_node_label(cluster.name, [first], "gpu")
    wish = web_wish(plain.namespace, name="chosen", node_label="gpu")
    spec = wish.objects[1]["spec"]
    spec["selector"] = {"matchExpressions": expressions}
    spec["template"]["metadata"]["labels"] = {"app.kubernetes.io/instance": "chosen", "role": "chosen"}
    chosen = put(None, wish)
    drive_until(lambda: proven(chosen))

    def pods_of(name: str) -> dict[str, str]:
        return {
            pod["metadata"]["uid"]: pod["spec"].get("nodeName", "")
            for pod in edge.objects(cluster.name, "Pod", plain.namespace)
            if pod["metadata"]["labels"]["app.kubernetes.io/instance"] == name
            and "deletionTimestamp" not in pod["metadata"]
        }

    others = pods_of("plain")
    assert first in others.values()
    services.add_node_label(cluster.name, [second], "gpu")
    services.delete_node_label(cluster.name, [first], "gpu", delete_deploy=True)
    drive_until(lambda: set(pods_of("chosen").values()) == {second})
    drive_until(lambda: not NodeLabel.objects.filter(node__cluster=cluster, wanted__isnull=False).exists())
    assert pods_of("plain") == others


def test_a_pod_that_took_the_name_of_one_that_was_listed_stays(
    edge: Any, meddler: Meddler, join: Join, web: Web
) -> None:
    cluster = join(nodes=2, via=meddler)
    plain, _, first, second = _beside_a_chosen_node(cluster, web)
    pods = edge.objects(cluster.name, "Pod", plain.namespace)
    mine = {pod["metadata"]["uid"] for pod in pods if pod["spec"].get("nodeName") == first}
    replaced = [pod | {"metadata": pod["metadata"] | {"uid": "of-one-before"}} for pod in pods]
    body = json.dumps({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": replaced}).encode()
    meddler.clear()
    meddler.spoil("GET", "/pods", answer(200, body))
    services.add_node_label(cluster.name, [second], "gpu")
    services.delete_node_label(cluster.name, [first], "gpu", delete_deploy=True)
    wanted = NodeLabel.objects.filter(node__cluster=cluster, wanted__isnull=False)
    drive_until(lambda: not wanted.exists())
    assert any("/pods/" in path for path in meddler.paths("DELETE"))
    left = [pod["metadata"] for pod in edge.objects(cluster.name, "Pod", plain.namespace)]
    assert mine <= {meta["uid"] for meta in left if "deletionTimestamp" not in meta}


def test_a_node_that_is_gone_goes_with_its_labels(edge: Any, join: Join, web: Web, kube: Else) -> None:
    cluster = join(nodes=3)
    bundle = web()
    drive_until(lambda: proven(bundle))
    *_, last = sorted(_carried(cluster))
    services.add_node_label(cluster.name, [last], "gpu")
    kube(cluster).delete(f"/api/v1/nodes/{last}")
    look(cluster)
    cluster.refresh_from_db()
    assert last not in _carried(cluster)
    assert cluster.node_count == 2
    assert cluster.last_error == ""


def test_a_cluster_of_more_nodes_than_are_recorded_is_deployed_to(
    join: Join, web: Web, kube: Else, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "MOST_NODES", 2)
    cluster = join(nodes=3)
    bundle = web()
    drive_until(lambda: proven(bundle))
    look(cluster)
    cluster.refresh_from_db()
    assert "lists 3 nodes, and no more than 2 are recorded" in cluster.last_error
    assert (cluster.away_since, _carried(cluster)) == (None, {})
    name = kube(cluster).get("/api/v1/nodes")["items"][0]["metadata"]["name"]
    kube(cluster).delete(f"/api/v1/nodes/{name}")
    look(cluster)
    cluster.refresh_from_db()
    assert (cluster.last_error, cluster.node_count, len(_carried(cluster))) == ("", 2, 2)


def _writes(queries: CaptureQueriesContext) -> list[str]:
    """Statements that write, cut off before their values. SQLite's many at once begin with their number."""
    statements = [re.sub(r"^\d+ times: ", "", query["sql"].lstrip()) for query in queries]
    return [sql.split(" SET")[0] for sql in statements if sql.startswith(("INSERT", "UPDATE", "DELETE"))]


def test_a_quiet_pass_writes_the_cluster_row_and_nothing_else(edge: Any, join: Join, web: Web) -> None:
    cluster = join(nodes=5)
    bundle = web()
    drive_until(lambda: proven(bundle))
    look(cluster)
    before = list(Node.objects.filter(cluster=cluster).values())
    Cluster.objects.filter(pk=cluster.pk).update(observe_due_at="2000-01-01T00:00:00Z", change_due_at=None)
    with CaptureQueriesContext(connection) as queries:
        drive_due()
    written = _writes(queries)
    # The claim and the record, one each; nothing for nodes, labels or placements.
    assert written == ['UPDATE "clusters_cluster"', "UPDATE clusters_cluster AS t"]
    assert list(Node.objects.filter(cluster=cluster).values()) == before
