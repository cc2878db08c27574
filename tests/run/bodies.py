"""Bodies of requests."""

from __future__ import annotations

from typing import Any


def app_body(name: str, image: str) -> dict[str, Any]:
    """Return a request for a version of an application."""
    return {
        "appName": name, "deployType": "deployment", "version": "1.1", "image": image, "replicas": 2,
        "port": [{"port": 80}], "minCPU": 10, "maxCPU": 50, "minMemory": 32, "maxMemory": 64, "isHPA": False,
        "targetCPUUtilization": 80, "targetMemUtilization": 80, "maxUnavailable": 1, "maxSurge": 1,
        "minReadySeconds": 0,
    }  # fmt: skip
