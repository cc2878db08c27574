"""What an API server makes of what it is sent: the same, whichever edge answers."""

from __future__ import annotations

from collections.abc import Callable

from clusters.models import Bundle, Cluster
from tests.edge.conftest import drive_until, proven
from tests.edge.kube import Kube, deployments

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
