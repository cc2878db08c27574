"""Fields that may not change."""

from typing import Any

from ..api.status import Cause, cause, invalid_value
from ..merge.patches import merge_patch

Object = dict[str, Any]
_IMMUTABLE: dict[str, tuple[str, ...]] = {
    "Deployment": ("spec.selector",),
    "ReplicaSet": ("spec.selector",),
    "DaemonSet": ("spec.selector",),
    "Job": ("spec.selector", "spec.template", "spec.completionMode"),
    "Secret": ("type",),
    "RoleBinding": ("roleRef",),
    "ClusterRoleBinding": ("roleRef",),
}
_STATEFUL_SET_FREE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)


def check_change(kind: str, old: Object, new: Object) -> list[Cause]:
    """Faults of a change from old to new."""
    found = [
        invalid_value(path, _read(new, path), "field is immutable")
        for path in _IMMUTABLE.get(kind, ())
        if _read(old, path) != _read(new, path)
    ]
    match kind:
        case "Service":
            found += _service(old, new)
        case "Pod":
            found += _pod(old, new)
        case "StatefulSet":
            found += _stateful_set(old, new)
        case "ConfigMap" | "Secret":
            found += _sealed(old, new)
    return found


def _read(obj: Object, path: str) -> Any:
    value: Any = obj
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _forbidden(field: str, detail: str) -> Cause:
    return cause("FieldValueForbidden", f"Forbidden: {detail}", field)


def _service(old: Object, new: Object) -> list[Cause]:
    before, after = old.get("spec", {}).get("clusterIP"), new.get("spec", {}).get("clusterIP")
    if before in (None, "") or new["spec"].get("type") == "ExternalName" or before == after:
        return []
    return [invalid_value("spec.clusterIPs[0]", [after], "may not change once set")]


def _pod(old: Object, new: Object) -> list[Cause]:
    free: Object = {"activeDeadlineSeconds": None, "terminationGracePeriodSeconds": None, "tolerations": None}

    def fixed(obj: Object) -> Object:
        spec = merge_patch(obj.get("spec", {}), free)
        for group in ("containers", "initContainers"):
            spec[group] = [one | {"image": ""} for one in spec.get(group, ())]
        return spec

    if fixed(old) == fixed(new):
        return []
    detail = (
        "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
        "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
        "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
    )
    return [_forbidden("spec", detail)]


def _stateful_set(old: Object, new: Object) -> list[Cause]:
    free = dict.fromkeys(_STATEFUL_SET_FREE)
    if merge_patch(old.get("spec", {}), free) == merge_patch(new.get("spec", {}), free):
        return []
    listed = ", ".join(f"'{name}'" for name in _STATEFUL_SET_FREE[:-1])
    detail = f"updates to statefulset spec for fields other than {listed} and 'minReadySeconds' are forbidden"
    return [_forbidden("spec", detail)]


def _sealed(old: Object, new: Object) -> list[Cause]:
    if not old.get("immutable"):
        return []
    found = []
    if not new.get("immutable"):
        found.append(_forbidden("immutable", "field is immutable when `immutable` is set"))
    for group in ("data", "binaryData"):
        if old.get(group) != new.get(group):
            found.append(_forbidden(group, "field is immutable when `immutable` is set"))
    return found
