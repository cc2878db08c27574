"""The pinned helm and kubectl: they are what is installed, and a machine that cannot have them is told so."""

from __future__ import annotations

import platform
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from otestack.supervisor.helm import Missing, install, taken_out
from tests.run.product import ROOT, clean_env

SCRIPT = ROOT / "otestack" / "supervisor" / "helm.py"
PINNED = ROOT / "requirements-helm.txt"


def test_the_installed_one_is_the_pinned_one() -> None:
    helm = ROOT / ".venv" / "bin" / "helm"
    if not helm.exists():
        pytest.skip("There is no helm in .venv.")
    said = subprocess.run([helm, "version", "--template", "{{.Version}}"], capture_output=True, text=True, check=True)
    assert said.stdout.removeprefix("v") in PINNED.read_text().splitlines()[0]


def test_an_index_that_cannot_be_reached(tmp_path: Path) -> None:
    env = clean_env(PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_NO_CACHE_DIR="1", PIP_CONFIG_FILE="/dev/null")
    done = subprocess.run(
        [sys.executable, "-I", str(SCRIPT), str(PINNED), str(tmp_path)],
        env=env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1), done.stderr
    assert done.stderr.startswith("otestack: helm and kubectl are not installed: it could not be fetched (")
    assert done.stderr.endswith("everything else works.\n")
    assert list(tmp_path.iterdir()) == []


def test_another_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(Missing, match="x86-64 Linux only, and this is riscv64 linux"):
        install(PINNED, tmp_path / "cache", tmp_path)


@pytest.mark.parametrize("content", [None, "something else"])
def test_a_package_that_does_not_hold_it(tmp_path: Path, content: str | None) -> None:
    package = tmp_path / "a.whl"
    if content is None:
        package.write_bytes(b"no archive")
    else:
        with zipfile.ZipFile(package, "w") as wheel:
            wheel.writestr(content, b"")
    with pytest.raises(Missing, match=r"a\.whl does not hold it where it should"):
        taken_out(package)
