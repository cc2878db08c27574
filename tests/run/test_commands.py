"""Commands that prepare an installation."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import User
from clusters.models import Cluster
from otestack.crypto import Undecryptable
from otestack.management.commands.prepare import generate_password
from tests.run.product import ROOT, clean_env


def manage(data_dir: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    env = clean_env(**{"OTE_DATA_DIR": str(data_dir)} | env)
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)


def prepare(**options: Any) -> str:
    out = StringIO()
    call_command("prepare", stdout=out, **options)
    return out.getvalue()


def test_secrets_are_written_once(tmp_path: Path) -> None:
    refused = manage(tmp_path, "check")
    assert refused.returncode != 0
    assert "run 'manage.py secrets'" in refused.stderr
    assert manage(tmp_path, "secrets").returncode == 0
    path = tmp_path / "secrets.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    first = json.loads(path.read_text())
    again = manage(tmp_path, "secrets")
    assert "nothing changed" in again.stdout
    assert json.loads(path.read_text()) == first
    assert manage(tmp_path, "check").returncode == 0


@pytest.fixture
def data_dir(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.OTE_DATA_DIR = tmp_path
    monkeypatch.delenv("OTE_ADMIN_USER", raising=False)
    monkeypatch.delenv("OTE_ADMIN_PASSWORD", raising=False)
    return tmp_path


@pytest.mark.django_db
def test_the_administrator_is_made_once(data_dir: Path) -> None:
    said = prepare()
    kept = data_dir / "admin-password"
    password = kept.read_text().strip()
    assert said == f"System administrator admin, password in {kept}\n"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    user = User.objects.get(username="admin")
    assert user.is_superuser
    assert user.check_password(password)
    assert prepare() == said
    assert kept.read_text().strip() == password
    assert User.objects.count() == 1


@pytest.mark.django_db
def test_a_given_password_counts_only_for_a_new_one(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTE_ADMIN_PASSWORD", "Passw0rdOne")
    assert "kept nowhere" in prepare()
    monkeypatch.setenv("OTE_ADMIN_PASSWORD", "Passw0rdTwo")
    prepare()
    assert User.objects.get(username="admin").check_password("Passw0rdOne")
    assert list(data_dir.iterdir()) == []


@pytest.mark.django_db
def test_a_second_administrator_keeps_the_first_s_file(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare()
    first = (data_dir / "admin-password").read_text()
    monkeypatch.setenv("OTE_ADMIN_USER", "chief")
    for _ in range(2):
        assert f"System administrator chief, password in {data_dir / 'admin-password-chief'}" in prepare()
    assert (data_dir / "admin-password").read_text() == first
    assert User.objects.get(username="chief").check_password((data_dir / "admin-password-chief").read_text().strip())


@pytest.mark.django_db
def test_a_start_that_was_killed_before_the_administrator_was_there(data_dir: Path) -> None:
    (data_dir / "admin-password").write_text("Passw0rdXy\n")
    assert "password in" in prepare()
    assert User.objects.get(username="admin").check_password("Passw0rdXy")


@pytest.mark.django_db
def test_a_password_that_breaks_the_rule_is_one_sentence(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTE_ADMIN_PASSWORD", "short")
    with pytest.raises(CommandError, match="The system administrator cannot be created"):
        prepare()


def test_generated_passwords_satisfy_the_rule() -> None:
    for _ in range(200):
        made = generate_password()
        assert 8 <= len(made) <= 20
        assert any(map(str.isdigit, made)) and any(map(str.islower, made)) and any(map(str.isupper, made))


@pytest.mark.django_db
def test_keys_are_rotated(settings: Any) -> None:
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    settings.OTE_ENCRYPTION_KEYS = [old]
    for number in range(3):
        Cluster.objects.create(name=f"c{number}", server="https://x", credentials=f"secret {number}", uid=str(number))
    settings.OTE_ENCRYPTION_KEYS = [new, old]
    out = StringIO()
    call_command("rotate_secrets", stdout=out)
    assert "clusters.Cluster.credentials: 3 re-encrypted" in out.getvalue()
    settings.OTE_ENCRYPTION_KEYS = [new]
    assert sorted(Cluster.objects.values_list("credentials", flat=True)) == ["secret 0", "secret 1", "secret 2"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT credentials FROM clusters_cluster")
        assert not any("secret" in value for (value,) in cursor.fetchall())


@pytest.mark.django_db
def test_a_secret_without_its_key_is_named_and_kept(settings: Any) -> None:
    lost, new = (Fernet.generate_key().decode() for _ in range(2))
    settings.OTE_ENCRYPTION_KEYS = [lost]
    cluster = Cluster.objects.create(name="c", server="https://x", credentials="secret", uid="1")
    settings.OTE_ENCRYPTION_KEYS = [new]
    with pytest.raises(CommandError, match=f"clusters.Cluster {cluster.pk}"):
        call_command("rotate_secrets", stdout=StringIO())
    with pytest.raises(Undecryptable):
        Cluster.objects.get()
    settings.OTE_ENCRYPTION_KEYS = [lost]
    assert Cluster.objects.get().credentials == "secret"
