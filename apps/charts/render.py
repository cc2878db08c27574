"""The real `helm template`, bounded in time, memory and output, without network, our files or our environment."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings

from apps.charts import cage, limits
from apps.charts.chart import Chart
from apps.charts.problems import ChartError, ends
from otestack.errors import Unavailable
from otestack.sentences import say

log = logging.getLogger(__name__)

_OUT_OF_MEMORY = ("out of memory", "cannot allocate memory", "failed to reserve", "newosproc")


def find_helm() -> str:
    """Return the path of helm: the one named by OTE_HELM, else the one installed beside us, else that on PATH.

    Raises Unavailable.
    """
    named = str(settings.OTE_HELM)
    beside = str(Path(sys.executable).parent)
    found = shutil.which(named) if named else shutil.which("helm", path=beside) or shutil.which("helm")
    if not found:
        where = (
            say("at %(named)s, as OTE_HELM says", named=named)
            if named
            else say("on PATH; install it or name it with OTE_HELM")
        )
        raise Unavailable(say("Charts cannot be used here: there is no helm %(where)s.", where=where))
    return str(Path(found).resolve())


def render(chart: Chart, *, release: str, namespace: str, values: dict[str, Any], kube_version: str = "") -> str:
    """Return what the chart's templates make of the values. kube_version: helm's own when empty.

    Raises ChartError when they make nothing or too much, Unavailable without helm.
    """
    helm = find_helm()
    with tempfile.TemporaryDirectory(prefix="otestack-chart-", ignore_cleanup_errors=True) as folder:
        inside = Path(folder, "in")
        for path, content in chart.files.items():
            place = inside / "chart" / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        (inside / "values.json").write_text(json.dumps(values))
        arguments = ["template", release, "chart", "--namespace", namespace, "--values", "values.json"]
        arguments += ["--kube-version", kube_version] if kube_version else []
        return _run(helm, arguments, inside, Path(folder), float(settings.OTE_HELM_SECONDS))


def _run(helm: str, arguments: list[str], inside: Path, folder: Path, seconds: float) -> str:
    bounds = [str(inside), str(int(seconds) + 1), str(limits.MEMORY), str(limits.RENDERED)]
    command = [sys.executable, "-I", "-S", cage.__file__, *bounds, helm, *arguments]
    # Nothing of ours; the memory limit makes Go's collector work harder before the kernel says no.
    env = {"HOME": str(inside), "LC_ALL": "C.UTF-8", "GOMAXPROCS": "2", "GOMEMLIMIT": str(limits.MEMORY * 3 // 4)}
    output, complaint = folder / "out", folder / "err"
    with output.open("wb") as out, complaint.open("wb") as err:
        process = subprocess.Popen(
            command, cwd=inside, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
        )
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            code = -signal.SIGXCPU
        finally:
            if process.returncode is None:  # its number, and its group's, are its own until it is waited for
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    if output.stat().st_size >= limits.RENDERED:  # helm does not mind that no more was written
        raise ChartError(say("It renders to more than %(rendered)s MB.", rendered=limits.RENDERED // limits.MB))
    if code == 0:
        return _text(output)
    raise _problem(code, _tail(complaint), str(folder), seconds)


def _tail(complaint: Path) -> str:
    with complaint.open("rb") as file:
        return file.read(64 * 1024).decode(errors="replace")


def _text(output: Path) -> str:
    try:
        return output.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ChartError(say("It does not render to UTF-8 text.")) from error


def _problem(code: int, said: str, folder: str, seconds: float) -> Exception:
    """Return why there is no rendering."""
    if code == cage.CANNOT_RUN:
        log.error("helm cannot be run: %s", said)
        return Unavailable(say("Charts cannot be used here: helm cannot be run; the reason has been logged."))
    if code in {-signal.SIGXCPU, -signal.SIGKILL}:
        return ChartError(say("It does not render within %(seconds)s s.", seconds=f"{seconds:g}"))
    if any(sign in said.partition("\ngoroutine ")[0] for sign in _OUT_OF_MEMORY):
        return ChartError(
            say("It needs more than %(memory)s MB of memory to render.", memory=limits.MEMORY // limits.MB)
        )
    lines = said.replace(f"{folder}/in/", "").replace("Error: ", "", 1).splitlines()
    kept = " ".join(line for line in lines if line and not line.startswith(("Use --debug", "level=", "time=")))
    return ChartError(say("It does not render: %(value)s", value=ends(kept) or f"helm ended with {code}"))
