"""From what a chart renders to what this deployment puts on its clusters. Pure: the same input makes the same bytes.

The objects are checked already (apps/charts). Labels are the chart's own; the engine adds its own to each object.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from apps.charts import ChartError, containers, pods
from clusters.engine.labels import NODE_PREFIX
from otestack.sentences import say

Manifest = dict[str, Any]


def images(objects: list[Manifest]) -> list[str]:
    """Return the images of all containers, each once."""
    found = {container.get("image") for pod in _pods(objects) for container in containers(pod)}
    return sorted(image for image in found if isinstance(image, str))


def arranged(
    objects: list[Manifest], *, node_label: str, pull_secret: Manifest | None
) -> tuple[list[Manifest], list[Manifest]]:
    """Return the objects in the order of applying, and the Secrets apart (to be applied first).

    node_label: only nodes with this label of ours; empty or 'all': any. pull_secret: the Secret object that pods get.
    Raises ChartError when the chart has a Secret of that name. Changes the objects it was given.
    """
    secrets = [_encoded(item) for item in objects if item["kind"] == "Secret"]
    others = [item for item in objects if item["kind"] != "Secret"]
    if pull_secret is not None:
        name = pull_secret["metadata"]["name"]
        if any(item["metadata"]["name"] == name for item in secrets):
            raise ChartError(
                say("The chart has a Secret '%(name)s', which is the name of the deployment's pull secret.", name=name)
            )
        secrets.insert(0, pull_secret)
    for pod in _pods(others):
        pod["automountServiceAccountToken"] = False
        if node_label not in {"", "all"}:
            pod["nodeSelector"] = (pod.get("nodeSelector") or {}) | {f"{NODE_PREFIX}{node_label}": "true"}
        if pull_secret is not None:
            pod["imagePullSecrets"] = [*(pod.get("imagePullSecrets") or []), {"name": name}]
    for item in others:
        if item["kind"] == "Job":
            # A Job that removes itself would be missed and made again, for ever.
            item["spec"].pop("ttlSecondsAfterFinished", None)
    return others, secrets


def _pods(objects: list[Manifest]) -> Iterator[Manifest]:
    for item in objects:
        yield from pods(item)


def _encoded(secret: Manifest) -> Manifest:
    """Return the Secret without stringData: what was once written there, apply would not take away again."""
    texts = secret.pop("stringData", None) or {}
    data = {key: value or "" for key, value in (secret.get("data") or {}).items()}
    data |= {key: base64.b64encode((text or "").encode()).decode() for key, text in texts.items()}
    return secret | ({"data": data} if data else {})
