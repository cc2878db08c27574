"""A product's database saved while it runs, and restored while it does not."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
from pathlib import Path

import psycopg2

from tests.run.product import Product
from tests.services import find

DATABASE = "otestack.sqlite3"


def save(product: Product, to: Path) -> None:
    """Save it, as an operator would: with pg_dump, or with the backup that SQLite can make of a file in use."""
    if url := product.env.get("DATABASE_URL", ""):
        _run("pg_dump", "--format", "custom", "--file", str(to), _plain(url))
        return
    with (
        contextlib.closing(sqlite3.connect(product.data_dir / DATABASE, timeout=30)) as source,
        contextlib.closing(sqlite3.connect(to)) as target,
    ):
        source.backup(target)


def restore(product: Product, saved: Path) -> None:
    """Put it in the place of what there is. Nothing of the product may run."""
    if url := product.env.get("DATABASE_URL", ""):
        base, _, name = _plain(url).rpartition("/")
        connection = psycopg2.connect(f"{base}/postgres")
        connection.autocommit = True
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
            cursor.execute(f'CREATE DATABASE "{name}"')
        _run("pg_restore", "--exit-on-error", "--dbname", _plain(url), str(saved))
        return
    for path in product.data_dir.glob(f"{DATABASE}*"):
        path.unlink()
    with (
        contextlib.closing(sqlite3.connect(saved)) as source,
        contextlib.closing(sqlite3.connect(product.data_dir / DATABASE)) as target,
    ):
        source.backup(target)


def _plain(url: str) -> str:
    return url.replace("postgres://", "postgresql://", 1)


def _run(program: str, *arguments: str) -> None:
    path = find(program)
    assert path is not None, f"{program} belongs to PostgreSQL and is not there"
    subprocess.run([path, *arguments], check=True)
