"""Pod specs and templates."""

from collections.abc import Sequence
from typing import Any

from .. import quantities
from ..api.status import Cause, cause, duplicate, invalid_value, required, unsupported
from .names import label_name_faults

Object = dict[str, Any]
_POLICIES = ("Always", "IfNotPresent", "Never")
_PROTOCOLS = ("SCTP", "TCP", "UDP")


def pod_spec_faults(
    spec: Object | None, field: str, restart: tuple[str, ...] | None = None, claims: Sequence[str] = ()
) -> list[Cause]:
    """Faults of a pod spec; `restart` limits its restartPolicy, `claims` are volumes that its owner will add."""
    if not spec or not spec.get("containers"):
        return [required(f"{field}.containers")]
    found: list[Cause] = []
    volumes = [volume.get("name", "") for volume in spec.get("volumes", ())]
    for index, name in enumerate(volumes):
        where = f"{field}.volumes[{index}].name"
        found += label_name_faults(name, where) if name else [required(where)]
        if name in volumes[:index]:
            found.append(duplicate(where, name))
    names: list[str] = []
    for group in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(group, ())):
            where = f"{field}.{group}[{index}]"
            found += _container_faults(container, where, [*volumes, *claims])
            name = container.get("name", "")
            if name and name in names:
                found.append(duplicate(f"{where}.name", name))
            names.append(name)
    policy = spec.get("restartPolicy", "Always")
    if restart and policy not in restart:
        if restart == ("OnFailure", "Never") and policy == "Always":
            found.append(required(f"{field}.restartPolicy", 'valid values: "OnFailure", "Never"'))
        else:
            found.append(unsupported(f"{field}.restartPolicy", policy, restart))
    elif policy not in ("Always", "OnFailure", "Never"):
        found.append(unsupported(f"{field}.restartPolicy", policy, ("Always", "OnFailure", "Never")))
    return found


def _container_faults(container: Object, field: str, volumes: list[str]) -> list[Cause]:
    found: list[Cause] = []
    name = container.get("name", "")
    found += label_name_faults(name, f"{field}.name") if name else [required(f"{field}.name")]
    image = container.get("image", "")
    if not image:
        found.append(required(f"{field}.image"))
    elif image != image.strip():
        found.append(invalid_value(f"{field}.image", image, "must not have leading or trailing whitespace"))
    if container.get("imagePullPolicy", "Always") not in _POLICIES:
        found.append(unsupported(f"{field}.imagePullPolicy", container["imagePullPolicy"], _POLICIES))
    for index, port in enumerate(container.get("ports", ())):
        found += _port_faults(port, f"{field}.ports[{index}]")
    for index, variable in enumerate(container.get("env", ())):
        if not variable.get("name"):
            found.append(required(f"{field}.env[{index}].name"))
    mounted: list[str] = []
    for index, mount in enumerate(container.get("volumeMounts", ())):
        where = f"{field}.volumeMounts[{index}]"
        if mount.get("name") not in volumes:
            found.append(cause("FieldValueNotFound", f'Not found: "{mount.get("name", "")}"', f"{where}.name"))
        path = mount.get("mountPath", "")
        if not path:
            found.append(required(f"{where}.mountPath"))
        elif path in mounted:
            found.append(invalid_value(f"{where}.mountPath", path, "must be unique"))
        mounted.append(path)
    found += _resource_faults(container.get("resources", {}), f"{field}.resources")
    return found


def _port_faults(port: Object, field: str) -> list[Cause]:
    found: list[Cause] = []
    for name in ("containerPort", "hostPort"):
        number = port.get(name)
        if number is None:
            if name == "containerPort":
                found.append(required(f"{field}.{name}"))
        elif not 0 < number < 65536:
            found.append(invalid_value(f"{field}.{name}", number, "must be between 1 and 65535, inclusive"))
    if port.get("protocol", "TCP") not in _PROTOCOLS:
        found.append(unsupported(f"{field}.protocol", port["protocol"], _PROTOCOLS))
    return found


def _resource_faults(resources: Object, field: str) -> list[Cause]:
    found: list[Cause] = []
    limits = resources.get("limits", {})
    for group in ("limits", "requests"):
        for name, text in resources.get(group, {}).items():
            if quantities.parse(text) < 0:
                found.append(invalid_value(f"{field}.{group}[{name}]", text, "must be greater than or equal to 0"))
    for name, text in resources.get("requests", {}).items():
        if name in limits and quantities.parse(text) > quantities.parse(limits[name]):
            found.append(
                invalid_value(
                    f"{field}.requests", text, f"must be less than or equal to {name} limit of {limits[name]}"
                )
            )
    return found
