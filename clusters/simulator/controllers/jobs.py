"""Jobs: pods that run to their end."""

from ..clock import timestamp
from ..cluster import Cluster
from ..kinds import BY_NAME
from ..store import Object
from .common import children, create_pod, is_active, ready_since, save_status, set_condition

JOB = BY_NAME["Job"]


def sync(cluster: Cluster, namespace: str, name: str) -> None:
    """Run pods until enough succeeded or too many failed."""
    job = cluster.store.get("Job", namespace, name)
    if job is None or "deletionTimestamp" in job["metadata"]:
        return
    status: Object = dict(job.get("status", {}))
    if any(one["type"] in ("Complete", "Failed") and one["status"] == "True" for one in status.get("conditions", ())):
        return
    spec = job["spec"]
    pods = children(cluster, job, "Pod")
    phases = [pod["status"]["phase"] for pod in pods]
    succeeded, failed = phases.count("Succeeded"), phases.count("Failed")
    active = [pod for pod in pods if is_active(pod)]
    wanted = spec.get("completions", 1)
    over = succeeded >= wanted or failed > spec["backoffLimit"]
    if not over and not spec.get("suspend"):
        for _ in range(min(spec["parallelism"], wanted - succeeded) - len(active)):
            create_pod(cluster, JOB, job, labels={})
        active = [pod for pod in children(cluster, job, "Pod") if is_active(pod)]
    status.setdefault("startTime", timestamp())
    counts = {"active": len(active), "succeeded": succeeded, "failed": failed}
    for key, value in counts.items():
        if value:
            status[key] = value
        else:
            status.pop(key, None)
    status["ready"] = sum(ready_since(pod) is not None for pod in active)
    status["terminating"] = 0
    status["uncountedTerminatedPods"] = {}
    if over:
        _finish(status, succeeded >= wanted)
    save_status(cluster, JOB, job, status)


def _finish(status: Object, complete: bool) -> None:
    conditions = [dict(one) for one in status.get("conditions", ())]
    if complete:
        text = "Reached expected number of succeeded pods"
        for kind in ("SuccessCriteriaMet", "Complete"):
            set_condition(conditions, kind, "True", "CompletionsReached", text, lastProbeTime=timestamp())
        status["completionTime"] = timestamp()
    else:
        text = "Job has reached the specified backoff limit"
        for kind in ("FailureTarget", "Failed"):
            set_condition(conditions, kind, "True", "BackoffLimitExceeded", text, lastProbeTime=timestamp())
    status["conditions"] = conditions
