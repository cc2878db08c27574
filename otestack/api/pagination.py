"""Paging and ordering as the contract says: page, pageSize (0: no limit), orderBy, order."""

from collections.abc import Iterable
from typing import Any

from rest_framework import serializers
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from otestack.api.fields import INT31, QueryWhole
from otestack.api.renderers import ROWS_AT_ONCE
from otestack.sentences import say, told


def ordering(request: Request, view: Any) -> list[str]:
    """Return the fields to order by, id last. A view without order_fields has no such parameters."""
    fields: dict[str, str] = getattr(view, "order_fields", {})
    default: str = getattr(view, "default_order", "asc")
    if not fields:
        return ["id" if default == "asc" else "-id"]
    by = request.query_params.get("orderBy", "id")
    order = request.query_params.get("order", default)
    errors = {}
    if by not in fields:
        errors["orderBy"] = [told(say("It must be one of %(names)s.", names=", ".join(fields)))]
    if order not in {"asc", "desc"}:
        errors["order"] = [told(say("It must be asc or desc."))]
    if errors:
        raise serializers.ValidationError(errors)
    sign = "-" if order == "desc" else ""
    return [f"{sign}{fields[by]}"] + ([] if fields[by] == "id" else [f"{sign}id"])


def sizes(view: Any) -> dict[str, tuple[int, int]]:
    """Return the parameters of paging with their defaults and their least values."""
    return {"page": (1, 1), "pageSize": (getattr(view, "default_page_size", 10), 0)}


def page_numbers(request: Request, view: Any) -> tuple[int, int]:
    """Return page and pageSize (0: no limit). Raises ValidationError."""
    numbers: dict[str, int] = {}
    errors: dict[str, list[Any]] = {}
    for name, (default, least) in sizes(view).items():
        raw = request.query_params.get(name)
        try:
            field = QueryWhole(min_value=least, max_value=INT31)
            numbers[name] = default if raw is None else field.run_validation(raw)
        except serializers.ValidationError as error:
            errors[name] = list(error.detail)
    if errors:
        raise serializers.ValidationError(errors)
    return numbers["page"], numbers["pageSize"]


class Pagination(BasePagination):
    """A page of a queryset with its true total: two queries, whatever the size.

    Without a limit the rows are not held in memory but read as they are written (renderers.json_rows).
    """

    def paginate_queryset(  # type: ignore[override]
        self, queryset: Any, request: Request, view: Any = None
    ) -> Iterable[Any]:
        """Return the page's rows, to be gone through once; past the end it is empty."""
        page, size = page_numbers(request, view)
        rows = queryset.order_by(*(getattr(view, "order_prefix", []) + ordering(request, view)))
        self.total = queryset.count()
        if size == 0:
            return rows.iterator(ROWS_AT_ONCE) if page == 1 else []
        start = (page - 1) * size
        return list(rows[start : start + size]) if start < self.total else []

    def get_paginated_response(self, data: Any) -> Response:
        """Return the list with its total, under `data`."""
        return Response({"data": data, "total": self.total})
