"""What a path asks for: /apis/apps/v1/namespaces/shop/deployments/web/scale."""

from dataclasses import dataclass

from ..kinds import BY_PATH, GROUPS, KINDS, Kind

_VERSIONS = frozenset((kind.group, kind.version) for kind in KINDS)


@dataclass(frozen=True, slots=True)
class Target:
    """A resource, one object of it, or a subresource of that object."""

    kind: Kind
    namespace: str = ""
    name: str = ""
    subresource: str = ""


def is_known_version(group: str, version: str) -> bool:
    """Whether the group has such a version."""
    return (group, version) in _VERSIONS


def is_known_group(group: str) -> bool:
    """Whether there is such a group."""
    return group in GROUPS


def parse(parts: list[str]) -> Target | None:
    """The target of a resource path; None when there is no such resource."""
    if parts[0] == "api" and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and (group, rest[2]) not in (("", "status"), ("", "finalize")):
        namespace, rest = rest[1], rest[2:]
    kind = BY_PATH.get((group, version, rest[0]))
    if kind is None or len(rest) > 3 or (namespace and not kind.namespaced):
        return None
    name = rest[1] if len(rest) > 1 else ""
    subresource = rest[2] if len(rest) > 2 else ""
    if subresource and subresource not in kind.subresources:
        return None
    if name and kind.namespaced and not namespace:
        return None
    return Target(kind, namespace, name, subresource)
