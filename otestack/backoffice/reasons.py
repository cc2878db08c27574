"""Reasons put together: what is wrong for the same reason, wherever it is.

Sentences are compared by their message and those values that say why; a plain text is what an edge said.
"""

from __future__ import annotations

import re
from collections.abc import Hashable

from otestack.sentences import Sentence, told

# Values that say where.
_WHERE = frozenset({"cluster", "name", "namespace", "node", "server", "host"})
# Values that say of which object, the kind first.
_OBJECTS = frozenset({"ref", "what"})
# Before what a cluster said stands its name; that is no part of the reason.
_NAMED = (frozenset({"cluster", "error"}), frozenset({"name", "error"}))
# What Kubernetes says of each pod in its own way: its name, and how long it is left alone for now.
_VARYING = re.compile(r" pod=[^\s,;]+|(?<=back-off) \d\w*(?= restarting)")


def plainly(reason: str) -> str:
    """Return the reason without the name of the cluster that it is about, and without what differs from pod to pod."""
    if not isinstance(reason, Sentence):
        return _VARYING.sub("", reason)
    return plainly(reason.values["error"]) if reason.values.keys() in _NAMED else reason


def code(reason: object) -> Hashable:
    """Return what is the same in two reasons, or values of theirs, that differ in names only."""
    if not isinstance(reason, Sentence):
        return _VARYING.sub("", str(reason))
    return reason.message, tuple(
        (name, str(value).partition(" ")[0] if name in _OBJECTS else code(value))
        for name, value in sorted(reason.values.items())
        if name not in _WHERE
    )


def said(reason: str) -> str:
    """Return the reason in the reader's language."""
    return told(plainly(reason))
