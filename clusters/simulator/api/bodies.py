"""Request bodies: JSON or YAML, decoded by the schema."""

from dataclasses import dataclass
from typing import Any

import orjson
import yaml

from ..kinds import Kind
from ..schema.decode import Mismatch, decode
from ..schema.types import type_named
from ..store import Object
from . import status

MERGE, JSON_PATCH = "application/merge-patch+json", "application/json-patch+json"
STRATEGIC, APPLY = "application/strategic-merge-patch+json", "application/apply-patch+yaml"
PATCH_TYPES = (JSON_PATCH, MERGE, STRATEGIC, APPLY)
_OBJECT_TYPES = ("application/json", "application/yaml")


@dataclass(frozen=True, slots=True)
class Decoded:
    """An object without apiVersion and kind, and what the decoder warns of."""

    obj: Object
    warnings: list[str]


def media_type(header: str) -> str:
    """The media type without its parameters."""
    return header.partition(";")[0].strip().lower()


def check_media_type(content_type: str, patch: bool) -> None:
    """Raise 415 for a body that the verb does not take."""
    accepted = PATCH_TYPES if patch else _OBJECT_TYPES
    if content_type not in accepted and (patch or content_type):
        listed = ", ".join(accepted)
        raise status.unsupported_media(
            f"the body of the request was in an unknown format - accepted media types include: {listed}"
        )


def parse(body: bytes, content_type: str) -> Any:
    """JSON, or YAML where the content type allows it."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if not content_type.endswith("yaml"):
            raise status.bad_request(f"error decoding request body: {error}") from None
    try:
        return yaml.safe_load(body)
    except yaml.YAMLError as error:
        raise status.bad_request(f"error decoding YAML: {error}") from None


def read_object(kind: Kind, raw: Any, validation: str, applied: bool = False) -> Decoded:
    """Decode into the kind. `validation` is the query's fieldValidation.

    What is applied keeps the spelling of its quantities: an apply is compared as it was sent.
    """
    if not isinstance(raw, dict):
        raise status.bad_request("couldn't get version/kind; json parse error: json: cannot unmarshal into Go value")
    _check_kind(kind, raw, required=applied)
    try:
        obj, unknown = decode(raw, type_named(kind.schema), as_sent=applied)
    except Mismatch as error:
        if applied:
            raise _untyped(kind, raw, str(error)) from None
        raise _unhandled(kind, str(error)) from None
    obj.pop("apiVersion", None)
    obj.pop("kind", None)
    if unknown and applied:
        raise _untyped(kind, raw, f".{unknown[0]}: field not declared in schema")
    if unknown and validation == "Strict":
        listed = ", ".join(f'unknown field "{path}"' for path in unknown)
        raise _unhandled(kind, f"strict decoding error: {listed}")
    warnings = [] if validation == "Ignore" else [f'unknown field "{path}"' for path in unknown]
    return Decoded(obj, warnings)


def _unhandled(kind: Kind, why: str) -> status.ApiError:
    return status.bad_request(f'{kind.name} in version "{kind.version}" cannot be handled as a {kind.name}: {why}')


def _untyped(kind: Kind, raw: Any, why: str) -> status.ApiError:
    meta = raw.get("metadata") or {}
    name = f"{meta.get('namespace', '')}/{meta.get('name', '')}"
    message = f"failed to create typed patch object ({name}; {kind.api_version}, Kind={kind.name}): {why}"
    return status.ApiError(500, "", message)


def _check_kind(kind: Kind, raw: dict[str, Any], required: bool) -> None:
    version, name = raw.get("apiVersion"), raw.get("kind")
    if required and not name:
        raise status.bad_request("Object 'Kind' is missing in the applied configuration")
    if required and not version:
        raise status.bad_request("Object 'apiVersion' is missing in the applied configuration")
    if version not in (None, "", kind.api_version):
        raise status.bad_request(
            f"the API version in the data ({version}) does not match the expected API version ({kind.api_version})"
        )
    if name not in (None, "", kind.name):
        raise status.bad_request(
            f'{name} in version "{kind.version}" cannot be handled as a {kind.name}: '
            f"the kind in the data ({name}) does not match the expected kind ({kind.name})"
        )
