"""What only a real control plane refuses, restarts or lets expire. Collected with TEST_EDGE=kubernetes only."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from clusters import services
from clusters.drivers.kubernetes import rbac
from clusters.engine.bundles import end, put
from clusters.engine.drive import drive_due
from clusters.models import Bundle, Cluster
from otestack.errors import Invalid
from tests.edge.conftest import drive_until, look, proven, web_wish
from tests.edge.kube import core

Join = Callable[..., Cluster]
Web = Callable[..., Bundle]
ACCOUNT = f"/api/v1/namespaces/{rbac.NAMESPACE}/serviceaccounts"
ROLE = f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{rbac.NAME}"
BINDING = f"/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/{rbac.NAME}"
POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic"


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
            assert str(error) == "The cluster answered 403: these credentials may not list nodes."
            return True
        return False

    drive_until(refused)


def test_a_quota_and_an_admission_policy_refuse_in_their_own_words(edge: Any, join: Join, web: Web) -> None:
    cluster = join()
    bundle = web(name="first")
    drive_until(lambda: proven(bundle))
    plane = edge.plane(cluster.name)
    quota = {"metadata": {"name": "few"}, "spec": {"hard": {"count/services": "1", "pods": "3"}}}
    plane.call("POST", core("resourcequotas", bundle.namespace), quota)
    path = core("resourcequotas", bundle.namespace, "few")
    drive_until(lambda: plane.call("GET", path).get("status", {}).get("used", {}).get("pods") == "2")
    second = put(None, web_wish(bundle.namespace, name="second"))
    drive_until(lambda: "exceeded quota: few" in _error(second))
    assert _error(second).startswith(f"Service {bundle.namespace}/second was refused: answered 403: ")
    assert not second.placements.get().ready_generation
    # Pods that a quota refuses are the workload's own trouble.
    wish = web_wish(bundle.namespace, name="third")
    del wish.objects[0]
    third = put(None, wish)
    drive_until(lambda: third.placements.get().total == 2 and third.placements.get().running == 1)
    assert not third.placements.get().ready_generation
    plane.call("DELETE", path)
    drive_until(lambda: proven(second))
    drive_until(lambda: proven(third), seconds=40)

    rule = {
        "apiGroups": ["apps"],
        "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["deployments"],
    }
    spec = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": "object.spec.replicas <= 3", "message": "at most three replicas here"}],
    }
    plane.call("POST", f"{POLICIES}ies", {"metadata": {"name": "few"}, "spec": spec})
    bound = {"policyName": "few", "validationActions": ["Deny"]}
    plane.call("POST", f"{POLICIES}ybindings", {"metadata": {"name": "few"}, "spec": bound})
    try:
        count = [4]

        def refused() -> bool:  # the policy takes a moment to come into force
            count[0] += 1
            put(bundle, web_wish(bundle.namespace, name="first", replicas=count[0]))
            drive_due()
            return "at most three replicas here" in _error(bundle)

        drive_until(refused)
    finally:
        plane.call("DELETE", f"{POLICIES}ybindings/few")
        plane.call("DELETE", f"{POLICIES}ies/few")
    bundle = put(bundle, web_wish(bundle.namespace, name="first", replicas=3))
    drive_until(lambda: proven(bundle))


@pytest.mark.parametrize("kill", [False, True])
def test_an_api_server_that_restarts_in_the_middle_loses_nothing(edge: Any, join: Join, web: Web, kill: bool) -> None:
    cluster = join()
    bundle = web()
    drive_until(lambda: proven(bundle))
    plane = edge.plane(cluster.name)
    others = [put(None, web_wish(bundle.namespace, name=f"web{number}", replicas=1)) for number in range(6)]
    gone = put(None, web_wish(bundle.namespace, name="gone", replicas=1))
    end(gone)
    ending = threading.Thread(target=plane.stop_api_server, kwargs={"kill": kill})
    ending.start()
    drive_due()
    ending.join()
    look(cluster)
    cluster.refresh_from_db()
    assert cluster.failed_probes >= 1
    assert "cannot be reached" in cluster.last_error
    plane.start_api_server()
    drive_until(lambda: all(proven(one) for one in (bundle, *others)) and not gone.placements.exists())
    cluster.refresh_from_db()
    assert (cluster.last_error, cluster.away_since) == ("", None)
    names = {item["metadata"]["name"] for item in edge.objects(cluster.name, "Deployment", bundle.namespace)}
    assert names == {"web", *(f"web{number}" for number in range(6))}


def _login_with(edge: Any, cluster: Cluster, **user: str) -> str:
    document = yaml.safe_load(edge.kubeconfig(cluster.name))
    document["users"][0]["user"] = {key.replace("_", "-"): value for key, value in user.items()}
    return yaml.safe_dump(document)


def test_a_token_that_was_revoked_is_said_and_a_new_one_brings_it_back(edge: Any, join: Join, web: Web) -> None:
    cluster = join()
    bundle = web()
    drive_until(lambda: proven(bundle))
    plane = edge.plane(cluster.name)
    # A bound token dies with the object that it is bound to.
    plane.call("POST", core("secrets", rbac.NAMESPACE), {"metadata": {"name": "bound"}})
    secret = plane.call("GET", core("secrets", rbac.NAMESPACE, "bound"))
    reference = {"kind": "Secret", "apiVersion": "v1", "name": "bound", "uid": secret["metadata"]["uid"]}
    body = {"spec": {"expirationSeconds": 3600, "boundObjectRef": reference}}
    token = plane.call("POST", f"{ACCOUNT}/{rbac.NAME}/token", body)["status"]["token"]
    services.update_credentials(cluster, _login_with(edge, cluster, token=token))
    bundle = put(bundle, web_wish(bundle.namespace, image="nginx:2"))
    drive_until(lambda: proven(bundle))
    plane.call("DELETE", core("secrets", rbac.NAMESPACE, "bound"))
    drive_until(lambda: "answered 401: Unauthorized" in Cluster.objects.get(pk=cluster.pk).last_error)
    with pytest.raises(Invalid, match="the token is not accepted"):
        services.check(cluster)
    bundle = put(bundle, web_wish(bundle.namespace, image="nginx:3"))
    drive_due()
    assert not proven(bundle)
    services.update_credentials(cluster, edge.kubeconfig(cluster.name))
    drive_until(lambda: proven(bundle) and not Cluster.objects.get(pk=cluster.pk).last_error)


def test_client_certificates_are_taken_and_one_that_expired_says_when(edge: Any, join: Join, web: Web) -> None:
    cluster = join()
    bundle = web()
    drive_until(lambda: proven(bundle))
    plane = edge.plane(cluster.name)
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "fleet"}
    account = {"kind": "ServiceAccount", "name": rbac.NAME, "namespace": rbac.NAMESPACE}
    plane.call("PATCH", BINDING, {"subjects": [account, subject]}, kind="merge")
    good, old = edge.authority.issue("fleet"), edge.authority.issue("fleet", days=-1)

    def login(pair: Any) -> str:
        return _login_with(edge, cluster, client_certificate_data=pair.cert64, client_key_data=pair.key64)

    services.update_credentials(cluster, login(good))
    bundle = put(bundle, web_wish(bundle.namespace, image="nginx:2"))
    drive_until(lambda: proven(bundle))
    with pytest.raises(Invalid) as caught:
        services.update_credentials(cluster, login(old))
    assert "the client certificate expired on 20" in str(caught.value)
    drive_until(lambda: proven(bundle))
