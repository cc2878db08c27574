"""How long the server takes for each page of the back-office, on the rows of a large fleet.

In one process, without a web server: views, templates and database, which is what a page costs. Exits with 1 where a
page takes longer than it may. `make bench` fills a database for it; on one that is full already, with its environment:

    .venv/bin/python -m tests.bench.back_office
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import django

from tests.bench import filled
from tests.run.product import ROOT

MOST_MS = 300
PLACEMENT_STATES = ("waiting", "applying", "progressing", "ready", "failed", "away", "stale", "removing")
TRIES = 5


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    filled.arguments(parser)


def run(options: argparse.Namespace) -> None:
    """Fill a database, and open the pages in a process that has it."""
    with filled.filled(options) as centre:
        command = [sys.executable, "-m", "tests.bench.back_office", "--only", options.only]
        if options.smoke:
            command.append("--smoke")
        subprocess.run(command, cwd=ROOT, env=centre.env, check=True)


def records() -> dict[str, Any]:
    """Return one record per screen, not the first and not an empty one."""
    from django.contrib import admin

    found = {}
    for screen in admin.site._registry.values():
        meta = screen.model._meta
        middle = screen.model._default_manager.order_by("pk").values_list("pk", flat=True)
        middle = middle.filter(pk__gte=(middle.last() or 0) // 2)
        found[f"{meta.app_label}_{meta.model_name}"] = middle.first()
    return found


def pages(user: Any, *, deep: bool) -> Iterator[str]:
    """Return the addresses that a person opens: the landing page, lists with filters and search, records, deeds.

    deep: also pages far down the lists, which few rows do not have.
    """
    from django.contrib import admin
    from django.test import RequestFactory
    from django.urls import reverse

    request = RequestFactory().get("/admin/")
    request.user = user
    yield reverse("admin:index")
    yield reverse("admin:overview")
    for screen in admin.site._registry.values():
        if not screen.has_view_permission(request):
            continue
        meta = screen.model._meta
        name = f"{meta.app_label}_{meta.model_name}"
        listing = reverse(f"admin:{name}_changelist")
        yield listing
        yield f"{listing}?q=loadtest-1234"
        asked = QUERIES.get(name, ())
        yield from (f"{listing}?{query}" for query in asked if deep or not query.startswith("p="))
        shown = screen.get_queryset(request).order_by("pk")
        middle = shown.filter(pk__gte=(RECORDS[name] or 0)).first() or shown.last()
        if middle is None:
            continue
        yield reverse(f"admin:{name}_change", args=[middle.pk])
        for deed in getattr(screen, "_deeds", lambda request: {})(request).values():
            if deed.ask and deed.offered(middle):
                yield f"{reverse(f'admin:{name}_do', args=[deed.name])}?id={middle.pk}"


# What the menu, the overview and people's fingers ask of each list besides.
QUERIES = {
    "accounts_user": ("status__exact=0", "role=3"),
    "business_business": ("status=0",),
    "clusters_cluster": ("state=ready", "state=away", "state=stale", "o=2", "p=100"),
    "clusters_node": ("ready=yes", "ready=no", "p=100"),
    "clusters_bundle": ("ended=all", "selector__exact=label"),
    "clusters_placement": (*(f"state={state}" for state in PLACEMENT_STATES), "o=2", "p=100", "q=loadtest"),
    "deployments_deployment": ("status=5", "status=6", "running__exact=1", "p=10"),
    "deployments_operation": ("audit=waiting", "audit=approved", "kind__exact=1"),
    "otestack_trailentry": ("channel__exact=api",),
}
RECORDS: dict[str, Any] = {}


def measure(client: Any, path: str) -> tuple[int, float, float, int]:
    """Return the status, the medians in milliseconds, by the clock and of the processor, and the number of queries."""
    from django.db import connection

    queries = []

    def count(execute: Any, sql: str, *rest: Any) -> Any:
        queries.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(count):
        status = client.get(path).status_code
    taken, worked = [], []
    for _ in range(TRIES):
        began, idle = time.perf_counter(), time.process_time()
        client.get(path)
        taken.append(1000 * (time.perf_counter() - began))
        worked.append(1000 * (time.process_time() - idle))
        if taken[-1] > 10 * MOST_MS:
            break
    return status, statistics.median(taken), statistics.median(worked), len(queries)


def main() -> int:
    """Print a line per page, the slowest last."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--user", default="", help="who looks; default: a system administrator")
    parser.add_argument("--only", default="", help="pages whose address holds this")
    parser.add_argument("--smoke", action="store_true", help="every page must come, however long it takes")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "otestack.settings")
    django.setup()
    from django.conf import settings
    from django.contrib import admin
    from django.test import Client

    from accounts.models import User

    admin.autodiscover()  # which the routes do, but they are not there before the first request
    settings.ALLOWED_HOSTS = ["testserver"]
    named = {"username": options.user} if options.user else {"is_superuser": True}
    user = User.objects.living().filter(**named).first()
    if user is None:
        sys.stderr.write("There is no such user; manage.py create_admin makes a system administrator.\n")
        return 2
    RECORDS.update(records())
    client = Client()
    client.force_login(user, backend="accounts.backends.Backend")
    found = [(path, *measure(client, path)) for path in pages(user, deep=not options.smoke) if options.only in path]
    found.sort(key=lambda row: row[2])
    print(f"{'median ms':>10} {'processor':>10} {'queries':>8} {'status':>7}  page")
    for path, status, milliseconds, worked, queries in found:
        print(f"{milliseconds:10.0f} {worked:10.0f} {queries:8} {status:7}  {path}")
    slow = [row for row in found if row[2] > MOST_MS]
    wrong = [row for row in found if row[1] != 200]
    print(f"{len(found)} pages, {len(slow)} over {MOST_MS} ms, {len(wrong)} not 200")
    return 1 if wrong or (slow and not options.smoke) else 0


if __name__ == "__main__":
    sys.exit(main())
