"""Hypothesis strategies: requests that the API accepts, over all that they may hold."""

from __future__ import annotations

import shlex
from typing import Any

from hypothesis import strategies as st

INT31 = 2**31 - 1
UINT32 = 2**32 - 1

_label = st.from_regex(r"[a-z]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
_folder = st.from_regex(r"(/[A-Za-z0-9._ -]{1,8}){1,3}/?", fullmatch=True).filter(
    lambda path: ".." not in path.split("/") and set(path.split("/")) - {"", "."}
)
_images = st.sampled_from(["nginx", "nginx:1.27", "registry.local:5000/team/app:1.0", "app@sha256:" + "ab" * 32])
_words = st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8), max_size=4)


@st.composite
def _ports(draw: st.DrawFn) -> list[dict[str, int]]:
    ports = draw(st.lists(st.integers(1, 65535), unique=True, max_size=5))
    hosts = draw(st.lists(st.integers(1, 65535), unique=True, max_size=len(ports)))
    return [{"port": port} | ({"hostPort": hosts[n]} if n < len(hosts) else {}) for n, port in enumerate(ports)]


def _env() -> Any:
    name = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,20}", fullmatch=True)
    text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
    value = text | st.sampled_from(["$(HOME)", "$$", "a$", "$$(A)", "$(", "$HOME"])
    return st.lists(st.builds(dict, name=name, value=value), unique_by=lambda item: item["name"], max_size=4)


def _volumes() -> Any:
    def key(item: dict[str, Any]) -> tuple[str, ...]:
        return tuple(part for part in item["path"].split("/") if part not in {"", "."})

    volume = st.builds(dict, path=_folder, hostPath=_folder.map(lambda path: f"/usr{path}"), readOnly=st.just(True))
    return st.lists(volume, unique_by=key, max_size=3)


@st.composite
def _range(draw: st.DrawFn, most: int, *, least: int = 0) -> tuple[int, int]:
    high = draw(st.integers(max(least, 0), most))
    return draw(st.integers(least, most if high == 0 else high)), high


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    """Bodies of POST /v1/app."""
    kind = draw(st.sampled_from(["deployment", "daemonset"]))
    scaled = kind == "deployment" and draw(st.booleans())
    least = 1 if scaled else 0
    low, replicas, high = sorted(draw(st.integers(least, INT31)) for _ in range(3))
    cpu, memory = draw(_range(UINT32, least=least)), draw(_range(UINT32, least=least))
    unavailable = draw(st.integers(0, INT31))
    words = draw(_words)
    return {
        "appName": draw(_label),
        "deployType": kind,
        "image": draw(_images),
        "version": "1.0",
        "port": draw(_ports()),
        "command": shlex.join(words) if words and words[0] else "",
        "volume": draw(_volumes()),
        "env": draw(_env()),
        "replicas": replicas,
        "minReplicas": low,
        "maxReplicas": high,
        "minCPU": cpu[0],
        "maxCPU": cpu[1],
        "minMemory": memory[0],
        "maxMemory": memory[1],
        "GPU": draw(st.sampled_from([0, 1, UINT32])),
        "isHPA": scaled,
        "targetCPUUtilization": draw(st.integers(least, INT31)),
        "targetMemUtilization": draw(st.integers(least, INT31)),
        "maxUnavailable": unavailable,
        "maxSurge": draw(st.integers(1 if kind == "deployment" and not unavailable else 0, INT31)),
        "minReadySeconds": draw(st.integers(0, INT31 - 1)),
    }
