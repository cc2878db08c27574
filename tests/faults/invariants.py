"""What must hold after any fault, and what must have held during it.

differences(…)       after: clusters hold exactly what is wanted, rows say what clusters hold, nothing is stuck
false_greens(…)      during: status 5 only where all that is counted ran it and was seen, of late and in this generation
old_generations(…)   during: what is older than what is wanted does not stay
too_many_tries(…)    during: what failed was not tried more often than the backoff allows

Each returns sentences, one for each breach; none when all is well.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Any

from clusters.engine.labels import BUNDLE, CENTRE
from clusters.freshness import FRESH_INTERVALS
from clusters.simulator.quantities import canonical
from tests.faults.diary import Diary, Held, Moment, is_ready, spans
from tests.faults.sampler import Read, Sampler, Wanted

# Seconds between what we note and what it is about: threads that wait for their turn, clocks that are read in turn.
SLACK = 1.0
# Statuses of deployments: all of what has ended, success, and taken off again.
ENDED = frozenset({2, 5, 6, 7, 9})
SUCCESS, OVER = 5, 9


def differences(
    everything: dict[str, Any],
    objects: dict[Held, dict[str, Any]],
    *,
    away: Collection[str] = (),
    orphans: Collection[str] = (),
) -> list[str]:
    """Return what is not as it should be when all is calm.

    everything: of Records. objects: of Diary. away: clusters that cannot be reached, which may hold anything. orphans:
    bundles that only a lost database knew, whose objects stay.
    """
    held: dict[tuple[str, str], dict[Held, dict[str, Any]]] = defaultdict(dict)
    for key, found in objects.items():
        labels = found["metadata"]["labels"]
        if labels[CENTRE] == everything["centre"] and key.cluster not in away and labels.get(BUNDLE) not in orphans:
            held[key.cluster, labels.get(BUNDLE, "")][key] = found
    bundles = {bundle["uid"]: bundle for bundle in everything["bundles"]}
    meant = {
        (cluster["name"], uid)
        for cluster in everything["clusters"]
        for uid, bundle in bundles.items()
        if cluster["name"] not in away and _is_meant(bundle, cluster)
    }
    rows = {(row["cluster"], row["bundle"]): row for row in everything["placements"] if row["cluster"] not in away}
    found = [f"{cluster} is not to hold {_title(bundles, uid)}, and holds it" for cluster, uid in held.keys() - meant]
    found += [f"{cluster} is not to hold {_title(bundles, uid)}: a row" for cluster, uid in rows.keys() - meant]
    for cluster, uid in sorted(meant):
        bundle, row = bundles[uid], rows.get((cluster, uid))
        faults = [*_content(cluster, bundle, held[cluster, uid]), *_row(bundle, row, held[cluster, uid])]
        found += [f"{bundle['title']} on {cluster}: {fault}" for fault in faults]
    return found + list(_stuck(everything, set(away)))


def _title(bundles: dict[str, Any], uid: str) -> str:
    return f"{bundles[uid]['title']}" if uid in bundles else f"unknown {uid}"


def _is_meant(bundle: dict[str, Any], cluster: dict[str, Any]) -> bool:
    if bundle["ended"] or cluster["removing"]:
        return False
    value = bundle["selector_value"]
    return (
        bundle["selector"] == "all"
        or (bundle["selector"] == "cluster" and cluster["name"].lower() == value.lower())
        or (bundle["selector"] == "label" and value in cluster["labels"])
    )


def _content(cluster: str, bundle: dict[str, Any], held: dict[Held, dict[str, Any]]) -> Iterator[str]:
    """Every object of the bundle is there as it is wanted, and no other."""
    wanted = {
        Held(cluster, body["kind"], body["metadata"].get("namespace", ""), body["metadata"]["name"]): body
        for body in bundle["objects"]
    }
    for key in held.keys() - wanted.keys():
        yield f"{key.kind} {key.name} is there and not wanted"
    for key, body in wanted.items():
        there = held.get(key)
        if there is None:
            yield f"{key.kind} {key.name} is missing"
        elif there["metadata"].get("deletionTimestamp"):
            yield f"{key.kind} {key.name} is going"
        elif where := _lacks(body, there, ""):
            yield f"{key.kind} {key.name} differs at {where}"


def _lacks(wanted: Any, there: Any, path: str) -> str:
    """Return where an object lacks something of what is wanted; "" when it holds all of it."""
    if isinstance(wanted, dict):
        if not isinstance(there, dict):
            return path or "."
        parts = (_lacks(value, there.get(name), f"{path}.{name}") for name, value in wanted.items())
        return next(filter(None, parts), "")
    if isinstance(wanted, list):
        if not isinstance(there, list) or len(wanted) != len(there):
            return path
        return next(filter(None, (_lacks(a, b, f"{path}[]") for a, b in zip(wanted, there, strict=True))), "")
    if wanted == there or (wanted in (0, "", False) and there is None):
        return ""
    try:  # an API server keeps quantities in their shortest form
        return "" if canonical(wanted) == canonical(there) else path
    except ValueError:
        return path


def _row(bundle: dict[str, Any], row: dict[str, Any] | None, held: dict[Held, dict[str, Any]]) -> Iterator[str]:
    """The placement says what the cluster holds."""
    if row is None:
        yield "there is no placement"
        return
    generation = bundle["generation"]
    ready = all(is_ready(found) for found in held.values())
    columns = (row["present"], row["generation"], row["applied_generation"], row["ready_generation"])
    if columns != (True, generation, generation, generation if ready else 0):
        yield f"present, wanted, applied, ready are {columns}, the cluster is {'' if ready else 'not '}ready"
    remembered = {uid for uid, _ in row["marks"].values()}
    if remembered != {found["metadata"]["uid"] for found in held.values()}:
        yield f"it remembers {len(remembered)} objects, which are not the {len(held)} that the cluster holds"
    replicas = sum(found["spec"].get("replicas", 1) for key, found in held.items() if key.kind == "Deployment")
    if ready and (row["running"], row["total"], row["error"]) != (replicas, replicas, 0):
        yield f"running, total, error are {row['running'], row['total'], row['error']} of {replicas} replicas"
    if ready and row["last_error"]:
        yield f"it is ready and says: {row['last_error']}"


def _stuck(everything: dict[str, Any], away: set[str]) -> Iterator[str]:
    """Every change has ended, what came of it is said, and every cluster will be looked at in time."""
    now = everything["now"]
    ended = {bundle["uid"] for bundle in everything["bundles"] if bundle["ended"]}
    for row in everything["deployments"]:
        if row["open"] or row["status"] not in ENDED:
            yield f"{row['name']} has status {row['status']}, its change {'has not' if row['open'] else 'has'} ended"
        placed = [placement for placement in everything["placements"] if placement["bundle"] == row["bundle"]]
        ready = [placement["ready_generation"] == placement["generation"] for placement in placed]
        if row["bundle"] in ended and row["status"] != OVER:
            yield f"{row['name']} has ended with status {row['status']}"
        elif ready and all(ready) and row["status"] != SUCCESS and not away & {one["cluster"] for one in placed}:
            yield f"{row['name']} is ready everywhere with status {row['status']}"
    for cluster in everything["clusters"]:
        name, due = cluster["name"], cluster["observe_due_at"]
        if name in away:
            continue
        if cluster["away"]:
            yield f"{name} counts as away"
        if cluster["removing"]:
            yield f"{name} is still being removed"
        if cluster["change_due_at"] is not None:
            yield f"{name} has a change due"
        if due is None or not now - everything["interval"] <= due <= now + everything["interval"] + SLACK:
            yield f"{name} is to be looked at in {due and due - now} s"
        if cluster["last_error"]:
            yield f"{name}: {cluster['last_error']}"


def false_greens(sampler: Sampler) -> list[str]:
    """Return where the API said 5 of what a cluster that counts had not run, or nobody had seen, for three intervals.

    Also before it was ready there, and in a generation that no recorded list can have shown.
    """
    if not sampler.told or len(sampler.reads) < 3:
        return ["nobody told what was green"]
    ran, appeared = _ready_spans(sampler.diary, sampler.ended), _appeared(sampler)
    by_deployment: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for key, pair in sampler.pairs.items():
        if pair.deployment is not None:
            by_deployment[pair.deployment].append(key)
    found = []
    for green in sampler.greens:
        reads = _reads_around(sampler, green.asked, green.answered)
        if reads is None:
            continue
        since = green.asked - FRESH_INTERVALS * max(read.interval for read in reads) - SLACK
        until = green.answered
        # Nobody saw what the clusters ran.
        blind = any(begun < until and ended > since for begun, ended in sampler.diary.gaps)
        for key in by_deployment[green.deployment]:
            generation = _settled_wish(sampler, key, *reads)
            if not generation:
                continue
            what = f"deployment {green.deployment} was 5 at {green.asked - sampler.began:.1f} s"
            if not blind and not any(g == generation and a < until and b > since for a, b, g in ran.get(key, ())):
                when = [(round(a - sampler.began, 1), round(b - sampler.began, 1), g) for a, b, g in ran.get(key, ())]
                found.append(f"{what}, and {key[0]} had not run generation {generation}; it ran {when}")
            # A list that was recorded in between may have been overtaken before we read of it, so the next one counts.
            earliest = max(since, appeared.get((*key, generation), since))
            if not any(earliest <= at <= reads[1].answered for at in sampler.observed[key[0]]):
                found.append(f"{what}, and no list of {key[0]} had shown generation {generation} of late")
    return found


def _ready_spans(diary: Diary, ends: float) -> dict[tuple[str, str], list[tuple[float, float, int]]]:
    """Return from when until when a bundle's Deployment was ready on a cluster, and in which generation."""
    found = defaultdict(list)
    for held, moments in diary.moments.items():
        if held.kind == "Deployment":
            for begun, ended, moment in spans(moments, ends):
                if moment.ready:
                    found[held.cluster, moment.bundle].append((begun, ended, moment.generation))
    return found


def _appeared(sampler: Sampler) -> dict[tuple[str, str, int], float]:
    """Return when a bundle's Deployment was first there in a generation, by both; left out where that was before us."""
    found: dict[tuple[str, str, int], float] = {}
    for held, moments in sampler.diary.moments.items():
        for moment in moments if held.kind == "Deployment" else ():
            key = held.cluster, moment.bundle, moment.generation
            found[key] = min(moment.at, found.get(key, moment.at))
    return {key: at for key, at in found.items() if at > sampler.began}


def _reads_around(sampler: Sampler, asked: float, answered: float) -> tuple[Read, Read] | None:
    """Return the last read of the rows before, and the first one after; None where there are not both."""
    before = bisect_right(sampler.reads, (asked, asked)) - 1
    while before >= 0 and sampler.reads[before].answered > asked:
        before -= 1
    after = bisect_right(sampler.reads, (answered, float("inf")))
    if before < 0 or after >= len(sampler.reads):
        return None
    return sampler.reads[before], sampler.reads[after]


def _settled_wish(sampler: Sampler, key: tuple[str, str], first: Read, last: Read) -> int:
    """Return the generation that was wanted all the time between; 0 when none was, or when that changed."""
    wishes = [wish for wish in sampler.pairs[key].wanted if wish.asked <= last.asked]
    settled = {wish.generation for wish in wishes if wish.asked > first.asked} | {
        wish.generation for wish in wishes[: bisect_right(wishes, (first.asked, float("inf")))][-1:]
    }
    return settled.pop() if len(settled) == 1 else 0


def old_generations(sampler: Sampler, *, away: Collection[str] = ()) -> list[str]:
    """Return where a cluster held what is older than what is wanted for longer than an observation of it.

    Counted are lists that were recorded, and not seconds: the first may be of a pass that was claimed before the wish,
    the second finds it and mends it, so that a third never does. What fails to be mended waits as its backoff says.
    """
    found = []
    for held, moments in sampler.diary.moments.items():
        lists = sampler.observed[held.cluster]
        for key in {(held.cluster, moment.bundle) for moment in moments} & sampler.pairs.keys():
            for begun, ended, old, new in _behind(sampler, key, moments):
                seen = bisect_right(lists, ended) - bisect_right(lists, begun)
                if seen > 2 and held.cluster not in away:
                    found.append(
                        f"{held} was of generation {old} from {begun - sampler.began:.1f} s to "
                        f"{ended - sampler.began:.1f} s and {seen} lists, when {new} was wanted"
                    )
    return found


def _behind(sampler: Sampler, key: tuple[str, str], moments: list[Moment]) -> Iterator[tuple[float, float, int, int]]:
    """Return from when until when an older generation than the wanted one was there, and nothing hindered us."""
    wishes = sampler.pairs[key].wanted
    for begun, ended, moment in spans(moments, sampler.ended):
        if moment.bundle != key[1] or not moment.generation:
            continue
        for wish, following in zip(wishes, [*wishes[1:], None], strict=True):
            since, until = max(begun, wish.answered), min(ended, following.asked if following else sampler.ended)
            if moment.generation < wish.generation and not wish.attempts and until > since:
                yield since, until, moment.generation, wish.generation


def most_tries(seconds: float, *, base: float, cap: float) -> float:
    """Return how often one placement is tried in that time, on average, when every try fails."""
    tries, waited = 1, 0.0
    while (waited := waited + _mean_delay(tries, base, cap)) < seconds:
        tries += 1
    return tries


def _mean_delay(tries: int, base: float, cap: float) -> float:
    roof = min(cap, base * 2 ** min(tries - 1, 32))
    return (min(base, roof) / 2 + roof) / 2


def too_many_tries(sampler: Sampler, *, base: float, cap: float) -> list[str]:
    """Return whether placements together failed more often than the backoff allows in the times in which they failed.

    Half as many again are allowed for the jitter, and one more each time.
    """
    runs = [run for pair in sampler.pairs.values() for run in _failing(pair.wanted)]
    tries = sum(count for count, _ in runs)
    most = sum(1 + 1.5 * most_tries(seconds, base=base, cap=cap) for _, seconds in runs)
    if tries <= most:
        return []
    return [f"{tries} tries of placements failed, in {len(runs)} times in which {most:.0f} are allowed"]


def _failing(wanted: list[Wanted]) -> Iterator[tuple[int, float]]:
    """Return how many tries failed in a row, and how many seconds the last came after the first, each time."""
    count, begun, ended, last = 0, 0.0, 0.0, wanted[0].attempts
    for wish in wanted[1:]:
        if wish.attempts < last:
            if count:
                yield count, ended - begun
            count, last = 0, 0
        if wish.attempts > last:
            begun, ended = begun if count else wish.asked, wish.answered
            count += wish.attempts - last
        last = wish.attempts
    if count:
        yield count, ended - begun
