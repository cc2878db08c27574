"""Charts whose templates try what they must not: helm runs them without our files, our environment and the network."""

from __future__ import annotations

import ctypes
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.charts import cage, limits
from apps.charts.render import render
from tests.apps.charts.packing import ABOUT, CONFIG, Files, chart, template, upload
from tests.run.product import once

# What templates get is between helm and its cage.
pytestmark = once

# Templates that end with a sentence of their own if what they asked for is not there.
ASKS = '{{ required "nothing was there" (%s) }}'
LOOP = "{{ range until 60000 }}{{ range until 60000 }}{{ end }}{{ end }}"

REFUSED: dict[str, tuple[str, str]] = {
    "a syntax error": ("{{ if }}", "It does not render: parse error at (shop/templates/one.yaml:1)"),
    "a failure of its own": ('{{ fail "not like this" }}', "(shop/templates/one.yaml:1:3): not like this"),
    "no YAML": ("a: [b", "It does not render: "),
    "our environment": (ASKS % 'env "OTE_DATA_DIR"', 'function "env" not defined'),
    "our environment, in text": ('{{ expandenv "$HOME" }}', 'function "expandenv" not defined'),
    "our files": (ASKS % '.Files.Get "/etc/passwd"', "nothing was there"),
    "our files, from below": (ASKS % '.Files.Get "../../../../etc/passwd"', "nothing was there"),
    "our files, by pattern": (ASKS % '(.Files.Glob "/etc/*").AsConfig | trim | trimAll "{}"', "nothing was there"),
    "a cluster": (ASKS % '(lookup "v1" "Secret" "kube-system" "").items', "nothing was there"),
    "a name server": (ASKS % 'getHostByName "localhost"', "nothing was there"),
    "endless": (LOOP, "It does not render within 1 s."),
    "itself": ('{{ define "a" }}{{ include "a" . }}{{ end }}{{ include "a" . }}', "error calling include"),
    "all memory": (
        "{{ range untilStep 0 2000000000 1 }}{{ end }}",
        f"more than {limits.MEMORY // limits.MB} MB of memory",
    ),
    "huge": (CONFIG + '  a: {{ repeat 5000000 "a" }}', "It renders to more than 4 MB."),
    "nothing": ("{{/* nothing */}}", "It renders to no object."),
    "text": ("hello", "It does not render: "),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_its_own_sentence(name: str, refused: Callable[..., str], settings: Any) -> None:
    text, sentence = REFUSED[name]
    if name == "endless":
        settings.OTE_HELM_SECONDS = 1
    elif name == "all memory":
        settings.OTE_HELM_SECONDS = 30
    assert sentence in refused(template(text))


def test_an_endless_one_leaves_no_process(refused: Callable[..., str], settings: Any) -> None:
    settings.OTE_HELM_SECONDS = 0.5
    before = time.monotonic()
    refused(template(LOOP))
    assert time.monotonic() - before < 5
    children = Path(f"/proc/{os.getpid()}/task/{threading.get_native_id()}/children").read_text().split()
    names = [Path(f"/proc/{child}/comm").read_text().strip() for child in children]
    assert "helm" not in names


def test_lookups_and_files_are_empty_and_no_reason_to_refuse(api: Any, member: Any) -> None:
    text = (
        CONFIG
        + '  secret: {{ lookup "v1" "Secret" "" "" | toJson | quote }}\n  own: {{ .Files.Get "a.txt" | quote }}\n'
    )
    assert upload(api(member), chart({"templates/a.yaml": text, "a.txt": "own file"})).json()["code"] == 200


@pytest.fixture
def listener() -> Iterator[tuple[int, list[Any]]]:
    """A port of this machine, and who called there."""
    calls: list[Any] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connection, peer = server.accept()
                except OSError:
                    return
                calls.append(peer)
                connection.close()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield server.getsockname()[1], calls
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


SCHEMAS = {
    "a file": {"$ref": "file:///etc/passwd"},
    "deep inside": {"properties": {"a": {"anyOf": [{"$ref": "file:///proc/self/environ"}]}}},
    "a neighbour": {"$ref": "other.json"},
    "dynamic": {"$dynamicRef": "http://127.0.0.1/x"},
    "a language of its own": {"$schema": "http://127.0.0.1/schema"},
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_that_refers_elsewhere_is_refused(name: str, refused: Callable[..., str]) -> None:
    files: Files = {"templates/a.yaml": CONFIG, "values.schema.json": json.dumps(SCHEMAS[name])}
    assert "a schema may refer to itself only" in refused(chart(files))
    inside = {"charts/inner/Chart.yaml": ABOUT, "charts/inner/values.schema.json": json.dumps(SCHEMAS[name])}
    assert refused(chart({"templates/a.yaml": CONFIG} | inside)).startswith("charts/inner/values.schema.json refers to")


def test_a_schema_of_its_own_is_used(api: Any, member: Any, refused: Callable[..., str]) -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": {"text": {"type": "string"}},
        "properties": {"greeting": {"$ref": "#/$defs/text"}},
    }
    files: Files = {"templates/a.yaml": CONFIG, "values.schema.json": json.dumps(schema)}
    assert "greeting" in refused(chart(files | {"values.yaml": "greeting: 1\n"}))
    assert upload(api(member), chart(files)).json()["code"] == 200


@pytest.fixture
def landlock() -> None:
    """What keeps files is the kernel's, and a container may hide it."""
    version = ctypes.CDLL(None).syscall(444, None, 0, 1)
    if version < 1:
        pytest.skip("This kernel offers no Landlock.")


def test_the_cage_holds_where_the_checks_would_not(landlock: None, listener: tuple[int, list[Any]]) -> None:
    """helm fetches what schemas refer to, from disk and by HTTP; past the checks, it still reaches nothing."""
    from apps.charts.chart import Chart
    from apps.charts.problems import ChartError

    port, calls = listener
    for address, sign in ((f"http://127.0.0.1:{port}/x", "not permitted"), ("file:///etc/hostname", "denied")):
        files = {"Chart.yaml": ABOUT.encode(), "values.schema.json": json.dumps({"$ref": address}).encode()}
        spoiled = Chart(name="shop", version="1.0.0", app_version="", files=files)
        with pytest.raises(ChartError, match=sign):
            render(spoiled, release="a", namespace="b", values={})
    assert calls == []


def caged(*command: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    bounds = [str(folder), "5", str(limits.MEMORY), "1000"]
    arguments = [sys.executable, "-I", "-S", cage.__file__, *bounds, *command]
    return subprocess.run(arguments, capture_output=True, text=True, env=env, cwd=folder, timeout=20, check=False)


def test_the_cage_lets_a_program_read_its_folder_and_nothing_else(landlock: None, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "own").write_text("own")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "secret")
    read = caged("/bin/cat", "own", folder=tmp_path / "in")
    assert (read.returncode, read.stdout) == (0, "own"), read.stderr
    for path in ("../secret", "link", "/etc/passwd", "/proc/self/environ"):
        assert "Permission denied" in caged("/bin/cat", path, folder=tmp_path / "in").stderr
    for command in (["/bin/touch", "new"], ["/bin/mkdir", "new"], ["/bin/rm", "own"]):
        assert "Permission denied" in caged(*command, folder=tmp_path / "in").stderr
    assert "Permission denied" in caged("/bin/bash", "-c", "/bin/cat own", folder=tmp_path / "in").stderr


def test_the_cage_has_no_network(tmp_path: Path, listener: tuple[int, list[Any]]) -> None:
    port, calls = listener
    told = caged("/bin/bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{port}", folder=tmp_path)
    assert "Operation not permitted" in told.stderr
    assert calls == []


def test_the_cage_has_its_bounds(tmp_path: Path) -> None:
    endless = caged("/bin/bash", "-c", "ulimit -t; ulimit -d; ulimit -f; ulimit -c", folder=tmp_path)
    assert endless.stdout.split() == ["5", str(limits.MEMORY // 1024), "0", "0"]
    assert caged("/no/helm", folder=tmp_path).returncode == cage.CANNOT_RUN


def test_only_a_few_are_at_it_at_once(api: Any, member: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others wait for their turn, and are told so when it does not come."""
    from apps.charts import making

    monkeypatch.setattr(limits, "WAIT", 0.05)
    with making.turn(), making.turn():
        answer = upload(api(member))
    assert (answer.status_code, answer.json()["message"]) == (503, "Other charts are being rendered; try again.")
    assert upload(api(member)).json()["code"] == 200
