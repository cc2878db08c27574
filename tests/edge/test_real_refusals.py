"""What only a real control plane refuses or does by a restart. Collected with TEST_EDGE=kubernetes only."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from clusters.engine.bundles import end, put
from clusters.engine.drive import drive_due
from clusters.models import Bundle, Cluster
from tests.edge.conftest import drive_until, look, proven, web_wish
from tests.edge.kube import core

Join = Callable[..., Cluster]
Web = Callable[..., Bundle]
POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic"


def _error(bundle: Bundle) -> str:
    return str(bundle.placements.get().last_error)


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
