"""What an application may ask for (contract, Applications). Pure: plain values in, sentences out."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from django.utils.translation import gettext_noop

from otestack.sentences import say

Spec = dict[str, Any]

# A numbered main line without leading zeros: '1.02' and '1.2' would be two lines that read as one.
LINE = re.compile(r"(?:0|[1-9][0-9]{0,8})\.(?:0|[1-9][0-9]{0,8})")
# What every path has; path_problem() knows the rest.
ABSOLUTE = r"/.*"
DNS_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# What every Kubernetes in use takes (IsEnvVarName); newer ones are laxer.
ENV_NAME = re.compile(r"[A-Za-z_.-][A-Za-z0-9_.-]*")


def normal(path: str) -> str:
    """Return the path without repeated slashes, '.' and a trailing slash."""
    return "/" + posixpath.normpath(path).lstrip("/") if path.strip("/") else "/"


def path_problem(path: str) -> str | None:
    """Say what is wrong with a path on a host or in a container."""
    if not path.startswith("/"):
        return say("It must be an absolute path.")
    if ".." in path.split("/"):
        return say("It must not hold '..'.")
    return None


def mount_problem(path: str) -> str | None:
    """Say what is wrong with the place of a volume in the container."""
    if ":" in path:
        return say("It must not hold ':'.")
    if path_problem(path) is None and normal(path) == "/":
        return say("It must not be the container's root.")
    return path_problem(path)


# The same as parts of a longer sentence (apps/charts/policy.py).
CONTINUED = (
    gettext_noop("it must be an absolute path."),
    gettext_noop("it must not hold '..'."),
    gettext_noop("only what lies below %(allowed)s may be mounted."),
    gettext_noop("no host path may be mounted."),
)


def host_path_problem(path: str, allowed: Sequence[str]) -> str | None:
    """Say why a folder of the host may not be mounted. allowed: the prefixes, compared component by component."""
    if problem := path_problem(path):
        return problem
    parts = _parts(path)
    if any(parts[: len(_parts(prefix))] == _parts(prefix) for prefix in allowed):
        return None
    return (
        say("Only what lies below %(allowed)s may be mounted.", allowed=", ".join(allowed))
        if allowed
        else say("No host path may be mounted.")
    )


def _parts(path: str) -> list[str]:
    return [part for part in normal(path).split("/") if part]


def env_name_problem(name: str) -> str | None:
    """Say what is wrong with the name of an environment variable."""
    if not ENV_NAME.fullmatch(name) or name in {".", ".."} or name.startswith(".."):
        return say("It must hold only letters, digits, '_', '-' and '.', and not start with a digit or '..'.")
    return None


def command_problem(command: str) -> str | None:
    """Say why a command line cannot be split into words."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        return say("It cannot be split into words: %(error)s.", error=str(error).lower())
    return say("The program to run must not be empty.") if words and not words[0] else None


def problems(spec: Spec) -> dict[str, list[str]]:
    """Return what is wrong between the fields of a complete specification: field to sentences."""
    found: dict[str, list[str]] = {}
    for check in (_repeated, _bounds, _rollout, _autoscaler):
        for field, sentence in check(spec):
            found.setdefault(field, []).append(sentence)
    return found


def _repeated(spec: Spec) -> Iterable[tuple[str, str]]:
    """Names that must be unique."""
    lists: list[tuple[str, str, list[Hashable]]] = [
        ("port", say("The port"), [item["port"] for item in spec["port"]]),
        ("port", say("The hostPort"), [item["hostPort"] for item in spec["port"] if "hostPort" in item]),
        ("env", say("The name"), [item["name"] for item in spec["env"]]),
        ("volume", say("The path"), [normal(item["path"]) for item in spec["volume"]]),
    ]
    for field, what, values in lists:
        for value in sorted({value for value in values if values.count(value) > 1}, key=str):
            yield field, say("%(what)s %(value)s is there more than once.", what=what, value=value)


def _bounds(spec: Spec) -> Iterable[tuple[str, str]]:
    """Minima, maxima and what lies between. A maximum of 0 CPU or memory is no maximum."""
    for low, high in (("minCPU", "maxCPU"), ("minMemory", "maxMemory")):
        if 0 < spec[high] < spec[low]:
            yield low, say("It must not be above %(high)s (%(spec)s).", high=high, spec=spec[high])
    if spec["minReplicas"] > spec["maxReplicas"]:
        yield (
            "minReplicas",
            say("It must not be above maxReplicas (%(max_replicas)s).", max_replicas=spec["maxReplicas"]),
        )
    elif not spec["minReplicas"] <= spec["replicas"] <= spec["maxReplicas"]:
        yield (
            "replicas",
            say(
                "It must lie between minReplicas (%(min_replicas)s) and maxReplicas (%(max_replicas)s).",
                min_replicas=spec["minReplicas"],
                max_replicas=spec["maxReplicas"],
            ),
        )


def _rollout(spec: Spec) -> Iterable[tuple[str, str]]:
    """An update of a deployment must be able to begin."""
    if spec["deployType"] == "deployment" and not spec["maxUnavailable"] and not spec["maxSurge"]:
        yield "maxUnavailable", say("maxUnavailable and maxSurge must not both be 0: no update could begin.")


def _autoscaler(spec: Spec) -> Iterable[tuple[str, str]]:
    """A horizontal pod autoscaler needs something to scale, targets, and requests to measure against."""
    if not spec["isHPA"]:
        return
    if spec["deployType"] != "deployment":
        yield "isHPA", say("Only a deployment can be scaled automatically.")
    for field in ("minReplicas", "targetCPUUtilization", "targetMemUtilization", "minCPU", "minMemory"):
        if spec[field] < 1:
            yield field, say("It must be at least 1 with isHPA.")
