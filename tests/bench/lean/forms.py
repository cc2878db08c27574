"""Forms of objects: the JSON that an API server would store, with gaps for what differs between clusters.

The product's simulator applies each distinct body once, on a cluster that serves for nothing else, so defaults,
managedFields and refusals are its own.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from clusters.simulator import seed, selectors, writes
from clusters.simulator.api import bodies
from clusters.simulator.fleet import Fleet
from clusters.simulator.kinds import BY_NAME, Kind
from clusters.simulator.timing import Timing

# Stand for the gaps while a form is made.
_UID, _VERSION, _STATUS = "@uid@", "@version@", "@status@"
_GENERATION = 7_777_777_777
_GAP = re.compile(rb'"@uid@"|"@version@"|7777777777|"@status@"')
_NAMES = {b'"@uid@"': "uid", b'"@version@"': "version", b"7777777777": "generation", b'"@status@"': "status"}
_SERVER_SET = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields")
# Their status follows the spec; everything else has the one it was made with.
WORKLOADS = frozenset({"Deployment", "StatefulSet"})


@dataclass(frozen=True, eq=False, slots=True)
class Form:
    """What objects of one body have in common. pieces: bytes, and the names of gaps between them."""

    kind: Kind
    namespace: str
    name: str
    labels: dict[str, str]
    replicas: int
    # Of what raises metadata.generation when it changes.
    spec: bytes
    pieces: tuple[bytes | str, ...]
    metadata: tuple[bytes | str, ...]


class Mould:
    """Makes forms, and keeps each by what it was made of."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="otestack-mould-")
        fleet = Fleet(Path(self._folder.name), Timing(), persist=False, size=1)
        self._cluster = fleet.add("mould", 1)
        self._ca = fleet.ca
        self._made: dict[tuple[str, str, str, str, bytes], Form] = {}

    def applied(self, kind: Kind, namespace: str, name: str, manager: str, body: bytes) -> Form:
        """Return the form of what is applied. Raises ApiError."""
        key = (kind.name, namespace, name, manager, body)
        found = self._made.get(key)
        if found is None:
            raw = bodies.parse(body, bodies.APPLY)
            obj = bodies.read_object(kind, raw, "Strict", applied=True).obj
            author = writes.Author(manager, dry_run=True)
            self._ensure(namespace)
            obj, _ = writes.apply(self._cluster, kind, namespace, name, obj, author, True)
            found = self._made[key] = form(kind, obj)
        return found

    def written(self, kind: Kind, namespace: str, manager: str, raw: Any) -> Form:
        """Return the form of what is created, or put in the place of something. Raises ApiError."""
        for field in _SERVER_SET:
            raw.get("metadata", {}).pop(field, None)
        obj = bodies.read_object(kind, raw, "Warn").obj
        self._ensure(namespace)
        return form(kind, writes.create(self._cluster, kind, namespace, obj, writes.Author(manager, dry_run=True)))

    def first(self) -> list[Form]:
        """Return the forms of what every cluster holds from the start: namespaces and one node."""
        origin = seed.Origin("lean", "0" * 32, nodes=1, gpus=0, created="2026-01-01T00:00:00Z", ca=self._ca)
        found = seed.first_objects(origin)
        return [form(BY_NAME[key[0]], obj) for key, _, obj in found if key[0] in ("Namespace", "Node")]

    def _ensure(self, namespace: str) -> None:
        if namespace and self._cluster.store.find("Namespace", "", namespace) is None:
            author = writes.Author("mould")
            writes.create(self._cluster, BY_NAME["Namespace"], "", {"metadata": {"name": namespace}}, author)


def form(kind: Kind, obj: dict[str, Any]) -> Form:
    """Return the form of a stored object."""
    meta = dict(obj["metadata"]) | {"uid": _UID, "resourceVersion": _VERSION}
    if kind.generation:
        meta["generation"] = _GENERATION
    whole = {"apiVersion": kind.api_version, "kind": kind.name} | obj | {"metadata": meta}
    if kind.name in WORKLOADS:
        whole["status"] = _STATUS
    partial = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": meta}
    spec = obj.get("spec") or {}
    return Form(
        kind=kind,
        namespace=meta.get("namespace", ""),
        name=meta["name"],
        labels=dict(meta.get("labels") or {}),
        replicas=int(spec.get("replicas", 1)),
        spec=orjson.dumps(spec, option=orjson.OPT_SORT_KEYS),
        pieces=_cut(whole),
        metadata=_cut(partial),
    )


def _cut(obj: dict[str, Any]) -> tuple[bytes | str, ...]:
    data = orjson.dumps(obj)
    pieces: list[bytes | str] = []
    end = 0
    for gap in _GAP.finditer(data):
        pieces += [data[end : gap.start()], _NAMES[gap[0]]]
        end = gap.end()
    return (*pieces, data[end:])


@cache
def label_test(selector: str) -> Callable[[dict[str, str]], bool]:
    """Return the test of a labelSelector."""
    return selectors.parse_labels(selector) or (lambda labels: True)
