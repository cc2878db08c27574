"""The rights of `cluster rbac` at a real API server: enough, and none too many. TEST_EDGE=kubernetes only."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from clusters import services
from clusters.drivers.kubernetes import rbac
from clusters.engine.bundles import Wish, end, put
from clusters.engine.drive import drive_due
from clusters.engine.marks import mark_due
from clusters.models import Bundle, Cluster, Selector
from otestack.errors import Invalid
from tests.edge.conftest import drive_until, namespace_wish, proven, web_wish
from tests.edge.objects import PLAIN

Join = Callable[..., Cluster]
Web = Callable[..., Bundle]
ROLE = f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{rbac.NAME}"


def _error(bundle: Bundle) -> str:
    return str(bundle.placements.get().last_error)


def _without(edge: Any, cluster: Cluster, resource: str, verb: str) -> None:
    """Take one right away from the role."""
    rules = []
    for rule in rbac.rules():
        held = rule.get("resources", [])
        if resource in held and verb in rule["verbs"]:
            rules.append(rule | {"resources": [resource], "verbs": [one for one in rule["verbs"] if one != verb]})
            rule = rule | {"resources": [one for one in held if one != resource]}
        if rule.get("resources") != []:
            rules.append(rule)
    edge.plane(cluster.name).call("PATCH", ROLE, {"rules": rules}, kind="merge")


@pytest.fixture
def restored(edge: Any) -> Any:
    """restored(cluster): its role is whole again after the test."""
    planes: list[Any] = []
    yield lambda cluster: planes.append(edge.plane(cluster.name))
    for plane in planes:
        plane.call("PATCH", ROLE, {"rules": rbac.rules()}, kind="merge")


def test_a_missing_right_is_named_and_granting_it_is_enough(edge: Any, join: Join, web: Web, restored: Any) -> None:
    cluster = join()
    restored(cluster)
    bundle = web()
    drive_until(lambda: proven(bundle))
    _without(edge, cluster, "deployments", "patch")
    bundle = put(bundle, web_wish(bundle.namespace, image="nginx:2"))
    drive_until(lambda: _error(bundle))
    assert _error(bundle) == (
        f"Deployment {bundle.namespace}/web was refused: answered 403: the credentials of {cluster.name} "
        f"may not patch deployments.apps in namespace {bundle.namespace}"
    )
    _without(edge, cluster, "services", "list")
    drive_until(lambda: Cluster.objects.get(pk=cluster.pk).last_error)
    said = Cluster.objects.get(pk=cluster.pk).last_error
    assert said.startswith(f"{cluster.name} ")
    assert said.endswith(f"the credentials of {cluster.name} may not list services")
    edge.plane(cluster.name).call("PATCH", ROLE, {"rules": rbac.rules()}, kind="merge")
    drive_until(lambda: proven(bundle) and not Cluster.objects.get(pk=cluster.pk).last_error)


def test_who_may_not_list_nodes_does_not_join(edge: Any, join: Join, restored: Any) -> None:
    cluster = join()
    restored(cluster)
    _without(edge, cluster, "nodes", "list")

    def refused() -> bool:  # the authorizer learns of it a moment later
        try:
            services.check(cluster)
        except Invalid as error:
            host = edge.server(cluster.name).removeprefix("https://")
            assert str(error) == f"The cluster at {host} answered 403: these credentials may not list nodes."
            return True
        return False

    drive_until(refused)


def _forget_what_was_applied(cluster: Cluster) -> None:
    """As a centre does whose database is restored; and its next pass need not list."""
    Cluster.objects.filter(pk=cluster.pk).update(observe_due_at=Now() + timedelta(hours=1))
    cluster.placements.update(marks={}, applied_generation=0, ready_generation=0)
    mark_due([cluster.pk])


def test_no_right_is_there_that_is_not_needed(edge: Any, join: Join, web: Web, restored: Any) -> None:
    cluster = join()
    restored(cluster)
    bundle = web(name="moved", node_label="gpu")
    everything = put(None, Wish(bundle.namespace, _one_of_each(bundle.namespace), Selector.ALL, "deployment all"))
    drive_until(lambda: cluster.nodes.count() == 2)
    first, second = cluster.nodes.values_list("name", flat=True).order_by("name")
    services.add_node_label(cluster.name, [first], "gpu")
    drive_until(lambda: proven(bundle) and proven(everything))
    services.add_node_label(cluster.name, [second], "gpu")
    services.delete_node_label(cluster.name, [first], "gpu", delete_deploy=True)
    services.check(cluster)
    labelled = namespace_wish(bundle.namespace)
    labelled.objects[0]["metadata"]["labels"] = {"a": "b"}
    space = put(Bundle.objects.get(title=labelled.title), labelled)
    granted = {
        (verb, ".".join(filter(None, (resource, group))))
        for rule in rbac.rules()
        for group in rule.get("apiGroups", [""])
        for resource in rule.get("resources", rule.get("nonResourceURLs", []))
        for verb in rule["verbs"]
    }
    # A patch that makes an object needs the right to create it, and is still a patch. Namespaces are created.
    needed = {(verb, resource) for verb, resource in granted if verb != "create"} | {("create", "namespaces")}
    drive_until(lambda: ("delete", "pods") in edge.rights_used(cluster.name) and proven(space))
    _forget_what_was_applied(cluster)
    drive_until(lambda: all(proven(one) for one in (bundle, everything, space)))
    for one in Bundle.objects.all():
        end(one)
    drive_until(lambda: not Bundle.objects.filter(placements__isnull=False).exists(), seconds=30)
    assert edge.rights_used(cluster.name) == needed
    _without(edge, cluster, "configmaps", "create")
    space = put(None, namespace_wish("later"))
    tries: list[Bundle] = []

    def refused() -> bool:  # the authorizer learns of it a moment later
        meta = {"name": f"map{len(tries)}", "namespace": "later"}
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"a": "b"}}
        tries.append(put(None, Wish("later", [body], Selector.ALL, meta["name"])))
        drive_due()
        return "may not create configmaps in namespace later" in _error(tries[-1])

    drive_until(lambda: proven(space))
    drive_until(refused)


def _one_of_each(namespace: str) -> list[dict[str, Any]]:
    found = []
    for kind, (path, body) in PLAIN.items():
        if kind not in {"Pod", "Headless"}:
            about = {"apiVersion": path.split("/namespaces")[0].split("/", 2)[2], "kind": kind}
            found.append(about | {"metadata": {"name": "plain", "namespace": namespace}} | copy.deepcopy(body))
    return found
