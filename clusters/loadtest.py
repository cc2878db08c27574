"""A large fleet's clusters and nodes, for measuring; deployments/loadtest.py makes the rest and says why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.db import connection

from clusters.engine.clock import db_now
from clusters.models import Cluster, ClusterLabel

PREFIX = "loadtest-"
# Rows that the ORM creates, and that a plain INSERT carries, by one statement.
ROWS = 2000
_STEP = 500
_YEARS = timedelta(days=3650)


def make_clusters(number: int) -> list[int]:
    """Make so many clusters of which none is ever due, and return their ids. One in a hundred is away."""
    now = db_now()
    made = Cluster.objects.bulk_create(
        (
            Cluster(
                name=f"{PREFIX}{n}",
                server="https://loadtest.invalid",
                # Never read; not encrypted a hundred thousand times for nothing.
                credentials="",
                uid=f"{PREFIX}{n}",
                kubernetes_version="v1.32.4",
                observe_due_at=now + _YEARS,
                observed_at=now + _YEARS,
                away_since=now if n % 100 == 99 else None,
                last_error="connection refused" if n % 100 == 99 else "",
            )
            for n in range(number)
        ),
        batch_size=ROWS,
    )
    put_labels((one.pk, f"region-{n % 20}") for n, one in enumerate(made))
    return [one.pk for one in made]


def put_labels(labels: Iterable[tuple[int, str]]) -> None:
    """Put labels on clusters, by id."""
    rows = (ClusterLabel(cluster_id=pk, label=label) for pk, label in labels)
    ClusterLabel.objects.bulk_create(rows, batch_size=ROWS)


def make_nodes(number: int, clusters: list[int]) -> None:
    """Divide so many nodes among the clusters; each carries one label."""
    session_table("loadtest_cluster", ("n", "id"), list(enumerate(clusters)))
    numbers = "WITH RECURSIVE numbers(k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM numbers WHERE k < %s)"
    each = -(-number // max(len(clusters), 1))
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO clusters_node (cluster_id, name, operating_system, kernel_version, ip, memory, cpu, disk, gpu,
                ready, created_at, updated_at)
            {numbers}
            SELECT c.id, 'node-' || k, 'Debian GNU/Linux 12 (bookworm)', '6.1.0-32-amd64', '10.0.0.1',
                17179869184, 8, 1099511627776, 0, %s, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP
            FROM loadtest_cluster c CROSS JOIN numbers WHERE k * %s + c.n < %s ORDER BY c.n, k
            """,
            [each - 1, True, len(clusters), number],
        )
        cursor.execute(
            """
            INSERT INTO clusters_nodelabel (node_id, label, observed, wanted_seq, evict)
            SELECT id, 'zone-' || (id %% 10), %s, 0, %s FROM clusters_node
            WHERE cluster_id IN (SELECT id FROM loadtest_cluster)
            """,
            [True, False],
        )
        cursor.execute(
            """
            UPDATE clusters_cluster SET node_count =
                (SELECT COUNT(*) FROM clusters_node n WHERE n.cluster_id = clusters_cluster.id)
            WHERE id IN (SELECT id FROM loadtest_cluster)
            """
        )


def session_table(name: str, columns: tuple[str, ...], rows: Sequence[tuple[int, ...]]) -> None:
    """Make a table that goes with the connection; its first column is its key."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {name}")
        others = ", ".join(f"{column} bigint NOT NULL" for column in columns[1:])
        cursor.execute(f"CREATE TEMPORARY TABLE {name} ({columns[0]} integer PRIMARY KEY, {others})")
        marks = f"({', '.join(['%s'] * len(columns))})"
        for start in range(0, len(rows), _STEP):
            part = rows[start : start + _STEP]
            values = [value for row in part for value in row]
            cursor.execute(f"INSERT INTO {name} ({', '.join(columns)}) VALUES {', '.join([marks] * len(part))}", values)
        cursor.execute(f"ANALYZE {name}")
