"""Images made by hand, and skopeo to carry them: no network, no daemon."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

OCI = "application/vnd.oci.image."
SKOPEO = shutil.which("skopeo")


def skopeo(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run skopeo with no settings of this machine. Where there is none, the test says so; in CI it fails."""
    if SKOPEO is None:
        if os.environ.get("CI"):
            pytest.fail("skopeo is missing: .ci/run installs it")
        pytest.skip("skopeo is not installed (Debian: apt-get install skopeo)")
    home.mkdir(parents=True, exist_ok=True)
    policy = home / "policy.json"
    policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "XDG_RUNTIME_DIR": str(home), "TMPDIR": str(home)}
    command = [SKOPEO, "--policy", str(policy), "--tmpdir", str(home), *arguments]
    return subprocess.run(command, env=env, text=True, capture_output=True, timeout=60)


def layout(folder: Path, *, text: str = "hello", size: int = 20_000, platforms: tuple[str, ...] = ()) -> Path:
    """An OCI layout with one image, or with an index over one image per platform, under the tag `made`."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')

    def keep(data: bytes, media: str, **more: Any) -> dict[str, Any]:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": media, "digest": f"sha256:{digest}", "size": len(data)} | more

    def image(platform: str) -> dict[str, Any]:
        layer = _layer(f"{text} {platform}", size)
        os_name, _, architecture = platform.partition("/")
        config = {
            "architecture": architecture,
            "os": os_name,
            "config": {"Cmd": ["/bin/hello"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
            "history": [{"created_by": "by hand"}],
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{OCI}manifest.v1+json",
            "config": keep(json.dumps(config).encode(), f"{OCI}config.v1+json"),
            "layers": [keep(gzip.compress(layer, mtime=0), f"{OCI}layer.v1.tar+gzip")],
        }
        shown = {"platform": {"os": os_name, "architecture": architecture}}
        return keep(json.dumps(manifest).encode(), f"{OCI}manifest.v1+json", **shown)

    found = [image(platform) for platform in platforms or ("linux/amd64",)]
    if platforms:
        index = {"schemaVersion": 2, "mediaType": f"{OCI}index.v1+json", "manifests": found}
        found = [keep(json.dumps(index).encode(), f"{OCI}index.v1+json")]
    found[0]["annotations"] = {"org.opencontainers.image.ref.name": "made"}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": found}))
    return folder


def _layer(text: str, size: int) -> bytes:
    """A tar with one file that does not compress away."""
    noise = b"".join(hashlib.sha256(f"{text}{number}".encode()).digest() for number in range(size // 32))
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        entry = tarfile.TarInfo("bin/hello")
        entry.size = len(noise)
        tar.addfile(entry, io.BytesIO(noise))
    return made.getvalue()
