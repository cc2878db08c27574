"""Paging and ordering as the contract says: page, pageSize (0: no limit), orderBy, order."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from otestack.api.fields import INT31, QueryWhole
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
        if raw is None:
            numbers[name] = default
            continue
        try:
            numbers[name] = QueryWhole(min_value=least, max_value=INT31).run_validation(raw)
        except serializers.ValidationError as error:
            errors[name] = list(error.detail)
    if errors:
        raise serializers.ValidationError(errors)
    return numbers["page"], numbers["pageSize"]
