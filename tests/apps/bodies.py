"""Request bodies of applications."""

from typing import Any

SEED: dict[str, Any] = {
    "appName": "nginx1",
    "deployType": "deployment",
    "image": "nginx:latest",
    "version": "1.2",
    "replicas": 10,
    "port": [{"port": 8080, "hostPort": 9090}],
    "command": "",
    "volume": [
        {"path": "/host/usr/bin", "hostPath": "/usr/bin", "readOnly": True},
        {"path": "/host/usr/sbin", "hostPath": "/usr/sbin", "readOnly": True},
    ],
    "env": [{"name": "NGINX_PATH", "value": "/usr/share/nginx/"}],
    "minReplicas": 2,
    "maxReplicas": 20,
    "minCPU": 10,
    "maxCPU": 200,
    "isHPA": True,
    "targetCPUUtilization": 100,
    "targetMemUtilization": 150,
    "minMemory": 100,
    "maxMemory": 200,
    "maxUnavailable": 1,
    "maxSurge": 1,
    "minReadySeconds": 10,
}

REQUIRED: dict[str, Any] = {
    "appName": "small",
    "deployType": "deployment",
    "image": "nginx",
    "version": "1.0",
    "port": [],
    "minCPU": 0,
    "maxCPU": 0,
    "isHPA": False,
    "targetCPUUtilization": 0,
    "targetMemUtilization": 0,
    "minMemory": 0,
    "maxMemory": 0,
    "maxUnavailable": 1,
    "maxSurge": 0,
    "minReadySeconds": 0,
}


def body(**changes: Any) -> dict[str, Any]:
    """The seed's example, changed."""
    return SEED | changes


def small(**changes: Any) -> dict[str, Any]:
    """Required fields only, changed."""
    return REQUIRED | changes
