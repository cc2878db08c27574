"""manage.py create_admin and set_password."""

import io
import json
import stat

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from otestack.models import TrailEntry


def run(*arguments, **options):
    out = io.StringIO()
    call_command(*arguments, stdout=out, **options)
    return out.getvalue()


@pytest.fixture(autouse=True)
def _environment(monkeypatch, db):
    for name in ("OTE_ADMIN_PASSWORD", "OTE_PASSWORD"):
        monkeypatch.delenv(name, raising=False)


def test_the_password_comes_from_the_environment_and_is_not_printed(monkeypatch, api):
    monkeypatch.setenv("OTE_ADMIN_PASSWORD", "Given1234")
    assert "Given1234" not in run("create_admin", "boss", "--show")
    assert api().post("/v1/authorization", {"user": "boss", "password": "Given1234"}).status_code == 200
    monkeypatch.setenv("OTE_ADMIN_PASSWORD", "Other1234")
    assert "nothing was changed" in run("create_admin", "boss")
    assert User.objects.get().check_password("Given1234")


def test_a_generated_password_is_shown_only_when_asked(tmp_path):
    path = tmp_path / "new" / "password"
    output = run("create_admin", "boss", "--password-file", str(path))
    password = path.read_text().strip()
    assert password not in output
    assert str(path) in output
    assert User.objects.get().check_password(password)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    shown = run("create_admin", "second", "--show").split()[-1]
    assert User.objects.get(username="second").check_password(shown)


def test_a_password_that_would_be_lost_is_not_generated():
    with pytest.raises(CommandError, match="OTE_ADMIN_PASSWORD"):
        run("create_admin", "boss")
    assert not User.objects.exists()


def test_the_kept_password_stays_when_nothing_is_created(tmp_path):
    path = tmp_path / "password"
    run("create_admin", "boss", "--password-file", str(path))
    before = path.read_text()
    run("create_admin", "boss", "--password-file", str(path))
    with pytest.raises(CommandError):
        run("create_admin", "not a name", "--password-file", str(path))
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written_creates_nobody(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match="cannot be written"):
        run("create_admin", "boss", "--password-file", str(tmp_path / "file" / "password"))
    assert not User.objects.exists()


def test_a_weak_given_password_is_one_sentence(monkeypatch):
    monkeypatch.setenv("OTE_ADMIN_PASSWORD", "weak")
    with pytest.raises(CommandError, match="8 to 20 characters"):
        run("create_admin", "boss")


def test_set_password(monkeypatch, api, member):
    live = api(member)
    monkeypatch.setenv("OTE_PASSWORD", "Given1234")
    assert "Given1234" not in run("set_password", "MEMBER")
    assert User.objects.get().check_password("Given1234")
    assert live.get("/v1/authorization").status_code == 401


def test_set_password_reads_a_line(monkeypatch, member):
    monkeypatch.setattr("sys.stdin", io.StringIO("Given1234\n"))
    run("set_password", "member")
    assert User.objects.get().check_password("Given1234")


def test_set_password_refuses(monkeypatch, member):
    with pytest.raises(CommandError, match="no user"):
        run("set_password", "nobody")
    monkeypatch.setattr("sys.stdin", io.StringIO("weak\n"))
    with pytest.raises(CommandError, match="8 to 20"):
        run("set_password", "member")


def test_both_speak_as_operators_commands_do(monkeypatch, tmp_path):
    """JSON, exit codes, one sentence that names the argument; the trail names who typed it, and with which request."""
    path = tmp_path / "password"
    made = json.loads(run("create_admin", "boss", "--json", "--password-file", str(path)))
    assert made == {
        "name": "boss",
        "created": True,
        "passwordFile": str(path),
        "message": f"Created the system administrator boss. Its password is kept in {path}.",
    }
    again = json.loads(run("create_admin", "boss", "--json", "--show"))
    assert (again["created"], "password" in again, "passwordFile" in again) == (False, False, False)
    shown = json.loads(run("create_admin", "second", "--json", "--show"))
    assert User.objects.get(username="second").check_password(shown["password"])
    monkeypatch.setenv("OTE_PASSWORD", "Given1234")
    assert json.loads(run("set_password", "boss", "--json"))["name"] == "boss"
    entries = TrailEntry.objects.order_by("pk").values_list("channel", "object_name", "verb")
    assert list(entries) == [
        ("command", "boss", "create"),
        ("command", "second", "create"),
        ("command", "boss", "reset password"),
    ]
    assert "" not in TrailEntry.objects.values_list("request_id", flat=True)
    assert "" not in TrailEntry.objects.values_list("actor_name", flat=True)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("create_admin", "not a name", "--show"), "name: It must be 1 to 64 letters"),
        (("create_admin", "boss\x1b[2J"), "Set OTE_ADMIN_PASSWORD"),
        (("set_password", "nobody\x1b[2J"), "There is no user 'nobody\\x1b[2J'."),
    ],
)
def test_what_fails_is_one_sentence_that_steers_no_terminal(words, sentence):
    with pytest.raises(CommandError) as caught:
        run(*words)
    assert str(caught.value).startswith(sentence)
    assert caught.value.returncode == 1
