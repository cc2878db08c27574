"""Tables and partial metadata: what clients that only show objects ask for."""

import json
from collections.abc import Callable
from typing import Any

from ..kinds import Kind
from ..store import Object
from .answers import Answer, json_answer
from .columns import COLUMNS, Column

META = "meta.k8s.io"


def negotiate(accept: str) -> str:
    """Table, PartialObjectMetadata or "" by the first acceptable media type."""
    for part in accept.split(","):
        media, *parameters = [piece.strip() for piece in part.split(";")]
        options = dict(piece.partition("=")[::2] for piece in parameters)
        form = options.get("as", "")
        if media in ("application/json", "*/*", "application/*"):
            if form in ("Table", "PartialObjectMetadata", "PartialObjectMetadataList"):
                return "Table" if form == "Table" else "PartialObjectMetadata"
            return ""
    return ""


def answer(
    form: str, kind: Kind, items: list[Object], meta: dict[str, Any], include: str, single: bool = False
) -> Answer:
    """The items in the form that was negotiated."""
    if form == "Table":
        return json_answer(table(kind, items, meta, include))
    partial = [partial_metadata(obj) for obj in items]
    if single:
        return json_answer(partial[0])
    return json_answer(
        {"kind": "PartialObjectMetadataList", "apiVersion": f"{META}/v1", "metadata": meta, "items": partial}
    )


def partial_metadata(obj: Object) -> Object:
    """The object's metadata alone."""
    return {"kind": "PartialObjectMetadata", "apiVersion": f"{META}/v1", "metadata": obj["metadata"]}


def table(kind: Kind, items: list[Object], meta: dict[str, Any], include: str, headers: bool = True) -> Object:
    """The items as rows."""
    columns = COLUMNS.get(kind.name, COLUMNS[""])
    return {
        "kind": "Table",
        "apiVersion": f"{META}/v1",
        "metadata": meta,
        "columnDefinitions": [_definition(column) for column in columns] if headers else [],
        "rows": [
            {"cells": [column.cell(obj) for column in columns], "object": _included(kind, obj, include)}
            for obj in items
        ],
    }


def _included(kind: Kind, obj: Object, include: str) -> Object | None:
    if include == "None":
        return None
    if include == "Object":
        return {"kind": kind.name, "apiVersion": kind.api_version} | obj
    return partial_metadata(obj)


def _definition(column: Column) -> Object:
    return {
        "name": column.name,
        "type": column.type,
        "format": "name" if column.name == "Name" else "",
        "description": column.name,
        "priority": column.priority,
    }


def event_object(kind: Kind, form: str, include: str) -> Callable[[Object, bool], bytes]:
    """How a watch renders an object; the first table of a watch names its columns."""

    def render(obj: Object, first: bool) -> bytes:
        if form == "Table":
            meta = {"resourceVersion": obj["metadata"]["resourceVersion"]}
            return json.dumps(table(kind, [obj], meta, include, headers=first), separators=(",", ":")).encode()
        return json.dumps(partial_metadata(obj), separators=(",", ":")).encode()

    return render
