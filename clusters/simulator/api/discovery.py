"""What the API server says about itself: groups, versions, resources."""

from functools import cache
from typing import Any

from ..kinds import GROUPS, KINDS, Kind
from ..seed import KUBELET_VERSION

VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
_SUBRESOURCES: dict[str, tuple[str, str, str, list[str]]] = {
    # name: group, version, kind ("" = the parent's) and verbs
    "status": ("", "", "", ["get", "patch", "update"]),
    "scale": ("autoscaling", "v1", "Scale", ["get", "patch", "update"]),
    "finalize": ("", "", "", ["update"]),
    "eviction": ("policy", "v1", "Eviction", ["create"]),
    "binding": ("", "v1", "Binding", ["create"]),
    "log": ("", "", "", ["get"]),
}

VERSION = {
    "major": "1",
    "minor": "37",
    "emulationMajor": "1",
    "emulationMinor": "37",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "36",
    "gitVersion": KUBELET_VERSION,
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "2026-09-01T00:00:00Z",
    "goVersion": "go1.26.0",
    "compiler": "gc",
    "platform": "linux/amd64",
}
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v={};as=APIGroupDiscoveryList"


def _versions(group: str) -> list[str]:
    return list(dict.fromkeys(kind.version for kind in KINDS if kind.group == group))


@cache
def core_versions() -> dict[str, Any]:
    """The versions of the core group."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "172.18.0.2:6443"}],
    }


def group(name: str) -> dict[str, Any]:
    """A group and its versions."""
    versions = [{"groupVersion": f"{name}/{version}", "version": version} for version in _versions(name)]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


@cache
def groups() -> dict[str, Any]:
    """All groups but the core."""
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group(name) for name in GROUPS]}


@cache
def resources(group_name: str, version: str) -> dict[str, Any]:
    """The APIResourceList of one group and version."""
    found: list[dict[str, Any]] = []
    for kind in KINDS:
        if (kind.group, kind.version) == (group_name, version):
            found.append(_resource(kind))
            found += [_subresource(kind, name) for name in kind.subresources]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group_name}/{version}" if group_name else version,
        "resources": found,
    }


def _verbs(kind: Kind) -> list[str]:
    """Namespaces are the one kind that cannot be deleted all at once."""
    return [verb for verb in VERBS if kind.name != "Namespace" or verb != "deletecollection"]


def _resource(kind: Kind) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.name,
        "verbs": _verbs(kind),
    }
    if kind.short:
        found["shortNames"] = list(kind.short)
    if kind.categories:
        found["categories"] = list(kind.categories)
    return found


def _subresource(kind: Kind, name: str) -> dict[str, Any]:
    group_name, version, answered, verbs = _SUBRESOURCES[name]
    found: dict[str, Any] = {
        "name": f"{kind.plural}/{name}",
        "singularName": "",
        "namespaced": kind.namespaced,
        "kind": answered or kind.name,
        "verbs": verbs,
    }
    if version:
        found |= {"group": group_name, "version": version}
    return found


@cache
def aggregated(core: bool, version: str) -> dict[str, Any]:
    """All groups and resources in one answer, as clients ask for today."""
    names = ("",) if core else GROUPS
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{version}",
        "metadata": {},
        "items": [_aggregated_group(name) for name in names],
    }


def _aggregated_group(name: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name} if name else {},
        "versions": [
            {
                "version": version,
                "freshness": "Current",
                "resources": [
                    _aggregated_resource(kind) for kind in KINDS if (kind.group, kind.version) == (name, version)
                ],
            }
            for version in _versions(name)
        ],
    }


def _aggregated_resource(kind: Kind) -> dict[str, Any]:
    found: dict[str, Any] = {
        "resource": kind.plural,
        "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.name},
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": _verbs(kind),
    }
    if kind.short:
        found["shortNames"] = list(kind.short)
    if kind.categories:
        found["categories"] = list(kind.categories)
    if kind.subresources:
        found["subresources"] = [_aggregated_subresource(kind, name) for name in kind.subresources]
    return found


def _aggregated_subresource(kind: Kind, name: str) -> dict[str, Any]:
    group_name, version, answered, verbs = _SUBRESOURCES[name]
    response = {"group": group_name, "version": version, "kind": answered}
    if not answered:
        response = {"group": kind.group, "version": kind.version, "kind": kind.name}
    return {"subresource": name, "responseKind": response, "verbs": verbs}
