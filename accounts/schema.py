"""Examples of User Management: the seed's, changed only where they break a rule (a password's)."""

from typing import Any

LOGIN = {"user": "u1", "password": "xxx"}
TOKEN = {"token": "eyxxxxxxxxxxxxxx"}
RENEWED = {"token": "eyyxxxxxxxxxxxx2"}
NEW_USER = {"user": "u1", "password": "xxX@1234", "phone": "12345678910", "realName": "hello", "isAdmin": True}
NEW_PASSWORD = {"password": "xxX@1234"}
CHANGED_PASSWORD = {"oldPassword": "xxx0"} | NEW_PASSWORD
AUDIT = {"status": 0}


def _user(number: int, status: int, phone: str) -> dict[str, Any]:
    return {
        "id": number,
        "user": f"user{number}",
        "status": status,
        "realName": f"user{number}",
        "phone": phone,
        "createTime": 1551758321,
        "updateTime": 1551758321,
    }


USERS = {"data": [_user(1, 1, "18923441163"), _user(2, 3, "18923441123")], "total": 2}
INFORMATION = {
    "data": {
        "displayName": "ote_test1",
        "hasRepoAccount": True,
        "role": 4,
        "privateProject": True,
        "enableIngress": False,
        "enableAlert": True,
        "enableAdminAutoDeploy": True,
    }
}
