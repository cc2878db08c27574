"""Examples of Repository Management, the seed's."""

from typing import Any

IMAGES_QUERY = {"projectName": "test"}
IMAGES = {
    "data": [
        {
            "projectName": "test",
            "public": False,
            "imageName": "test/test-demo1",
            "imageAddress": "registry.dcdn.baidu.com/test/test-demo1",
            "createTime": 1551758321,
            "updateTime": 1551758321,
        },
        {
            "projectName": "test2",
            "public": False,
            "imageName": "test2/test-demo2",
            "imageAddress": "registry.dcdn.baidu.com/test2/test-demo2",
            "createTime": 1551758321,
            "updateTime": 1551758321,
        },
    ],
    "total": 2,
}
TAGS_QUERY = {"imageName": "test/demo1"}
_TAG: dict[str, Any] = {
    "imageAddress": "registry.dcdn.baidu.com/test/test-demo1",
    "createTime": 1551758321,
    "updateTime": 1551758321,
}
TAGS = {"data": [{"tag": "latest"} | _TAG, {"tag": "v1"} | _TAG], "total": 2}
IMAGE_NAMES = {"imageName": ["test/img1", "test/img2"]}
TAG_NAMES = {"imageName": "test/demo1", "tag": ["v1", "v2"]}
ACCOUNT = {"user": "user1", "password": "Passw0rd"}
PASSWORD = {"password": "Passw0rd"}
PROJECTS = {
    "data": [
        {
            "projectId": 13,
            "projectName": "calico",
            "createTime": 1551758321,
            "updateTime": 1551758321,
            "imageCount": 3,
            "public": True,
        }
    ],
    "total": 2,
}
PROJECT = {"projectName": "calico", "public": True}
PROJECT_IDS = {"projectId": [1, 2]}
EXTERNAL = {"repositoryId": "repo1", "address": "127.0.0.1", "user": "user1", "password": "password1"}
EXTERNAL_NAMES = {"repositoryId": ["repo1", "repo2"]}
EXTERNALS_QUERY = {"pageSize": 0}
EXTERNALS = {
    "data": [
        {"id": 1, "repositoryId": "yq01", "address": "xxzxsdsdsds", "user": "ddddddd"},
        {"id": 2, "repositoryId": "yq02", "address": "xxzxsdsdsds", "user": "ddddddd"},
    ],
    "total": 2,
}
EXTERNAL_ANSWER = {"data": {"repositoryId": "yq01", "address": "xxzxsdsdsds", "user": "ddddddd"}}
