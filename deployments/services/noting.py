"""What the audit trail gets of deployments: each change by its kind, its operation and exactly what it puts where."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from deployments.models import Change, Deployment, Operation
from otestack import trail
from otestack.models import TrailEntry


def of_change(
    verb: str, deployment: Deployment, operation: Operation, *, before: dict[str, Any] | None = None, **after: Any
) -> TrailEntry:
    """Return the entry of a step of a change. Its values and secrets stay out."""
    which = {
        "operation": operation.pk,
        "change": Change(operation.kind).name.lower(),
        "version": operation.version,
    }
    return trail.entry(verb, deployment, before=before, after=which | after)


def content(operation: Operation) -> dict[str, str]:
    """Return the SHA-256 of a change's objects, Secrets left out: so what was approved is known to be what was shown.

    Nothing for a deletion, which has none.
    """
    if operation.kind == Change.DELETE:
        return {}
    return {"content": hashlib.sha256(orjson.dumps(operation.manifests, option=orjson.OPT_SORT_KEYS)).hexdigest()}
