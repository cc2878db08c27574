"""What observed workloads amount to: pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clusters.drivers.base import Observed, ObservedNode, ObservedPod, Workload
from otestack.sentences import say


@dataclass(slots=True)
class Health:
    """Of one placement. running, error, total: pods. reason: why it is not ready, in one line."""

    ready: bool = True
    running: int = 0
    error: int = 0
    total: int = 0
    reason: str = ""
    stalled: bool = False


def is_ready(workload: Workload) -> bool:
    """Return whether a workload is exactly what it should be."""
    return (
        workload.observed
        and workload.surplus == 0
        and workload.current >= workload.wanted
        and workload.available >= workload.wanted
    )


def health(
    objects: Sequence[Observed],
    nodes: Sequence[ObservedNode],
    node_label: str,
    pods: Mapping[str, Sequence[ObservedPod]],
) -> Health:
    """Return the health of a placement whose objects are all there as applied.

    pods: of the workloads that are not ready, by the workload's key. What has no pods is ready when it is there.
    """
    result = Health()
    workloads = [(item, item.workload) for item in objects if item.workload is not None]
    for item, workload in workloads:
        result.total += workload.wanted
        result.running += min(workload.available, workload.wanted)
        if is_ready(workload) and not (item.ref.kind == "apps/v1/DaemonSet" and workload.wanted == 0):
            continue
        result.ready = False
        troubled = [pod.trouble for pod in pods.get(item.ref.key, []) if pod.trouble]
        result.error += len(troubled)
        stalled = workload.stalled if workload.observed else ""  # else it speaks of an older generation
        result.stalled = result.stalled or bool(stalled)
        result.reason = result.reason or next(iter(troubled), "") or stalled
        if not result.reason and workload.observed and workload.wanted == 0:
            result.reason = say("no node takes it")
    if workloads and node_label and not any(node_label in node.labels for node in nodes):
        result.ready = False
        result.reason = say("no node carries label %(node_label)s", node_label=node_label)
    return result
