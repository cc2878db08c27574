"""Image references, by the grammar that container runtimes share (distribution/reference); pure."""

import re
from dataclasses import dataclass

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:]+\])(?::(?P<port>[0-9]{{1,5}}))?")
_COMPONENT = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_REST = re.compile(
    rf"(?P<path>{_COMPONENT}(?:/{_COMPONENT})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}))?"
)
# Runtimes take such a name for an image's id and refuse it.
_IDENTIFIER = re.compile(r"[0-9a-f]{64}")
_LONGEST_NAME = 255


@dataclass(frozen=True)
class Reference:
    """An image reference in its parts. host: the registry with its port, empty for the runtime's default."""

    host: str
    path: str
    tag: str
    digest: str


def parse(text: str) -> Reference | None:
    """Return the parts of 'registry:port/path:tag@digest'; None if it is no valid reference."""
    head, slash, tail = text.partition("/")
    # Only these tell a registry from the first folder of a path on the default registry.
    is_host = bool(slash) and (any(mark in head for mark in ".:[") or head == "localhost" or head != head.lower())
    host, rest = (head, tail) if is_host else ("", text)
    if host:
        found = _HOST.fullmatch(host)
        if found is None or int(found["port"] or 1) not in range(1, 65536):
            return None
    parts = _REST.fullmatch(rest)
    if parts is None or _IDENTIFIER.fullmatch(text) or len(host) + len(parts["path"]) + 1 > _LONGEST_NAME:
        return None
    return Reference(host, parts["path"], parts["tag"] or "", parts["digest"] or "")


def project_of(text: str, registry: str) -> str:
    """Return the Harbor project of an image that lies in our registry, else "".

    registry: the host (with port) of our Harbor; empty: there is none.
    """
    reference = parse(text)
    if not registry or reference is None or reference.host.lower() != registry.lower():
        return ""
    project, slash, _ = reference.path.partition("/")
    return project if slash else ""
