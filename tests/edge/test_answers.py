"""What an API server makes of what it is sent: the same, whichever edge answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clusters.engine.bundles import put
from clusters.models import Bundle, Cluster
from tests.edge.conftest import drive_until, proven, web_wish
from tests.edge.kube import Kube, deployments
from tests.edge.objects import PLAIN, plain

Join = Callable[..., Cluster]
Web = Callable[..., Bundle]
Else = Callable[[Cluster], Kube]
QUANTITIES = {
    "cpu": {"0.5": "500m", "1000m": "1", "1500m": "1500m", "1000": "1k", "2": "2", "3e0": "3e0"},
    "memory": {
        "1024Mi": "1Gi", "1.5Gi": "1536Mi", "12e6": "12e6", "100M": "100M", "1.5Ki": "1536", "0.1Mi": "104857600m",
        "512": "512", "0.5Ki": "512", "1000000": "1M", "1025Ki": "1025Ki", "0": "0",
    },
}  # fmt: skip


def test_quantities_come_back_in_their_shortest_form(join: Join, web: Web, kube: Else) -> None:
    cluster = join()
    bundle = web()
    drive_until(lambda: proven(bundle))
    asked = [(kind, text) for kind, table in QUANTITIES.items() for text in table]
    containers = [
        {"name": f"c{number}", "image": "nginx:1", "resources": {"limits": {kind: text}}}
        for number, (kind, text) in enumerate(asked)
    ]
    labels = {"app": "many"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    made = kube(cluster).create(deployments(bundle.namespace), {"metadata": {"name": "many"}, "spec": spec})
    limits = [one["resources"]["limits"] for one in made["spec"]["template"]["spec"]["containers"]]
    shown = {(kind, text): found[kind] for (kind, text), found in zip(asked, limits, strict=True)}
    assert shown == {(kind, text): short for kind, table in QUANTITIES.items() for text, short in table.items()}


def test_another_spelling_of_a_quantity_that_somebody_else_applied_is_a_conflict(
    edge: Any, join: Join, web: Web
) -> None:
    cluster = join()
    bundle = web()
    drive_until(lambda: proven(bundle))
    path = deployments(bundle.namespace, "shared")
    here, there = Kube(edge, cluster.name, "here"), Kube(edge, cluster.name, "there")

    def body(**limits: Any) -> Any:
        container = {"name": "main", "image": "nginx:1", "resources": {"limits": limits}}
        template = {"metadata": {"labels": {"app": "shared"}}, "spec": {"containers": [container]}}
        spec = {"replicas": 0, "selector": {"matchLabels": {"app": "shared"}}, "template": template}
        return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shared"}, "spec": spec}

    def limits(made: Any) -> Any:
        return made["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]

    first = here.apply(path, body(memory="1024Mi", cpu=1))
    assert limits(first) == {"memory": "1Gi", "cpu": "1"}
    # What is one's own may be spelled in any way, and nothing changes.
    assert here.apply(path, body(memory="1048576Ki", cpu="1000m"))["metadata"]["generation"] == 1
    assert limits(there.apply(path, body(memory="1Gi", cpu="1"))) == {"memory": "1Gi", "cpu": "1"}
    for spelled, field in (({"memory": "1024Mi", "cpu": "1"}, "memory"), ({"memory": "1Gi", "cpu": 1}, "cpu")):
        with pytest.raises(AssertionError, match=r"conflict with .*here") as refused:
            there.apply(path, body(**spelled))
        assert f".limits.{field}" in str(refused.value)
    forced = there.apply(path, body(memory="1024Mi", cpu="1"), force=True)
    assert limits(forced) == {"memory": "1Gi", "cpu": "1"}
    assert forced["metadata"]["generation"] == 1
    owners = {one["manager"]: json.dumps(one["fieldsV1"]) for one in forced["metadata"]["managedFields"]}
    assert ("f:memory" in owners["here"], "f:memory" in owners["there"]) == (False, True)


def test_a_struct_that_an_apply_drops_goes_with_the_defaults_in_it(join: Join, web: Web, kube: Else) -> None:
    cluster = join()
    bundle = web()
    drive_until(lambda: proven(bundle))
    wish = web_wish(bundle.namespace)
    container = wish.objects[1]["spec"]["template"]["spec"]["containers"][0]
    container["livenessProbe"] = {"httpGet": {"path": "/", "port": 80}}
    container["env"] = [{"name": "WHERE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}]
    bundle = put(bundle, wish)
    drive_until(lambda: proven(bundle))

    def there() -> Any:
        path = deployments(bundle.namespace, "web")
        return kube(cluster).get(path)["spec"]["template"]["spec"]["containers"][0]

    assert there()["livenessProbe"]["periodSeconds"] == 10
    bundle = put(bundle, web_wish(bundle.namespace))
    drive_until(lambda: proven(bundle))
    assert not {"livenessProbe", "env"} & there().keys()


@pytest.fixture(scope="module")
def recorded() -> Any:
    """What a control plane of 1.37 answered, by kind."""
    return json.loads((Path(__file__).parent / "answers_1_37.json").read_text())


def test_a_new_object_gets_the_defaults_and_owners_that_it_got_on_record(
    join: Join, web: Web, kube: Else, recorded: Any
) -> None:
    there = kube(join())
    name = f"answers{there.get('/api/v1/namespaces/kube-system')['metadata']['uid'][:8]}"
    there.create("/api/v1/namespaces", {"metadata": {"name": name}})
    accounts = f"/api/v1/namespaces/{name}/serviceaccounts"
    drive_until(lambda: "default" in {item["metadata"]["name"] for item in there.get(accounts)["items"]})
    older = there.get("/version")["minor"] == "36"
    for kind, (path, body) in PLAIN.items():
        answer = there.create(path.format(name), {"metadata": {"name": kind.lower()}} | body)
        assert plain(answer, name) == (as_in_1_36(kind, recorded[kind]) if older else recorded[kind]), kind


def as_in_1_36(kind: str, answer: Any) -> Any:
    """What 1.37 brought: autoscalers count their generations, a StatefulSet says how many pods may be away."""
    if kind == "HorizontalPodAutoscaler":
        del answer["metadata"]["generation"]
    if kind == "StatefulSet":
        del answer["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"]
        owners = answer["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]["f:updateStrategy"]
        del owners["f:rollingUpdate"]["f:maxUnavailable"]
    return answer
