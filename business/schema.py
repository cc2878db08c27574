"""Examples of Business Management, the seed's."""

from typing import Any

APPLICATION = {"name": "name", "introduce": "intrduce", "objective": "objective", "scale": "scale"}
AUDIT = {"comment": "pass", "status": 1}
_ROW: dict[str, Any] = {
    "name": "name",
    "userId": 123,
    "comment": "comment",
    "id": 1,
    "status": 0,
    "createTime": 1590062196,
    "updateTime": 1590062196,
}
BUSINESSES = {"data": [_ROW], "total": 1}
BUSINESS = {"data": _ROW | {"introduce": "introduce", "objective": "objective", "scale": "1400000000"}}
