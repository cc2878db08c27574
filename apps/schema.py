"""Examples of Application Management: the seed's; a full version is its main line and its minor."""

from typing import Any

APPLICATION: dict[str, Any] = {
    "appName": "nginx1",
    "deployType": "deployment",
    "image": "nginx:latest",
    "version": "1.2",
    "repositoryId": "repo1",
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
DELETION = {"appId": [1, 2, 3, 4]}


def _answered(image: str, version: str, gpu: int) -> dict[str, Any]:
    return APPLICATION | {
        "id": 1,
        "status": 1,
        "image": image,
        "projectName": "proj1",
        "version": version,
        "dependence": [{"name": "nginx", "service": "xxxx", "port": 9090}],
        "minCPU": 0.1,
        "maxCPU": 2,
        "GPU": gpu,
        "targetCPUUtilization": 1,
        "createTime": 1551758321,
        "updateTime": 1551758321,
    }


APPLICATIONS = {"apps": [_answered("registry.local/proj1/nginx:latest", "1.2.1", 2)], "total": 1}
ONE_APPLICATION = {"data": _answered("registry.local/proj1/nginx", "1.2.3", 1)}
