"""Deployments: one ReplicaSet per pod template, rolled over in visible steps."""

import time

import orjson

from .. import writes
from ..clock import seconds_since, timestamp
from ..cluster import Cluster
from ..kinds import BY_NAME
from ..store import Object
from .common import (
    AUTHOR,
    children,
    owner_reference,
    resolve,
    save_status,
    set_condition,
    template_hash,
)
from .events import record

DEPLOYMENT, REPLICA_SET = BY_NAME["Deployment"], BY_NAME["ReplicaSet"]
REVISION = "deployment.kubernetes.io/revision"
HASH_LABEL = "pod-template-hash"


def sync(cluster: Cluster, namespace: str, name: str) -> None:
    """Take the rollout one step further and say how far it is."""
    deployment = cluster.store.get("Deployment", namespace, name)
    if deployment is None or "deletionTimestamp" in deployment["metadata"]:
        return
    sets = children(cluster, deployment, "ReplicaSet")
    current = _current(deployment, sets)
    created = False
    if not deployment["spec"].get("paused"):
        if current is None and _may_start(deployment, sets):
            current = _create(cluster, deployment, sets)
            created = True
        elif current is not None:
            current = _follow(cluster, deployment, current, sets)
        deployment = cluster.store.get("Deployment", namespace, name) or deployment
    sets = children(cluster, deployment, "ReplicaSet")
    _roll(cluster, deployment, current, sets)
    sets = children(cluster, deployment, "ReplicaSet")
    deployment = cluster.store.get("Deployment", namespace, name) or deployment
    _write_status(cluster, deployment, current, sets, created)
    _forget_old(cluster, deployment, current, sets)


def _template_of(replica_set: Object) -> Object:
    """The template without the hash label that the ReplicaSet added."""
    template: Object = orjson.loads(orjson.dumps(replica_set["spec"]["template"]))
    template["metadata"].get("labels", {}).pop(HASH_LABEL, None)
    return template


def _current(deployment: Object, sets: list[Object]) -> Object | None:
    template = deployment["spec"]["template"]
    return next((one for one in sets if _template_of(one) == template), None)


def _revision(replica_set: Object) -> int:
    return int((replica_set["metadata"].get("annotations") or {}).get(REVISION, "0"))


def _may_start(deployment: Object, sets: list[Object]) -> bool:
    """Recreate waits until the old pods are gone."""
    if deployment["spec"]["strategy"]["type"] != "Recreate":
        return True
    return not any(one["spec"]["replicas"] or one.get("status", {}).get("replicas") for one in sets)


def _create(cluster: Cluster, deployment: Object, sets: list[Object]) -> Object:
    meta, spec = deployment["metadata"], deployment["spec"]
    short = template_hash(spec["template"])
    template = orjson.loads(orjson.dumps(spec["template"]))
    template["metadata"].setdefault("labels", {})[HASH_LABEL] = short
    selector = orjson.loads(orjson.dumps(spec["selector"]))
    selector.setdefault("matchLabels", {})[HASH_LABEL] = short
    revision = str(max(map(_revision, sets), default=0) + 1)
    body: Object = {
        "metadata": {
            "name": f"{meta['name']}-{short}",
            "labels": template["metadata"]["labels"],
            "annotations": {
                "deployment.kubernetes.io/desired-replicas": str(spec["replicas"]),
                "deployment.kubernetes.io/max-replicas": str(spec["replicas"] + _surge(deployment)),
                REVISION: revision,
            },
            "ownerReferences": [owner_reference(DEPLOYMENT, deployment)],
        },
        "spec": {"replicas": 0, "selector": selector, "template": template},
    }
    if spec.get("minReadySeconds"):
        body["spec"]["minReadySeconds"] = spec["minReadySeconds"]
    body = orjson.loads(orjson.dumps(body))
    created = writes.create(cluster, REPLICA_SET, meta["namespace"], body, AUTHOR)
    _annotate(cluster, deployment, revision)
    return created


def _annotate(cluster: Cluster, deployment: Object, revision: str) -> None:
    def change(obj: Object) -> Object:
        obj["metadata"].setdefault("annotations", {})[REVISION] = revision
        return obj

    meta = deployment["metadata"]
    writes.modify(cluster, DEPLOYMENT, meta["namespace"], meta["name"], change, AUTHOR)


def _follow(cluster: Cluster, deployment: Object, current: Object, sets: list[Object]) -> Object:
    """A template that was used before becomes the newest revision again; minReadySeconds is the Deployment's."""
    newest = max(map(_revision, sets))
    min_ready = deployment["spec"].get("minReadySeconds", 0)
    is_newest = _revision(current) == newest
    if is_newest and current["spec"].get("minReadySeconds", 0) == min_ready:
        return current
    revision = str(newest if is_newest else newest + 1)

    def change(obj: Object) -> Object:
        obj["metadata"].setdefault("annotations", {})[REVISION] = revision
        obj["spec"].pop("minReadySeconds", None)
        if min_ready:
            obj["spec"]["minReadySeconds"] = min_ready
        return obj

    meta = current["metadata"]
    if not is_newest:
        _annotate(cluster, deployment, revision)
    return writes.modify(cluster, REPLICA_SET, meta["namespace"], meta["name"], change, AUTHOR)


def _surge(deployment: Object) -> int:
    spec = deployment["spec"]
    rolling = spec["strategy"].get("rollingUpdate") or {}
    return resolve(rolling.get("maxSurge", 0), spec["replicas"], round_up=True)


def _max_unavailable(deployment: Object) -> int:
    spec = deployment["spec"]
    if spec["strategy"]["type"] == "Recreate":
        return 0
    rolling = spec["strategy"].get("rollingUpdate") or {}
    found = resolve(rolling.get("maxUnavailable", 0), spec["replicas"], round_up=False)
    return min(found or (0 if _surge(deployment) else 1), spec["replicas"])


def _scale(cluster: Cluster, deployment: Object, replica_set: Object, replicas: int) -> None:
    meta = replica_set["metadata"]
    before = replica_set["spec"]["replicas"]
    if replicas == before:
        return

    def change(obj: Object) -> Object:
        obj["spec"]["replicas"] = replicas
        return obj

    writes.modify(cluster, REPLICA_SET, meta["namespace"], meta["name"], change, AUTHOR)
    direction = "up" if replicas > before else "down"
    text = f"Scaled {direction} replica set {meta['name']} from {before} to {replicas}"
    record(cluster, DEPLOYMENT, deployment, "Normal", "ScalingReplicaSet", text, "deployment-controller")


def _roll(cluster: Cluster, deployment: Object, current: Object | None, sets: list[Object]) -> None:
    """One step towards the wanted replicas."""
    spec, uid = deployment["spec"], deployment["metadata"]["uid"]
    old = [one for one in sets if not current or one["metadata"]["uid"] != current["metadata"]["uid"]]
    busy = [one for one in old if one["spec"]["replicas"]]
    if current is None or spec.get("paused"):
        if spec.get("paused") and current and not busy:
            _scale(cluster, deployment, current, spec["replicas"])
        if not spec.get("paused"):
            for one in busy:
                _scale(cluster, deployment, one, 0)
        return
    current = next(one for one in sets if one["metadata"]["uid"] == current["metadata"]["uid"])
    if not busy:
        cluster.steps.pop(uid, None)
        _scale(cluster, deployment, current, spec["replicas"])
        return
    wait = cluster.steps.get(uid, 0.0) - time.monotonic()
    if wait > 0:
        cluster.later(wait, "Deployment", deployment["metadata"]["namespace"], deployment["metadata"]["name"])
        return
    if _grow(cluster, deployment, current, sets) | _shrink(cluster, deployment, current, sets, busy):
        cluster.steps[uid] = time.monotonic() + cluster.timing.rollout_step


def _grow(cluster: Cluster, deployment: Object, current: Object, sets: list[Object]) -> bool:
    desired = deployment["spec"]["replicas"]
    total = sum(one["spec"]["replicas"] for one in sets)
    have = current["spec"]["replicas"]
    room = min(desired + _surge(deployment) - total, desired - have)
    wanted = desired if have > desired else have + max(0, room)
    _scale(cluster, deployment, current, wanted)
    changed = wanted != have
    current["spec"]["replicas"] = wanted
    return changed


def _shrink(cluster: Cluster, deployment: Object, current: Object, sets: list[Object], busy: list[Object]) -> bool:
    """Old replicas go: those that are not available first, then as far as the minimum allows."""
    minimum = deployment["spec"]["replicas"] - _max_unavailable(deployment)
    total = sum(one["spec"]["replicas"] for one in sets)
    missing = current["spec"]["replicas"] - _available(current)
    room = total - minimum - max(0, missing)
    wanted = {one["metadata"]["uid"]: one["spec"]["replicas"] for one in busy}
    for one in busy:
        unhealthy = max(0, one["spec"]["replicas"] - _available(one))
        taken = min(room, unhealthy)
        if taken > 0:
            wanted[one["metadata"]["uid"]] -= taken
            room -= taken
    spare = sum(_available(one) for one in sets) - minimum
    for one in busy:
        taken = min(spare, room, wanted[one["metadata"]["uid"]])
        if taken > 0:
            wanted[one["metadata"]["uid"]] -= taken
            spare, room = spare - taken, room - taken
    changed = False
    for one in busy:
        replicas = wanted[one["metadata"]["uid"]]
        changed |= replicas != one["spec"]["replicas"]
        _scale(cluster, deployment, one, replicas)
    return changed


def _available(replica_set: Object) -> int:
    return int(replica_set.get("status", {}).get("availableReplicas", 0))


def _write_status(
    cluster: Cluster, deployment: Object, current: Object | None, sets: list[Object], created: bool
) -> None:
    spec, old = deployment["spec"], deployment.get("status", {})
    uid = current["metadata"]["uid"] if current else ""
    total = sum(one.get("status", {}).get("replicas", 0) for one in sets)
    updated = sum(one.get("status", {}).get("replicas", 0) for one in sets if one["metadata"]["uid"] == uid)
    ready = sum(one.get("status", {}).get("readyReplicas", 0) for one in sets)
    available = sum(map(_available, sets))
    counts = {
        "replicas": total,
        "updatedReplicas": updated,
        "readyReplicas": ready,
        "availableReplicas": available,
        "unavailableReplicas": max(0, sum(one["spec"]["replicas"] for one in sets) - available),
    }
    status: Object = {"observedGeneration": deployment["metadata"]["generation"]}
    status |= {key: value for key, value in counts.items() if value}
    conditions = orjson.loads(orjson.dumps(old.get("conditions", [])))
    enough = available >= spec["replicas"] - _max_unavailable(deployment)
    text = "Deployment has minimum availability." if enough else "Deployment does not have minimum availability."
    reason = "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable"
    changed = set_condition(conditions, "Available", str(enough), reason, text)
    if changed:
        next(one for one in conditions if one["type"] == "Available")["lastUpdateTime"] = timestamp()
    _progress(cluster, deployment, current, old, counts, conditions, created)
    status["conditions"] = conditions
    save_status(cluster, DEPLOYMENT, deployment, status)


def _progress(
    cluster: Cluster,
    deployment: Object,
    current: Object | None,
    old: Object,
    counts: dict[str, int],
    conditions: list[Object],
    created: bool,
) -> None:
    """The Progressing condition: complete, moving, or past its deadline."""
    spec, desired = deployment["spec"], deployment["spec"]["replicas"]
    now = timestamp()
    if spec.get("paused"):
        set_condition(
            conditions, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused", lastUpdateTime=now
        )
        return
    if current is None:
        return
    shown = f'ReplicaSet "{current["metadata"]["name"]}"'
    complete = counts["updatedReplicas"] == counts["replicas"] == counts["availableReplicas"] == desired
    before = next((one for one in conditions if one["type"] == "Progressing"), None)
    if complete:
        set_condition(
            conditions,
            "Progressing",
            "True",
            "NewReplicaSetAvailable",
            f"{shown} has successfully progressed.",
            lastUpdateTime=now,
        )
        return
    if created:
        text = f'Created new replica set "{current["metadata"]["name"]}"'
        set_condition(conditions, "Progressing", "True", "NewReplicaSetCreated", text, lastUpdateTime=now)
    elif before is None or _moved(old, counts):
        set_condition(
            conditions, "Progressing", "True", "ReplicaSetUpdated", f"{shown} is progressing.", lastUpdateTime=now
        )
        next(one for one in conditions if one["type"] == "Progressing")["lastUpdateTime"] = now
    elif before["reason"] != "NewReplicaSetAvailable":
        _check_deadline(cluster, deployment, before, conditions, f"{shown} has timed out progressing.")
        return
    deadline = spec["progressDeadlineSeconds"] * cluster.timing.time_scale
    cluster.later(deadline + 0.1, "Deployment", deployment["metadata"]["namespace"], deployment["metadata"]["name"])


def _check_deadline(cluster: Cluster, deployment: Object, before: Object, conditions: list[Object], text: str) -> None:
    if before["reason"] == "ProgressDeadlineExceeded":
        return
    deadline = deployment["spec"]["progressDeadlineSeconds"] * cluster.timing.time_scale
    left = deadline - seconds_since(before["lastUpdateTime"])
    if left > 0:
        meta = deployment["metadata"]
        cluster.later(left + 0.1, "Deployment", meta["namespace"], meta["name"])
        return
    set_condition(conditions, "Progressing", "False", "ProgressDeadlineExceeded", text, lastUpdateTime=timestamp())


def _moved(old: Object, counts: dict[str, int]) -> bool:
    waiting = counts["replicas"] - counts["updatedReplicas"]
    return any(
        counts[key] > old.get(key, 0) for key in ("updatedReplicas", "readyReplicas", "availableReplicas")
    ) or waiting < old.get("replicas", 0) - old.get("updatedReplicas", 0)


def _forget_old(cluster: Cluster, deployment: Object, current: Object | None, sets: list[Object]) -> None:
    """Keep as many empty old ReplicaSets as revisionHistoryLimit says."""
    uid = current["metadata"]["uid"] if current else ""
    empty = [
        one
        for one in sets
        if one["metadata"]["uid"] != uid and not one["spec"]["replicas"] and not one.get("status", {}).get("replicas")
    ]
    excess = len(empty) - deployment["spec"]["revisionHistoryLimit"]
    for one in sorted(empty, key=_revision)[: max(0, excess)]:
        cluster.store.remove(REPLICA_SET, one["metadata"]["namespace"], one["metadata"]["name"])
