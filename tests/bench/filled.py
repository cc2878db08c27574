"""A product on the rows of a large fleet (manage.py loadtest_data), for what measures its pages."""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.centre import Centre, services
from tests.run.product import ROOT

FULL = {"clusters": 10_000, "deployments": 100_000, "placements": 1_000_000, "nodes": 100_000, "users": 10_000,
        "businesses": 1_000, "everywhere": 10}  # fmt: skip
SMALL = {"clusters": 20, "deployments": 30, "placements": 100, "nodes": 40, "users": 20, "businesses": 5,
         "everywhere": 1}  # fmt: skip


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--only", default="", help="paths that hold this")
    parser.add_argument("--database", default="", help="a database that is filled already, as DATABASE_URL has it")


@contextlib.contextmanager
def filled(options: argparse.Namespace) -> Iterator[Centre]:
    """A centre of which nothing runs yet, with its database full; of few rows for --smoke. Raises Missing."""
    with tempfile.TemporaryDirectory() as folder, services() as on:
        on.create("filled")
        # Tokens outlive the measurement.
        centre = Centre(Path(folder) / "data", on, "filled", OTE_TOKEN_SECONDS="86400")
        if options.database:
            centre.env["DATABASE_URL"] = options.database
        centre.prepare()
        if not options.database:
            _fill(centre, SMALL if options.smoke else FULL)
        try:
            yield centre
        finally:
            centre.stop()


def _fill(centre: Centre, size: dict[str, int]) -> None:
    """Make the rows, and let the database know them as it would in an hour."""
    sizes = [word for name, number in size.items() for word in (f"--{name}", str(number))]
    with centre.log_path.open("ab") as log:
        subprocess.run(
            [sys.executable, "manage.py", "loadtest_data", "--force", *sizes],
            cwd=ROOT, env=centre.env, stdout=log, stderr=log, check=True,
        )  # fmt: skip
    with contextlib.closing(centre.services.postgres.connect("filled")) as connection, connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
