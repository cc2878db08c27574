"""Paging and ordering as the contract says: page, pageSize (0: no limit), orderBy, order."""

from typing import Any

from rest_framework import serializers
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from otestack.api.fields import INT31, QueryWhole


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
        errors["orderBy"] = [f"It must be one of {', '.join(fields)}."]
    if order not in {"asc", "desc"}:
        errors["order"] = ["It must be asc or desc."]
    if errors:
        raise serializers.ValidationError(errors)
    sign = "-" if order == "desc" else ""
    return [f"{sign}{fields[by]}"] + ([] if fields[by] == "id" else [f"{sign}id"])


class Pagination(BasePagination):
    """A page of a queryset with its true total: two queries, whatever the size."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """Return the page's rows; past the end it is empty."""
        numbers: dict[str, int] = {}
        errors: dict[str, list[Any]] = {}
        defaults = {"page": (1, 1), "pageSize": (getattr(view, "default_page_size", 10), 0)}
        for name, (default, least) in defaults.items():
            raw = request.query_params.get(name)
            try:
                field = QueryWhole(min_value=least, max_value=INT31)
                numbers[name] = default if raw is None else field.run_validation(raw)
            except serializers.ValidationError as error:
                errors[name] = list(error.detail)
        if errors:
            raise serializers.ValidationError(errors)
        rows = queryset.order_by(*(getattr(view, "order_prefix", []) + ordering(request, view)))
        self.total = queryset.count()
        size = numbers["pageSize"]
        if size == 0:
            return list(rows) if numbers["page"] == 1 else []
        start = (numbers["page"] - 1) * size
        return list(rows[start : start + size]) if start < self.total else []

    def get_paginated_response(self, data: Any) -> Response:
        """Return the list with its total, under `data`."""
        return Response({"data": data, "total": self.total})
