"""A fleet of any size, grown from a few real clusters.

A seed is registered and deployed to as any cluster is. When everything on it is proven, its rows are copied as often as
asked, by few statements, and the template edge answers for each copy what the seed holds: every placement of the fleet
is one that the product has made, and what its record says is there.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence

import psycopg2
from cryptography.fernet import Fernet

from otestack import secrets
from tests.bench.centre import Centre
from tests.bench.edges import Edges
from tests.bench.template import uid_of
from tests.run.product import ROOT

# Where the short forms of the benchmarks write.
SMOKE = ROOT / ".cache" / "bench"
# What is not so yet on the seeds.
UNPROVEN = "SELECT 1 FROM clusters_placement WHERE ready_generation <> generation OR NOT present LIMIT 1"
UNSETTLED = "SELECT 1 FROM clusters_bundle WHERE dirty_at IS NOT NULL LIMIT 1"
_PROVE_SECONDS = 300
_LABEL = """
    INSERT INTO clusters_clusterlabel (cluster_id, label, created_at)
    SELECT id, %s, now() FROM clusters_cluster WHERE name = %s RETURNING id
"""
# Spread over what the periods of the engine are by default, as if the fleet had been there for long.
_FULL_LIST = _REAPPLY = "random() * interval '3600 s'"


def plant(centre: Centre, edges: Edges, labels: Mapping[str, str]) -> None:
    """Register clusters as an operator does. labels: the label of each, by its name."""
    folder = centre.data_dir / "kubeconfigs"
    for name in labels:
        (folder / f"{name}.yaml").write_text(edges.kubeconfig(name))
    command = [sys.executable, str(ROOT / "manage.py"), "join", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=centre.env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for name, label in labels.items():
        centre.query(_LABEL, label, name)


def proven(centre: Centre) -> None:
    """Wait until every placement is."""
    centre.wait(UNPROVEN, every=0.5, seconds=_PROVE_SECONDS)


def grow(centre: Centre, edges: Edges, seed: str, names: Sequence[str], *, interval: float) -> None:
    """Copy a seed whose placements are proven. interval: over which the copies' next observations are spread."""
    edges.take_after(seed, names)
    box = Fernet(secrets.load(centre.data_dir, debug=False)["OTE_ENCRYPTION_KEYS"].split(",")[0])
    login = {"ca_pem": edges.ca, "token": "anything"}
    rows = [
        {
            "name": name,
            "server": edges.server(name),
            "credentials": box.encrypt(json.dumps(login | {"server": edges.server(name)}).encode()).decode(),
            "uid": uid_of(name),
        }
        for name in names
    ]
    spread = f"random() * interval '{interval} s'"
    address = centre.services.postgres.url(centre.database)
    with contextlib.closing(psycopg2.connect(address)) as database, database, database.cursor() as cursor:
        cursor.execute("SELECT id FROM clusters_cluster WHERE name = %s", [seed])
        old = cursor.fetchone()[0]
        columns = _columns(cursor, "clusters_cluster") | {name: f"r.{name}" for name in rows[0]}
        columns |= {"observed_at": f"now() - {spread}", "observe_due_at": f"now() + {spread}"}
        columns |= {"full_list_at": f"now() - {_FULL_LIST}"}
        cursor.execute(
            f"INSERT INTO clusters_cluster ({', '.join(columns)}) SELECT {', '.join(columns.values())} "
            "FROM clusters_cluster s, jsonb_to_recordset(%s::jsonb) r(name text, server text, credentials text, "
            "uid text) WHERE s.id = %s RETURNING id",
            [json.dumps(rows), old],
        )
        new = [row[0] for row in cursor.fetchall()]
        for table, changed in (
            ("clusters_clusterlabel", {}),
            ("clusters_node", {}),
            ("clusters_placement", {"applied_at": f"s.applied_at - {_REAPPLY}"}),
        ):
            columns = _columns(cursor, table) | changed | {"cluster_id": "n.id"}
            cursor.execute(
                f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns.values())} "
                f"FROM {table} s CROSS JOIN unnest(%s) AS n(id) WHERE s.cluster_id = %s",
                [new, old],
            )
        cursor.execute(
            "UPDATE clusters_bundle SET dirty_at = now() WHERE id IN "
            "(SELECT bundle_id FROM clusters_placement WHERE cluster_id = %s)",
            [old],
        )


def settled(centre: Centre) -> None:
    """Let PostgreSQL count its rows, and wait until the deployments' counts are those of the grown fleet."""
    with contextlib.closing(psycopg2.connect(centre.services.postgres.url(centre.database))) as database:
        database.autocommit = True
        with database.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    centre.wait(UNSETTLED, every=0.5, seconds=_PROVE_SECONDS)


def _columns(cursor: psycopg2.extensions.cursor, table: str) -> dict[str, str]:
    """Return a table's columns without its key, each with itself as the value to copy."""
    cursor.execute("SELECT column_name FROM information_schema.columns WHERE table_name = %s", [table])
    return {name: f"s.{name}" for (name,) in cursor.fetchall() if name != "id"}
