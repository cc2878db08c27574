"""One lean cluster: its objects as forms with the few values that are its own."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import orjson

from clusters.simulator.api import bodies, status
from clusters.simulator.api.answers import Answer, error_answer, json_answer
from clusters.simulator.api.paths import Target
from clusters.simulator.api.resources import patched
from clusters.simulator.kinds import BY_NAME
from tests.bench.lean import protobuf
from tests.bench.lean.forms import Form, Mould, label_test

# From a change of a workload until it is ready.
READY_SECONDS = 0.3

Key = tuple[str, str, str]  # kind, namespace, name
NAMESPACE = BY_NAME["Namespace"]


class Stored(NamedTuple):
    """One object. Never changed, but replaced, so that a cluster is kept by copying one dictionary."""

    form: Form
    uid: str
    version: int
    generation: int
    changed_at: float


class Cluster:
    """Answers requests on resources."""

    __slots__ = ("_kept", "_mould", "_version", "objects", "token", "uid")

    def __init__(self, mould: Mould, first: Iterable[Form], uid: str, token: str) -> None:
        self.uid, self.token = uid, token
        self._mould, self._version = mould, 10
        self.objects: dict[Key, Stored] = {}
        for form in first:
            own = uid if (form.kind.name, form.name) == ("Namespace", "kube-system") else f"{uid[:-4]}ffff"
            self.objects[form.kind.name, form.namespace, form.name] = Stored(form, own, 1, 1, 0.0)
        self._kept = self.objects

    def keep(self) -> None:
        """Remember what is there now."""
        self._kept = dict(self.objects)

    def restore(self) -> None:
        """Bring back what was kept last."""
        self.objects = dict(self._kept)

    def answer(
        self, method: str, target: Target, query: Mapping[str, str], accept: str, content_type: str, body: bytes,
        agent: str,
    ) -> Answer:  # fmt: skip
        """Answer one request. Never raises what a client can cause."""
        try:
            manager = query.get("fieldManager") or agent.partition("/")[0] or "unknown"
            if method == "GET":
                partial = "PartialObjectMetadata" in accept.partition(",")[0]
                return self._get(target, partial) if target.name else self._list(target, query, partial)
            if method == "PATCH" and content_type == bodies.APPLY:
                return self._apply(target, manager, body)
            if method == "PATCH":
                return self._patch(target, manager, content_type, body)
            if method in ("POST", "PUT") and bool(target.name) == (method == "PUT"):
                return self._write(target, manager, content_type, body)
            if method == "DELETE" and target.name:
                return self._delete(target)
            raise status.method_not_allowed()
        except status.ApiError as error:
            return error_answer(error)

    def _get(self, target: Target, partial: bool) -> Answer:
        stored = self._found(target)
        return Answer(_rendered(stored.form.metadata if partial else stored.form.pieces, stored))

    def _list(self, target: Target, query: Mapping[str, str], partial: bool) -> Answer:
        test = label_test(query.get("labelSelector", ""))
        kind, namespace = target.kind.name, target.namespace
        items = [
            _rendered(stored.form.metadata if partial else stored.form.pieces, stored)
            for key, stored in self.objects.items()
            if key[0] == kind and (not namespace or key[1] == namespace) and test(stored.form.labels)
        ]
        named = ("PartialObjectMetadata", "meta.k8s.io/v1") if partial else (kind, target.kind.api_version)
        head = f'{{"kind":"{named[0]}List","apiVersion":"{named[1]}","metadata":{{"resourceVersion":"{self._version}"}}'
        return Answer(head.encode() + b',"items":[' + b",".join(items) + b"]}")

    def _apply(self, target: Target, manager: str, body: bytes) -> Answer:
        form = self._mould.applied(target.kind, target.namespace, target.name, manager, body)
        return self._put(form, self.objects.get((target.kind.name, target.namespace, target.name)))

    def _patch(self, target: Target, manager: str, content_type: str, body: bytes) -> Answer:
        stored = self._found(target)
        before = orjson.loads(_rendered(stored.form.pieces, stored))
        after = patched(target.kind, before, bodies.parse(body, content_type), content_type)
        return self._put(self._mould.written(target.kind, target.namespace, manager, after), stored)

    def _write(self, target: Target, manager: str, content_type: str, body: bytes) -> Answer:
        if content_type == protobuf.MEDIA_TYPE:
            raw = protobuf.secret(body)
        else:
            bodies.check_media_type(content_type, patch=False)
            raw = bodies.parse(body, content_type)
        old = self._found(target) if target.name else None
        name = (raw.get("metadata") or {}).get("name", "")
        if old is None and (target.kind.name, target.namespace, name) in self.objects:
            raise status.already_exists(target.kind, name)
        return self._put(self._mould.written(target.kind, target.namespace, manager, raw), old)

    def _put(self, form: Form, old: Stored | None) -> Answer:
        if form.namespace and (NAMESPACE.name, "", form.namespace) not in self.objects:
            raise status.not_found(NAMESPACE, form.namespace)
        if old is not None and old.form is form:
            return Answer(_rendered(form.pieces, old))
        self._version += 1
        if old is None:
            stored = Stored(form, str(uuid.uuid4()), self._version, 1, time.monotonic())
        else:
            moved = int(old.form.spec != form.spec)
            at = time.monotonic() if moved else old.changed_at
            stored = Stored(form, old.uid, self._version, old.generation + moved, at)
        self.objects[form.kind.name, form.namespace, form.name] = stored
        return Answer(_rendered(form.pieces, stored), 201 if old is None else 200)

    def _delete(self, target: Target) -> Answer:
        stored = self._found(target)
        del self.objects[target.kind.name, target.namespace, target.name]
        if target.kind is NAMESPACE:
            self.objects = {key: value for key, value in self.objects.items() if key[1] != target.name}
        self._version += 1
        return json_answer(status.success(target.kind, target.name, stored.uid))

    def _found(self, target: Target) -> Stored:
        stored = self.objects.get((target.kind.name, target.namespace, target.name))
        if stored is None:
            raise status.not_found(target.kind, target.name)
        return stored


def _rendered(pieces: tuple[bytes | str, ...], stored: Stored) -> bytes:
    return b"".join([piece if type(piece) is bytes else _GAPS[piece](stored) for piece in pieces])


def _status(stored: Stored) -> bytes:
    generation, replicas = stored.generation, stored.form.replicas
    if time.monotonic() - stored.changed_at < READY_SECONDS:
        if generation == 1:
            return b"{}"
        generation -= 1
    return b"".join((
        b'{"observedGeneration":%d,"replicas":%d,"updatedReplicas":%d,"readyReplicas":%d,"availableReplicas":%d,'
        % (generation, replicas, replicas, replicas, replicas),
        _CONDITIONS,
    ))  # fmt: skip


def _condition(kind: str, reason: str) -> dict[str, Any]:
    at = "2026-01-01T00:00:00Z"
    return {"type": kind, "status": "True", "lastUpdateTime": at, "lastTransitionTime": at, "reason": reason,
            "message": "as it should be"}  # fmt: skip


_CONDITIONS = orjson.dumps(
    {
        "conditions": [
            _condition("Available", "MinimumReplicasAvailable"),
            _condition("Progressing", "NewReplicaSetAvailable"),
        ]
    }
)[1:]
_GAPS = {
    "uid": lambda stored: b'"%b"' % stored.uid.encode(),
    "version": lambda stored: b'"%d"' % stored.version,
    "generation": lambda stored: b"%d" % stored.generation,
    "status": _status,
}
