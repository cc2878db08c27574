"""Which bundles belong on which clusters: set-based statements, the same result when done twice.

Lock order everywhere: the placement lock, bundles, clusters, placements; rows of one table in id order.
"""

from collections.abc import Iterable, Sequence

from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from clusters.engine.marks import mark_due
from clusters.models import Bundle, Cluster, Installation, Placement, Selector
from otestack.transactions import retry_deadlock

# Bundle b is meant for cluster c.
_MEANT = """
    b.ended_at IS NULL AND NOT c.removing AND (
        b.selector = 'all'
        OR (b.selector = 'cluster' AND LOWER(c.name) = LOWER(b.selector_value))
        OR (b.selector = 'label' AND EXISTS (
            SELECT 1 FROM clusters_clusterlabel l WHERE l.cluster_id = c.id AND l.label = b.selector_value)))
"""

# The same as pairs. One branch for each selector, joined by equality: with all of them in one condition, every bundle
# is compared with every cluster.
_PAIRS = """
    SELECT c.id AS cluster_id, b.id AS bundle_id, b.generation FROM clusters_bundle b CROSS JOIN clusters_cluster c
    WHERE {scope} AND b.selector = 'all' AND b.ended_at IS NULL AND NOT c.removing
    UNION ALL
    SELECT c.id, b.id, b.generation FROM clusters_bundle b
    JOIN clusters_cluster c ON LOWER(c.name) = LOWER(b.selector_value)
    WHERE {scope} AND b.selector = 'cluster' AND b.ended_at IS NULL AND NOT c.removing
    UNION ALL
    SELECT c.id, b.id, b.generation FROM clusters_bundle b
    JOIN clusters_clusterlabel l ON l.label = b.selector_value JOIN clusters_cluster c ON c.id = l.cluster_id
    WHERE {scope} AND b.selector = 'label' AND b.ended_at IS NULL AND NOT c.removing
"""

# Rows that differ from what is meant: (cluster, bundle), once for what is missing or old, once for what is too much.
_DIFFERENCE = f"""
    SELECT m.cluster_id, m.bundle_id FROM ({_PAIRS}) m
    LEFT JOIN clusters_placement p ON p.bundle_id = m.bundle_id AND p.cluster_id = m.cluster_id
    WHERE p.id IS NULL OR NOT p.present OR p.generation <> m.generation
    UNION ALL
    SELECT c.id, b.id FROM clusters_placement p
    JOIN clusters_bundle b ON b.id = p.bundle_id JOIN clusters_cluster c ON c.id = p.cluster_id
    WHERE {{scope}} AND p.present AND NOT ({_MEANT})
"""

_FRESH_START = "attempts = 0, next_attempt_at = NULL, last_error = '', failed = {false}, deleted_once = {false}"

# UPDATE ... FROM and not WHERE id IN (SELECT ...): where PostgreSQL's statistics know nothing of the rows yet, it
# works the subquery out again for every placement.
_OF = "FROM clusters_bundle b, clusters_cluster c WHERE b.id = p.bundle_id AND c.id = p.cluster_id AND {scope}"

_WITHDRAW = f"""
    UPDATE clusters_placement AS p SET present = {{false}}, ready_generation = 0, {_FRESH_START}
    {_OF} AND p.present AND NOT ({_MEANT})
"""

_REVIVE = f"""
    UPDATE clusters_placement AS p SET present = {{true}}, applied_generation = 0, marks = '{{{{}}}}', {_FRESH_START}
    {_OF} AND NOT p.present AND {_MEANT}
"""

_RENEW = f"""
    UPDATE clusters_placement AS p SET generation = b.generation, {_FRESH_START}
    {_OF} AND p.generation <> b.generation AND {_MEANT}
"""

_INSERT = f"""
    INSERT INTO clusters_placement (cluster_id, bundle_id, generation, present, applied_generation, ready_generation,
        failed, deleted_once, running, error, total, last_error, attempts, marks)
    SELECT m.cluster_id, m.bundle_id, m.generation, {{true}}, 0, 0, {{false}}, {{false}}, 0, 0, 0, '', 0, '{{{{}}}}'
    FROM ({_PAIRS}) m WHERE NOT EXISTS (
        SELECT 1 FROM clusters_placement p WHERE p.bundle_id = m.bundle_id AND p.cluster_id = m.cluster_id)
    ORDER BY m.cluster_id, m.bundle_id
"""


def lock_placements() -> Installation:
    """Take the placement lock until the transaction ends, and return the installation's row.

    Two changes of labels, membership or bundles at once would each miss the other's rows.
    """
    return Installation.objects.select_for_update().get_or_create(pk=1)[0]


def lock_ends(bundle_ids: Iterable[int]) -> None:
    """Take the locks that ending these bundles needs, in the order of everybody else: for who ends several at once.

    One after the other, the second bundle would come after the first one's clusters.
    """
    lock_placements()
    ids = sorted(set(bundle_ids))
    list(Bundle.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk").values_list("pk"))
    holding = Placement.objects.filter(bundle__in=ids, present=True).values("cluster")
    list(Cluster.objects.select_for_update(no_key=True).filter(pk__in=holding).order_by("pk").values_list("pk"))


def matching_clusters(selector: str, value: str) -> QuerySet[Cluster]:
    """Return the clusters that a selector means now."""
    clusters = Cluster.objects.filter(removing=False)
    match selector:
        case Selector.ALL:
            return clusters
        case Selector.CLUSTER:
            return clusters.filter(name__iexact=value)
        case Selector.LABEL:
            return clusters.filter(labels__label=value)
        case _:
            return clusters.none()


def place_bundles(bundle_ids: Iterable[int]) -> set[tuple[int, int]]:
    """Recompute where these bundles belong; return the (cluster, bundle) pairs that changed."""
    return _place("b.id", bundle_ids)


def place_clusters(cluster_ids: Iterable[int]) -> set[tuple[int, int]]:
    """Recompute what belongs on these clusters; return the (cluster, bundle) pairs that changed."""
    return _place("c.id", cluster_ids)


def place_all() -> set[tuple[int, int]]:
    """Recompute everything and return what was wrong: nothing, unless rows were changed behind our back.

    It looks without the lock first: to read a large fleet takes seconds, for which no change should have to wait.
    """
    if not _difference("1 = 1"):
        return set()
    return _place("", ())


@retry_deadlock
@transaction.atomic
def _place(column: str, ids: Iterable[int]) -> set[tuple[int, int]]:
    numbers = sorted({int(number) for number in ids})
    if column and not numbers:
        return set()
    lock_placements()
    scope = f"{column} IN ({','.join(map(str, numbers))})" if column else "1 = 1"
    pairs = _difference(scope)
    if pairs:
        touch_bundles({bundle for _, bundle in pairs})
        mark_due(cluster for cluster, _ in pairs)  # locks them, before their placements
        with connection.cursor() as cursor:
            for statement in (_WITHDRAW, _REVIVE, _RENEW, _INSERT):
                cursor.execute(_sql(statement, scope))
    return pairs


def _difference(scope: str) -> set[tuple[int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(_sql(_DIFFERENCE, scope))
        return {(cluster, bundle) for cluster, bundle in cursor.fetchall()}


def touch_bundles(bundle_ids: Iterable[int]) -> None:
    """Tell the owners that placements of these bundles changed. Locks in id order."""
    ids: Sequence[int] = sorted(set(bundle_ids))
    for start in range(0, len(ids), 5000):
        part = ids[start : start + 5000]
        if len(part) > 1:  # one row needs no order
            list(Bundle.objects.select_for_update(no_key=True).filter(pk__in=part).order_by("pk").values_list("pk"))
        Bundle.objects.filter(pk__in=part).update(dirty_at=Now())


def _sql(statement: str, scope: str) -> str:
    # PostgreSQL knows no 0 for a boolean, older SQLite no FALSE.
    words = ("TRUE", "FALSE") if connection.vendor == "postgresql" else ("1", "0")
    return statement.format(scope=scope, true=words[0], false=words[1])
