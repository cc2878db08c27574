"""How commands speak: bars on a terminal, lines in a pipe, exit codes for scripts."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError

from otestack.management.base import confirmed
from otestack.management.output import Progress, facts, table
from tests.commands.running import failure

ROOT = Path(__file__).resolve().parent.parent.parent


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Pipe(io.StringIO):
    """As Django's: each write is a line."""

    def write(self, text: str) -> int:
        return super().write(f"{text}\n")


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    out = Terminal()
    with Progress("Placing", 10, out) as progress:
        progress.to(5, "deploying")
        progress.more(5)
    assert "\x1b[" in out.getvalue() and "10/10" in out.getvalue()


def test_lines_in_a_pipe_and_few_of_them() -> None:
    out = Pipe()
    with Progress("Placing", 1000, out) as progress:
        for done in range(1001):
            progress.to(done)
    lines = out.getvalue().splitlines()
    assert len(lines) == 11 and lines[-1] == "Placing: 1000 of 1000"
    assert "\x1b" not in out.getvalue()


def test_silence_with_json() -> None:
    for out in (Pipe(), Terminal()):
        with Progress("Placing", 10, out, silent=True) as progress:
            progress.to(10)
        assert out.getvalue() == ""


def test_tables_and_facts() -> None:
    assert table(("A", "BB"), [("xyz", 1)]) == "A    BB\nxyz  1"
    assert facts([("Name", "x"), ("Nothing", ""), ("Number", 3)]) == "Name:   x\nNumber: 3"


@pytest.mark.django_db
def test_what_tenants_write_cannot_steer_the_terminal() -> None:
    evil, shown = "a\x1b]0;x\x07\nb\u202e", r"a\x1b]0;x\x07\nb\u202e"
    assert table(("A",), [(evil,)]) == f"A\n{shown}"
    assert facts([("Name", evil)]) == f"Name: {shown}"
    out = Pipe()
    with Progress(evil, 1, out) as progress:
        progress.to(0, evil)
    assert out.getvalue() == f"{shown}: {shown}: 0 of 1\n"
    assert failure("user", "forbid", evil) == f"There is no user '{shown}'."


def test_a_question_keeps_off_standard_output(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(""))
    with pytest.raises(CommandError, match="Nothing was changed"):
        confirmed("Go on\x1b?", yes=False)
    assert capsys.readouterr() == ("", "Go on\\x1b? [y/N] \n")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [("deploy bogus", 2, "invalid choice"), ("deploy", 2, "required"), ("cluster show x", 1, "run manage.py migrate")],
)
def test_exit_codes(tmp_path: Path, words: str, code: int, said: str) -> None:
    env = os.environ | {"OTE_DATA_DIR": str(tmp_path), "OTE_DEBUG": "true", "DATABASE_URL": ""}
    env["DJANGO_SETTINGS_MODULE"] = "otestack.settings"
    done = subprocess.run(
        [sys.executable, "manage.py", *words.split()], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == code, done.stderr
    assert said in done.stderr and "Traceback" not in done.stderr and not done.stdout
