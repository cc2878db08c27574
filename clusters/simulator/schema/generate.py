"""Write types.json from the JSON schemas that Kubernetes publishes.

Run by hand for a new Kubernetes version, with kubernetes-validate installed:
    python -m clusters.simulator.schema.generate _definitions.json
The file holds only what the simulator decides by: field names, their types,
and how lists and maps merge.
"""

import json
import sys
from pathlib import Path
from typing import Any

from ..kinds import KINDS

PREFIXES = ("io.k8s.api.", "io.k8s.apimachinery.pkg.apis.", "io.k8s.apimachinery.pkg.")
SCALARS = {
    "api.resource.Quantity": "quantity",
    "util.intstr.IntOrString": "intstr",
    "meta.v1.Time": "time",
    "meta.v1.MicroTime": "time",
    "meta.v1.FieldsV1": "any",
    "runtime.RawExtension": "any",
}


def short(reference: str) -> str:
    """Name a definition without the common prefix."""
    name = reference.removeprefix("#/$defs/")
    for prefix in PREFIXES:
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return name


def describe(spec: dict[str, Any]) -> Any:
    """One field's type: a scalar's name, "@Type", or how a list or map merges."""
    if "$ref" in spec:
        name = short(spec["$ref"])
        return SCALARS.get(name, "@" + name)
    kinds = spec.get("type", "any")
    kind = next((k for k in kinds if k != "null"), "any") if isinstance(kinds, list) else kinds
    if kind == "array":
        return describe_list(spec)
    if kind == "object" and "additionalProperties" in spec:
        found = {"map": describe(spec["additionalProperties"])}
        if spec.get("x-kubernetes-map-type") == "atomic":
            found["atomic"] = True
        return found
    return "any" if kind == "object" else kind


def describe_list(spec: dict[str, Any]) -> dict[str, Any]:
    """A list's items and how they merge."""
    found: dict[str, Any] = {"list": describe(spec["items"])}
    kind = spec.get("x-kubernetes-list-type", "atomic")
    if kind != "atomic":
        found["type"] = kind
    if kind == "map":
        found["keys"] = spec["x-kubernetes-list-map-keys"]
    strategy = spec.get("x-kubernetes-patch-strategy", "")
    if "merge" in strategy.split(","):
        found["patch"] = spec.get("x-kubernetes-patch-merge-key", "")
    return found


def generate(definitions: dict[str, Any]) -> dict[str, Any]:
    """All types that the simulator's kinds reach."""
    by_name = {short(name): spec for name, spec in definitions.items()}
    types: dict[str, Any] = {}
    queue = sorted({kind.schema for kind in KINDS} | {"autoscaling.v1.Scale", "policy.v1.Eviction"})
    while queue:
        name = queue.pop()
        if name in types:
            continue
        spec = by_name[name]
        fields = {key: describe(value) for key, value in spec.get("properties", {}).items()}
        types[name] = {"fields": fields}
        if spec.get("x-kubernetes-map-type") == "atomic":
            types[name]["atomic"] = True
        if spec.get("required"):
            types[name]["required"] = spec["required"]
        queue += [found for value in fields.values() for found in references(value)]
    return types


def references(described: Any) -> list[str]:
    """The types that a description names."""
    if isinstance(described, str):
        return [described[1:]] if described.startswith("@") else []
    return references(described.get("list") or described.get("map"))


def main() -> None:
    """Read the definitions, write types.json."""
    definitions = json.loads(Path(sys.argv[1]).read_text())["$defs"]
    types = generate(definitions)
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(types[name], sort_keys=True)}" for name in sorted(types))
    Path(__file__).with_name("types.json").write_text("{\n" + lines + "\n}\n")


if __name__ == "__main__":
    main()
