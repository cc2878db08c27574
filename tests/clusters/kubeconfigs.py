"""Kubeconfigs as text."""

from __future__ import annotations

import copy
from typing import Any

import yaml

TOKEN = "s3cret-token"


def document(
    server: str = "https://edge.example:6443",
    cluster: dict[str, Any] | None = None,
    user: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a kubeconfig; cluster and user are added to (None as a value removes)."""
    cluster_entry = {"server": server} | (cluster or {})
    user_entry = {"token": TOKEN} | (user or {})
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "edge", "cluster": {k: v for k, v in cluster_entry.items() if v is not None}}],
        "users": [{"name": "admin", "user": {k: v for k, v in user_entry.items() if v is not None}}],
        "contexts": [{"name": "main", "context": {"cluster": "edge", "user": "admin"}}],
        "current-context": "main",
    }


def text(*args: Any, **options: Any) -> str:
    """Return document() as YAML."""
    return yaml.safe_dump(document(*args, **options))


def changed(path: str, value: Any) -> str:
    """Return a good kubeconfig with one place changed: 'clusters.0.cluster.server'."""
    made = copy.deepcopy(document())
    place: Any = made
    *way, last = path.split(".")
    for step in way:
        place = place[int(step) if step.isdigit() else step]
    place[int(last) if last.isdigit() else last] = value
    return yaml.safe_dump(made)
