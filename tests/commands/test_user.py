"""manage.py user, as an operator types it."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest

from accounts.models import Status, User
from tests.commands.running import data, failure, run
from tests.commands.test_output import Terminal
from tests.conftest import PASSWORD


@pytest.fixture(autouse=True)
def _given(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    monkeypatch.setenv("OTE_PASSWORD", PASSWORD)


def test_create_in_a_business(acme: Any, api: Any) -> None:
    assert run("user", "create", "bob", "--business", "acme", "--admin") == "Created business administrator bob.\n"
    bob = User.objects.get(username="bob")
    assert (bob.business, bob.is_admin, bob.status) == (acme, True, Status.APPROVED)
    assert api().post("/v1/authorization", {"user": "bob", "password": PASSWORD}).status_code == 200


def test_create_without_one_and_a_system_administrator() -> None:
    assert data("user", "create", "ann")["role"] == 1
    made = data("user", "create", "root2", "--system", "--generate")
    assert made["role"] == 4 and made["business"] == "system"
    assert User.objects.get(username="root2").check_password(made["password"])
    assert "exists already" in failure("user", "create", "root2", "--system")


def test_a_generated_password_is_printed_once() -> None:
    said = run("user", "create", "ann", "--generate")
    assert User.objects.get(username="ann").check_password(said.split()[-1])


def test_refusals(acme: Any, make_business: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    make_business("gone", status=3)
    assert failure("user", "create", "x", "--business", "gone") == "There is no approved business 'gone'."
    assert failure("user", "create", "-", "--business", "acme").startswith("name: ")
    assert failure("user", "forbid", "nobody") == "There is no user 'nobody'."
    monkeypatch.setenv("OTE_PASSWORD", "short")
    assert failure("user", "create", "x").startswith("password: ")
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--phone", "x"], "phone: It must be 5 to 20 digits"),
        (["--real-name", "n" * 256], "real name: It must be at most 255"),
        (["--system", "--admin"], "without --admin"),
        (["--system", "--phone", "12345"], "without --admin"),
    ],
)
def test_what_a_user_may_not_be_created_with(words: list[str], said: str) -> None:
    assert said in failure("user", "create", "ann", *words)
    assert not User.objects.exists()


def test_djangos_own_commands_are_not_used() -> None:
    assert "manage.py user create NAME --system" in failure("createsuperuser")
    assert "manage.py user reset-password NAME" in failure("changepassword")


def test_no_answer_to_the_question_for_a_password(member: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(prompt: str) -> str:
        raise EOFError

    monkeypatch.delenv("OTE_PASSWORD")
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", gone)
    assert failure("user", "reset-password", "member") == "Nothing was changed."


def test_list(acme: Any, member: Any, make_user: Any) -> None:
    make_user(0, username="newcomer")
    lines = run("user", "list").splitlines()
    assert lines[0].split() == ["ID", "NAME", "STATUS", "ROLE", "BUSINESS", "SINCE"]
    assert [line.split()[1:3] for line in lines[1:]] == [["newcomer", "pending"], ["member", "approved"]]
    assert [row["name"] for row in data("user", "list", "--status", "waiting")] == ["newcomer"]
    assert [row["name"] for row in data("user", "list", "--business", "acme")] == ["member"]


def test_forbid(member: Any, api: Any, written: Any) -> None:
    client = api(member)
    with written() as entries:
        assert run("user", "forbid", "MEMBER") == "member is forbidden; its tokens have ended.\n"
    assert client.get("/v1/authorization").status_code == 401
    assert [(one.channel, one.verb) for one in entries] == [("command", "forbid")]


def test_reset_password_from_standard_input(member: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTE_PASSWORD")
    monkeypatch.setattr(sys, "stdin", io.StringIO("Other1Word\n"))
    run("user", "reset-password", "member")
    member.refresh_from_db()
    assert member.check_password("Other1Word")
