"""metadata.managedFields: who set which fields, and what a change does to that."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..schema.types import Type
from .fieldset import FieldSet, compare, difference, intersection, union

# Set by the server; nobody owns them.
_SERVER_METADATA = (
    "f:name",
    "f:namespace",
    "f:creationTimestamp",
    "f:selfLink",
    "f:uid",
    "f:generation",
    "f:managedFields",
    "f:resourceVersion",
    "f:deletionTimestamp",
    "f:deletionGracePeriodSeconds",
)


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes: one entry of managedFields per writer."""

    manager: str
    operation: str  # Apply or Update
    api_version: str
    subresource: str = ""

    def shown(self) -> str:
        """The writer as conflict messages name it."""
        text = f'"{self.manager}"'
        if self.subresource:
            text += f' with subresource "{self.subresource}"'
        return f"{text} using {self.api_version}" if self.operation == "Update" else text


@dataclass(slots=True)
class Entry:
    """A writer's fields and when they last changed."""

    fields: FieldSet
    time: str


Managers = dict[Writer, Entry]


def decode(entries: Iterable[dict[str, Any]] | None) -> Managers:
    """Read metadata.managedFields."""
    return {
        Writer(
            one.get("manager", ""),
            one.get("operation", "Update"),
            one.get("apiVersion", ""),
            one.get("subresource", ""),
        ): Entry(one.get("fieldsV1", {}), one.get("time", ""))
        for one in entries or ()
    }


def encode(managers: Managers) -> list[dict[str, Any]]:
    """Write metadata.managedFields, in the order of Kubernetes."""
    out = []
    for writer, entry in sorted(managers.items(), key=lambda pair: (pair[0].operation, pair[1].time, pair[0].manager)):
        one: dict[str, Any] = {
            "manager": writer.manager,
            "operation": writer.operation,
            "apiVersion": writer.api_version,
            "time": entry.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": entry.fields,
        }
        if writer.subresource:
            one["subresource"] = writer.subresource
        out.append(one)
    return out


def strip(fields: FieldSet, keep_status: bool) -> FieldSet:
    """Without the fields that nobody can own through this door."""
    out = {name: node for name, node in fields.items() if name not in ("f:apiVersion", "f:kind")}
    if not keep_status:
        out.pop("f:status", None)
    metadata = out.get("f:metadata")
    if metadata:
        kept = {name: node for name, node in metadata.items() if name not in _SERVER_METADATA}
        if kept and kept.keys() != {"."}:
            out["f:metadata"] = kept
        else:
            del out["f:metadata"]
    return out


def track_update(
    old: dict[str, Any], new: dict[str, Any], typ: Type, managers: Managers, writer: Writer, now: str, keep_status: bool
) -> Managers:
    """Managers after a plain write: the writer owns what it changed, others lose it."""
    changed, removed = compare(old, new, typ)
    changed, removed = strip(changed, keep_status), strip(removed, keep_status)
    if not changed and not removed:
        return managers
    out = without(managers, union(changed, removed), except_for=writer)
    mine = managers.get(writer)
    fields = union(difference(mine.fields, removed) if mine else {}, changed)
    out.pop(writer, None)
    if fields:
        out[writer] = Entry(fields, now)
    return out


def without(managers: Managers, fields: FieldSet, except_for: Writer) -> Managers:
    """Managers whose sets no longer hold the fields; empty ones are dropped."""
    out: Managers = {}
    for writer, entry in managers.items():
        if writer == except_for:
            out[writer] = entry
            continue
        kept = difference(entry.fields, fields)
        if kept:
            out[writer] = Entry(kept, entry.time)
    return out


def conflicts(managers: Managers, fields: FieldSet, writer: Writer) -> list[tuple[Writer, FieldSet]]:
    """Other managers that own one of the fields."""
    found = []
    for other, entry in managers.items():
        if other != writer:
            common = intersection(entry.fields, fields)
            if common:
                found.append((other, common))
    return found
