"""The one object that a peer sends as protobuf, and in no other way: helm keeps its releases as Secrets.

Numbers of fields: k8s.io/apimachinery runtime.Unknown, meta/v1.ObjectMeta, core/v1.Secret.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from clusters.simulator.api.status import bad_request

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"


def secret(body: bytes) -> dict[str, Any]:
    """Return the Secret of a request body. Raises ApiError for anything else."""
    if not body.startswith(_MAGIC):
        raise bad_request("no protobuf of Kubernetes")
    envelope = dict(_fields(body[len(_MAGIC) :]))
    kind = dict(_fields(envelope[1])).get(2, b"").decode()
    if kind != "Secret":
        raise bad_request(f"a {kind} is taken as JSON only")
    meta: dict[str, Any] = {}
    found: dict[str, Any] = {"apiVersion": "v1", "kind": kind, "metadata": meta, "data": {}}
    for number, value in _fields(envelope[2]):
        match number:
            case 1:
                meta |= _metadata(value)
            case 2:
                key, data = _entry(value)
                found["data"][key] = base64.b64encode(data).decode()
            case 3:
                found["type"] = value.decode()
    return found


def _metadata(data: bytes) -> dict[str, Any]:
    meta: dict[str, Any] = {"labels": {}}
    for number, value in _fields(data):
        match number:
            case 1:
                meta["name"] = value.decode()
            case 11:
                key, label = _entry(value)
                meta["labels"][key] = label.decode()
    return meta


def _entry(data: bytes) -> tuple[str, bytes]:
    """Return key and value of an entry of a map."""
    parts = dict(_fields(data))
    return parts.get(1, b"").decode(), parts.get(2, b"")


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield number and bytes of the fields that have a length; numbers are passed over."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        match tag & 7:
            case 0:
                _, at = _varint(data, at)
            case 2:
                length, at = _varint(data, at)
                yield tag >> 3, data[at : at + length]
                at += length
            case wire:
                raise bad_request(f"protobuf with wire type {wire}")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
