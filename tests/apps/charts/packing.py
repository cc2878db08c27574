"""Charts for tests, built in memory: one that works, and ways to spoil it."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.charts.render import find_helm
from otestack.errors import Unavailable

Files = dict[str, str | bytes]

ABOUT = "apiVersion: v2\nname: shop\nversion: 1.0.0\n"
CONFIG = """apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
data:
  greeting: {{ .Values.greeting | default "hello" | quote }}
"""


def require_helm() -> None:
    """Skip where there is no helm; 'make' puts it into .venv/bin where it knows one for the machine."""
    try:
        find_helm()
    except Unavailable as missing:
        if os.environ.get("CI") and os.uname().machine == "x86_64":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


def entry(name: str, content: str | bytes = b"", **header: Any) -> tuple[tarfile.TarInfo, bytes]:
    """An entry of a tar with whatever its header should say."""
    raw = content.encode() if isinstance(content, str) else content
    info = tarfile.TarInfo(name)
    info.size = len(raw)
    for key, value in header.items():
        setattr(info, key, value)
    return info, raw


def tar(entries: Iterable[tuple[tarfile.TarInfo, bytes]], format: int = tarfile.PAX_FORMAT) -> bytes:
    """A gzipped tar of these entries, in this order, whatever they are."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz", format=format, compresslevel=1) as archive:
        for info, content in entries:
            archive.addfile(info, io.BytesIO(content))
    return made.getvalue()


def chart(files: Files | None = None, *, about: str = ABOUT, root: str = "shop") -> bytes:
    """A packed chart. files: beside Chart.yaml; without them, one ConfigMap."""
    whole: Files = {"Chart.yaml": about, **({"templates/config.yaml": CONFIG} if files is None else files)}
    return tar(entry(f"{root}/{path}", content) for path, content in whole.items())


def template(text: str, **more: str | bytes) -> bytes:
    """A packed chart of one template. more: other files, with '__' for '/' and '.yaml' added."""
    return chart(
        {"templates/one.yaml": text} | {f"{path.replace('__', '/')}.yaml": text for path, text in more.items()}
    )


def manifest(kind: str, spec: str = "", *, api: str = "v1", name: str = "one", meta: str = "") -> str:
    """An object's YAML. spec, meta: further lines, already indented."""
    return f"apiVersion: {api}\nkind: {kind}\nmetadata:\n  name: {name}\n{meta}{spec}"


def deployment(pod: str = "", container: str = "", *, kind: str = "Deployment") -> str:
    """A workload's YAML. pod: lines of the pod's spec; container: lines of its container, both unindented."""

    def indented(lines: str, by: int) -> str:
        return "".join(f"{' ' * by}{line}\n" for line in lines.splitlines())

    return (
        f"apiVersion: apps/v1\nkind: {kind}\nmetadata:\n  name: web\nspec:\n"
        "  selector:\n    matchLabels: {app: web}\n  template:\n    metadata:\n      labels: {app: web}\n    spec:\n"
        f"      containers:\n        - name: main\n          image: nginx:1\n{indented(container, 10)}"
        f"{indented(pod, 6)}"
    )


def form(packed: bytes | None = None, **changes: Any) -> dict[str, Any]:
    """The form of an upload."""
    file = SimpleUploadedFile("shop-1.0.0.tgz", chart() if packed is None else packed)
    return {"appName": "shop", "version": "1.0", "chart": file} | changes


def upload(client: Any, packed: bytes | None = None, **changes: Any) -> Any:
    """POST /v1/app/chart by an Api of tests/conftest.py."""
    headers = {"Authorization": client.token} if client.token else {}
    return client.client.post("/v1/app/chart", form(packed, **changes), headers=headers)
