"""Rules for the content of an object, new or changed."""

import re
from collections.abc import Callable
from typing import Any

from ..api.status import Cause, cause, duplicate, invalid_value, required, unsupported
from ..selectors import selects
from .names import label_faults, label_name_faults
from .pods import pod_spec_faults

Object = dict[str, Any]
_CONFIG_KEY = r"[-._a-zA-Z0-9]+"
_SERVICE_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")


def check_new(kind: str, obj: Object) -> list[Cause]:
    """Faults of the object's content."""
    checker = _CHECKERS.get(kind)
    return checker(obj) if checker else []


def _pod(obj: Object) -> list[Cause]:
    return pod_spec_faults(obj.get("spec"), "spec")


def _workload(obj: Object, restart: tuple[str, ...] = ("Always",)) -> list[Cause]:
    spec = obj.get("spec", {})
    found = replica_faults(spec.get("replicas", 0), "spec.replicas")
    found += _minus_faults(spec.get("minReadySeconds", 0), "spec.minReadySeconds")
    template = spec.get("template") or {}
    labels = template.get("metadata", {}).get("labels") or {}
    selector = spec.get("selector")
    if selector is None:
        found.append(required("spec.selector"))
    elif not selector.get("matchLabels") and not selector.get("matchExpressions"):
        found.append(invalid_value("spec.selector", selector, "empty selector is invalid for deployment"))
    elif not selects(selector, labels):
        found.append(
            invalid_value("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")
        )
    found += label_faults(labels, "spec.template.labels")
    claims = [claim.get("metadata", {}).get("name", "") for claim in spec.get("volumeClaimTemplates") or ()]
    return found + pod_spec_faults(template.get("spec"), "spec.template.spec", restart, claims)


def replica_faults(value: int, field: str) -> list[Cause]:
    """Replicas cannot be negative."""
    return _minus_faults(value, field)


def _minus_faults(value: int, field: str) -> list[Cause]:
    return [invalid_value(field, value, "must be greater than or equal to 0")] if value < 0 else []


def _is_zero(value: Any) -> bool:
    return value in (0, "0", "0%")


def _deployment(obj: Object) -> list[Cause]:
    found = _workload(obj)
    spec = obj["spec"]
    strategy = spec.get("strategy", {})
    kind, rolling = strategy.get("type"), strategy.get("rollingUpdate")
    if kind not in ("Recreate", "RollingUpdate"):
        found.append(unsupported("spec.strategy.type", kind, ("Recreate", "RollingUpdate")))
    if kind == "Recreate" and rolling is not None:
        found.append(
            cause(
                "FieldValueForbidden",
                "Forbidden: may not be specified when strategy `type` is 'Recreate'",
                "spec.strategy.rollingUpdate",
            )
        )
    if kind == "RollingUpdate" and rolling is not None:
        field = "spec.strategy.rollingUpdate"
        for name in ("maxUnavailable", "maxSurge"):
            found += _percent_faults(rolling.get(name, 0), f"{field}.{name}")
        unavailable = rolling.get("maxUnavailable", 0)
        if _is_zero(unavailable) and _is_zero(rolling.get("maxSurge", 0)):
            found.append(invalid_value(f"{field}.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0"))
    if spec.get("progressDeadlineSeconds", 600) <= spec.get("minReadySeconds", 0):
        found.append(
            invalid_value(
                "spec.progressDeadlineSeconds", spec["progressDeadlineSeconds"], "must be greater than minReadySeconds"
            )
        )
    return found


def _percent_faults(value: Any, field: str) -> list[Cause]:
    if isinstance(value, int):
        return _minus_faults(value, field)
    if not re.fullmatch(r"[0-9]+%", value):
        detail = (
            "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', "
            "regex used for validation is '[0-9]+%')"
        )
        return [invalid_value(field, value, detail)]
    return []


def _daemon_set(obj: Object) -> list[Cause]:
    found = _workload(obj)
    strategy = obj["spec"].get("updateStrategy", {})
    rolling = strategy.get("rollingUpdate") or {}
    if strategy.get("type") == "RollingUpdate":
        field = "spec.updateStrategy.rollingUpdate"
        surge, unavailable = rolling.get("maxSurge", 0), rolling.get("maxUnavailable", 0)
        if _is_zero(unavailable) and _is_zero(surge):
            found.append(required(f"{field}.maxUnavailable", "cannot be 0 when maxSurge is 0"))
        elif not _is_zero(unavailable) and not _is_zero(surge):
            found.append(invalid_value(f"{field}.maxSurge", surge, "may not be set when maxUnavailable is non-zero"))
    return found


def _job(obj: Object) -> list[Cause]:
    spec = obj.get("spec", {})
    template = spec.get("template") or {}
    return pod_spec_faults(template.get("spec"), "spec.template.spec", ("OnFailure", "Never"))


def _cron_job(obj: Object) -> list[Cause]:
    spec = obj.get("spec", {})
    found = [] if spec.get("schedule") else [required("spec.schedule")]
    if spec.get("schedule") and len(spec["schedule"].split()) != 5 and not spec["schedule"].startswith("@"):
        detail = f"expected exactly 5 fields, found {len(spec['schedule'].split())}: {spec['schedule'].split()}"
        found.append(invalid_value("spec.schedule", spec["schedule"], detail))
    template = spec.get("jobTemplate", {}).get("spec", {}).get("template") or {}
    return found + pod_spec_faults(template.get("spec"), "spec.jobTemplate.spec.template.spec", ("OnFailure", "Never"))


def _service(obj: Object) -> list[Cause]:
    spec = obj.get("spec", {})
    kind = spec.get("type")
    found: list[Cause] = []
    if kind not in _SERVICE_TYPES:
        found.append(unsupported("spec.type", kind, _SERVICE_TYPES))
    ports = spec.get("ports", [])
    if not ports and kind != "ExternalName" and spec.get("clusterIP") != "None":
        found.append(required("spec.ports"))
    if kind == "ExternalName" and not spec.get("externalName"):
        found.append(required("spec.externalName"))
    names: list[str] = []
    for index, port in enumerate(ports):
        field = f"spec.ports[{index}]"
        name = port.get("name", "")
        if name:
            found += label_name_faults(name, f"{field}.name")
        elif len(ports) > 1:
            found.append(required(f"{field}.name"))
        if name and name in names:
            found.append(duplicate(f"{field}.name", name))
        names.append(name)
        if not 0 < port.get("port", 0) < 65536:
            found.append(invalid_value(f"{field}.port", port.get("port", 0), "must be between 1 and 65535, inclusive"))
        if port.get("protocol", "TCP") not in ("SCTP", "TCP", "UDP"):
            found.append(unsupported(f"{field}.protocol", port["protocol"], ("SCTP", "TCP", "UDP")))
    return found + label_faults(spec.get("selector") or {}, "spec.selector")


def _keys(obj: Object) -> list[Cause]:
    found: list[Cause] = []
    for group in ("data", "binaryData"):
        for key in obj.get(group, {}):
            if not re.fullmatch(_CONFIG_KEY, key):
                detail = (
                    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  "
                    f"or 'KEY_NAME',  or 'key-name', regex used for validation is '{_CONFIG_KEY}')"
                )
                found.append(invalid_value(f"{group}[{key}]", key, detail))
    return found


_SECRET_KEYS = {
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}


def _secret(obj: Object) -> list[Cause]:
    found = _keys(obj)
    for key in _SECRET_KEYS.get(obj.get("type", ""), ()):
        if key not in obj.get("data", {}):
            found.append(required(f"data[{key}]"))
    return found


def _autoscaler(obj: Object) -> list[Cause]:
    spec = obj.get("spec", {})
    low, high = spec.get("minReplicas", 1), spec.get("maxReplicas", 0)
    found: list[Cause] = []
    if low < 1:
        found.append(invalid_value("spec.minReplicas", low, "must be greater than or equal to 1"))
    if high < 1:
        found.append(invalid_value("spec.maxReplicas", high, "must be greater than 0"))
    elif high < low:
        found.append(invalid_value("spec.maxReplicas", high, "must be greater than or equal to `minReplicas`"))
    target = spec.get("scaleTargetRef", {})
    found += [required(f"spec.scaleTargetRef.{name}") for name in ("kind", "name") if not target.get(name)]
    return found


def _ingress(obj: Object) -> list[Cause]:
    spec = obj.get("spec", {})
    if not spec.get("rules") and not spec.get("defaultBackend"):
        return [invalid_value("spec", "", "either `defaultBackend` or `rules` must be specified")]
    return []


_CHECKERS: dict[str, Callable[[Object], list[Cause]]] = {
    "Pod": _pod,
    "Deployment": _deployment,
    "ReplicaSet": _workload,
    "DaemonSet": _daemon_set,
    "StatefulSet": _workload,
    "Job": _job,
    "CronJob": _cron_job,
    "Service": _service,
    "ConfigMap": _keys,
    "Secret": _secret,
    "HorizontalPodAutoscaler": _autoscaler,
    "Ingress": _ingress,
}
