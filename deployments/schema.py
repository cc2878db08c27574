"""Examples of Deployment Management: the seed's; a full version is its main line and its minor."""

from typing import Any

NEW: dict[str, Any] = {
    "deployName": "nginx1",
    "appName": "nginx1",
    "version": "1.1.1",
    "cluster": "cluster1",
    "nodeLabel": "node1",
    "comment": "",
}
UPGRADE = {"version": "1.1.2"}
ROLLBACK = {"version": "1.1.2", "comment": ""}
LIST_QUERY = {"pageSize": 10, "page": 1}
AUDIT = {"id": 123456, "status": 1, "comment": "xxxx"}
_ROW = NEW | {
    "id": 1,
    "deployType": 1,
    "status": 6,
    "errorMessage": '{"running": 10, "error": 3, "total": 13}',
    "createTime": 1551758321,
    "updateTime": 1551758321,
}
DEPLOYMENTS = {"data": [_ROW | {"editable": True}], "total": 1}
DEPLOYMENT = {"data": _ROW | {"version": "1.1.2"}}
AUDITS = {
    "data": [
        {
            "id": 6878,
            "businessName": "a",
            "appName": "dsdar2",
            "version": "1.2.1",
            "cluster": "bjct",
            "deployId": 1,
            "deployType": 1,
            "status": 2,
            "comment": "no pass",
            "createTime": 1551758321,
            "updateTime": 1551758321,
        }
    ],
    "total": 1,
}
CLUSTERS = {
    "data": [
        {
            "clusterName": "BeiJing",
            "state": "ready",
            "generation": 1,
            "appliedGeneration": 1,
            "running": 2,
            "error": 0,
            "total": 2,
            "lastError": "",
            "observedAt": 1551758321,
            "nextAttemptAt": None,
        }
    ],
    "total": 1,
}
_PROGRESS = (
    '{"deployId":1,"deployName":"nginx1","operationId":6878,"deployType":1,"version":"1.1.2","status":4,"generation":1,'
    '"clusters":{"total":3,"taken":2,"ready":1,"failed":0,"away":0},"pods":{"running":1,"error":0,"total":2},'
    '"message":"","createTime":1551758321}'
)
PROGRESS = {"id": "42", "event": "progress", "data": _PROGRESS}
