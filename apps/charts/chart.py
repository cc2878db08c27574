"""What a chart says of itself, and what must be right before helm sees it.

Source: https://helm.sh/docs/topics/charts, both API versions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from apps.charts import limits, yamls
from apps.charts.problems import ChartError, quoted
from apps.charts.unpack import Tree, unpack
from otestack.sentences import say

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")
# Semantic versioning 2.0.0.
_PART = r"(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_VERSION = re.compile(
    rf"v?(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*)){{2}}(?:-{_PART}(?:\.{_PART})*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
_LONGEST_VERSION = 64
# The end of the path of a chart inside another one.
_INNERMOST = re.compile(r"charts/[^/]+/\Z")
_REFERENCES = frozenset({"$ref", "$dynamicRef", "$recursiveRef"})
# The drafts that every validator has within itself.
_DRAFT = re.compile(r"https?://json-schema\.org/(?:draft-0[4-7]|draft/(?:2019-09|2020-12))/schema#?")


@dataclass(frozen=True)
class Chart:
    """A chart that is whole and of a kind that can be installed. files: for helm, the charts inside it unpacked."""

    name: str
    version: str
    app_version: str
    files: Tree


def read(packed: bytes) -> Chart:
    """Return the chart in a gzipped tar. Raises ChartError."""
    files = unpack(packed)
    abouts = {folder: _about(files, folder) for folder in _folders(files)}
    about = abouts[""]
    if about.get("type") == "library":
        raise ChartError(say("It is a library chart, which other charts use and nobody installs."))
    inside: dict[str, set[str]] = {folder: set() for folder in abouts}
    for folder, inner in abouts.items():
        if folder:
            inside[_INNERMOST.sub("", folder)].add(inner["name"])
    for folder, one in abouts.items():
        _check_one(files, folder, one, inside[folder])
    return Chart(
        name=about["name"],
        version=about["version"],
        app_version=str(about.get("appVersion") or ""),
        files=files,
    )


def _folders(files: Tree) -> list[str]:
    """Return the folders of the chart and of those inside it, at any depth: '', 'charts/a/', 'charts/a/charts/b/'."""
    folders = {""}
    for path in files:
        parts = path.split("/")
        depth = 0
        while len(parts) > depth + 2 and parts[depth] == "charts" and parts[depth + 1][0] not in "._":
            depth += 2
            folders.add("/".join(parts[:depth]) + "/")
    return sorted(folders)


def _check_one(files: Tree, folder: str, about: dict[str, Any], inside: set[str]) -> None:
    """Check a chart, or one inside it. inside: the names of those in its charts/."""
    here = say("The chart %(name)s: ", name=quoted(about["name"])) if folder else ""
    if any(path.startswith(f"{folder}crds/") for path in files):
        raise ChartError(
            say("%(here)sIt has a folder crds/: resource definitions belong to the whole cluster.", here=here)
        )
    if f"{folder}values.yaml" in files:
        values = yamls.load(files[f"{folder}values.yaml"], f"{folder}values.yaml")
        if not isinstance(values, dict | None):
            raise ChartError(say("%(folder)svalues.yaml must be a mapping.", folder=folder))
    if f"{folder}values.schema.json" in files:
        _check_schema(files[f"{folder}values.schema.json"], f"{folder}values.schema.json")
    for name in _dependencies(files, folder, about):
        if name not in inside:
            raise ChartError(
                say(
                    "%(here)sIts dependency %(name)s is not in charts/: run 'helm dependency build' first.",
                    here=here,
                    name=quoted(name),
                )
            )


def _about(files: Tree, folder: str) -> dict[str, Any]:
    """Return Chart.yaml, checked."""
    path = f"{folder}Chart.yaml"
    if path not in files:
        raise ChartError(say("It has no %(path)s.", path=path))
    about = yamls.load(files[path], path)
    if not isinstance(about, dict):
        raise ChartError(say("%(path)s must be a mapping.", path=path))
    if about.get("apiVersion") not in {"v1", "v2"}:
        raise ChartError(say("%(path)s: apiVersion must be v1 or v2.", path=path))
    name, version = about.get("name"), about.get("version")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ChartError(
            say(
                "%(path)s: name must be 1 to 100 letters, digits, '.', '_' or '-', with none of those at an end.",
                path=path,
            )
        )
    if not isinstance(version, str) or len(version) > _LONGEST_VERSION or not _VERSION.fullmatch(version):
        raise ChartError(
            say(
                "%(path)s: version must be a semantic version such as 1.2.3, of at most %(longest_version)s.",
                path=path,
                longest_version=_LONGEST_VERSION,
            )
        )
    if about.get("type") not in {None, "", "application", "library"}:
        raise ChartError(say("%(path)s: type must be application.", path=path))
    if not isinstance(about.get("kubeVersion"), str | None):
        raise ChartError(say("%(path)s: kubeVersion must be text, such as '>=1.25.0'.", path=path))
    return about


def _dependencies(files: Tree, folder: str, about: dict[str, Any]) -> Iterator[str]:
    """Yield the names of the charts that it wants inside it; API version 1 has them in a file of their own."""
    path = f"{folder}requirements.yaml"
    listed = about.get("dependencies")
    if about["apiVersion"] == "v1":
        asked = yamls.load(files[path], path) if path in files else None
        listed = asked.get("dependencies") if isinstance(asked, dict) else asked
    else:
        path = f"{folder}Chart.yaml"
    if not isinstance(listed, list | None):
        raise ChartError(say("%(path)s: dependencies must be a list.", path=path))
    for item in listed or []:
        if not isinstance(item, dict) or not isinstance(item.get("name"), str):
            raise ChartError(say("%(path)s: each dependency must have a name.", path=path))
        yield item["name"]


def _check_schema(raw: bytes, path: str) -> None:
    """Refuse a schema that refers to anything but itself: helm would fetch it, from the network or from our disk."""
    if len(raw) > limits.DESCRIPTION:
        raise ChartError(
            say("%(path)s is larger than %(description)s MB.", path=path, description=limits.DESCRIPTION // limits.MB)
        )
    try:
        left = [json.loads(raw.decode())]
    except (ValueError, RecursionError) as error:
        raise ChartError(say("%(path)s is no valid JSON.", path=path)) from error
    while left:
        item = left.pop()
        if isinstance(item, list):
            left += item
        elif isinstance(item, dict):
            left += item.values()
            for key, value in item.items():
                outside = key in _REFERENCES and isinstance(value, str) and not value.startswith("#")
                if outside or (key == "$schema" and isinstance(value, str) and not _DRAFT.fullmatch(value)):
                    raise ChartError(
                        say(
                            "%(path)s refers to %(value)s; a schema may refer to itself only.",
                            path=path,
                            value=quoted(value),
                        )
                    )
