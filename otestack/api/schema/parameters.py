"""Parameters of paths and queries, out of paths, query serializers, filters, paging and ordering."""

from __future__ import annotations

from typing import Any

from django_filters import CharFilter

from otestack.api.fields import INT31
from otestack.api.filters import WordFilter
from otestack.api.schema.words import Shape


def _parameter(name: str, place: str, shape: Shape, description: str, required: bool) -> Shape:
    found: Shape = {"in": place, "name": name, "description": description, "schema": shape}
    return found | ({"required": True} if required else {})


def _query(name: str, shape: Shape, description: str, required: bool = False) -> Shape:
    return _parameter(name, "query", shape, description, required)


def in_path(name: str, description: str) -> Shape:
    """Return a name of the path: `id` is a positive number, as TenantViewSet.one() takes it; others are words."""
    shape: Shape = {"type": "string", "minLength": 1}
    if name == "id":
        shape = {"type": "integer", "format": "int64", "minimum": 1}
    return _parameter(name, "path", shape, description, True)


def last_event_id() -> Shape:
    """Return the header by which a client says which event of a stream it had last."""
    shape: Shape = {"type": "string", "pattern": "^[0-9]{0,18}$"}
    said = "The id of the last event that arrived; what came after it is sent. Empty: none did."
    return _parameter("Last-Event-ID", "header", shape, said, False)


def of_query(shape: Shape) -> dict[str, Shape]:
    """Return the fields of a query's serializer, given its shape."""
    required = shape.get("required", [])
    found = {}
    for name, said in shape["properties"].items():
        own = {key: value for key, value in said.items() if key != "description"}
        if isinstance(own.get("type"), list):  # null cannot be written in a query
            own["type"] = own["type"][0]
        found[name] = _query(name, own, said.get("description", ""), name in required)
    return found


def of_filters(filters: Any) -> dict[str, Shape]:
    """Return the filters of a django-filter set. Raises TypeError for a kind of filter that is not ours."""
    found = {}
    for name, item in filters.base_filters.items():
        match item:
            case WordFilter():
                shape: Shape = {"type": "string", "enum": list(item.words), "default": item.default}
            case CharFilter():
                shape = {"type": "string", "maxLength": item.extra["max_length"]}
            case _:
                raise TypeError(
                    f"{type(item).__name__} {name}: say in otestack/api/schema/parameters.py what it takes."
                )
        found[name] = _query(name, shape, item.extra["help_text"])
    return found


def of_order(view: Any) -> dict[str, Shape]:
    """Return orderBy and order of a view that has them."""
    if not getattr(view, "order_fields", None):
        return {}
    by = {"type": "string", "enum": list(view.order_fields), "default": "id"}
    order = {"type": "string", "enum": ["asc", "desc"], "default": getattr(view, "default_order", "asc")}
    return {
        "orderBy": _query("orderBy", by, "What the list is ordered by."),
        "order": _query("order", order, "Ascending or descending."),
    }


def of_paging(sizes: dict[str, tuple[int, int]]) -> dict[str, Shape]:
    """Return page and pageSize. sizes: name to default and least, as otestack.api.pagination has them."""
    said = {"page": "The page, from 1.", "pageSize": "How many a page holds; 0: no limit."}
    return {
        name: _query(name, {"type": "integer", "minimum": least, "maximum": INT31, "default": default}, said[name])
        for name, (default, least) in sizes.items()
    }
