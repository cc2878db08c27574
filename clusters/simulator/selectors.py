"""Label and field selectors, as text in a query and as objects in a spec."""

import re
from collections.abc import Callable, Mapping
from typing import Any

Labels = Mapping[str, str]
Test = Callable[[Labels], bool]

_SET = re.compile(r"^\s*([^\s!=,()]+)\s+(in|notin)\s*\(([^)]*)\)\s*$")
_EQUAL = re.compile(r"^\s*([^\s!=,()]+)\s*(==|=|!=)\s*([^\s=!,()]*)\s*$")
_EXISTS = re.compile(r"^\s*(!?)\s*([^\s!=,()]+)\s*$")
_ORDER = re.compile(r"^\s*([^\s!=,()<>]+)\s*(<|>)\s*(-?\d+)\s*$")


class BadSelector(ValueError):
    """The selector's text cannot be read."""


def parse_labels(text: str) -> Test | None:
    """The test of a labelSelector; None when everything matches."""
    tests = [_label_test(part) for part in _split(text)]
    return (lambda labels: all(test(labels) for test in tests)) if tests else None


def _split(text: str) -> list[str]:
    """Split at commas outside parentheses."""
    parts = re.split(r",(?![^(]*\))", text)
    return [] if not text.strip() else parts


def _label_test(part: str) -> Test:
    if found := _SET.match(part):
        key, operator, values = found.groups()
        wanted = {value.strip() for value in values.split(",")}
        if operator == "in":
            return lambda labels: labels.get(key) in wanted
        return lambda labels: labels.get(key) not in wanted
    if found := _EQUAL.match(part):
        key, operator, value = found.groups()
        if operator == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if found := _ORDER.match(part):
        key, operator, value = found.groups()
        return lambda labels: _compare(labels.get(key), operator, int(value))
    if found := _EXISTS.match(part):
        absent, key = found.groups()
        return (lambda labels: key not in labels) if absent else (lambda labels: key in labels)
    raise BadSelector(f"unable to parse requirement: found '{part.strip()}', expected: !, identifier, or ','")


def _compare(value: str | None, operator: str, bound: int) -> bool:
    try:
        number = int(value or "")
    except ValueError:
        return False
    return number < bound if operator == "<" else number > bound


def selects(selector: Mapping[str, Any] | None, labels: Labels) -> bool:
    """Whether a LabelSelector object matches; an absent one matches nothing."""
    if selector is None:
        return False
    wanted = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_meets(one, labels) for one in selector.get("matchExpressions") or ())


def _meets(requirement: Mapping[str, Any], labels: Labels) -> bool:
    key, operator, values = requirement.get("key", ""), requirement.get("operator"), requirement.get("values") or []
    match operator:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case "Gt" | "Lt":
            return _compare(labels.get(key), ">" if operator == "Gt" else "<", int(values[0]))
    return False


def selector_text(selector: Mapping[str, Any]) -> str:
    """A LabelSelector object written as a query, as status.selector shows it."""
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for one in selector.get("matchExpressions") or ():
        values = ",".join(one.get("values") or ())
        match one.get("operator"):
            case "In":
                parts.append(f"{one['key']} in ({values})")
            case "NotIn":
                parts.append(f"{one['key']} notin ({values})")
            case "Exists":
                parts.append(one["key"])
            case "DoesNotExist":
                parts.append(f"!{one['key']}")
    return ",".join(parts)


# Fields that may be selected by; every kind also knows its name and namespace.
_FIELDS: dict[str, frozenset[str]] = {
    "Pod": frozenset(
        {
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        }
    ),
    "Event": frozenset(
        {
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        }
    ),
    "Namespace": frozenset({"status.phase"}),
    "Node": frozenset({"spec.unschedulable"}),
    "Secret": frozenset({"type"}),
    "Job": frozenset({"status.successful"}),
    "ReplicaSet": frozenset({"status.replicas"}),
}
_COMMON = frozenset({"metadata.name", "metadata.namespace"})


def parse_fields(text: str, kind: str) -> Callable[[Mapping[str, Any]], bool] | None:
    """The test of a fieldSelector on whole objects; None when everything matches."""
    wanted: list[tuple[list[str], str, bool]] = []
    for part in filter(str.strip, text.split(",")):
        found = re.match(r"^\s*([^\s!=]+)\s*(==|=|!=)\s*(.*?)\s*$", part)
        if not found:
            raise BadSelector(f"invalid selector: '{part}'; can't understand '{part}'")
        path, operator, value = found.groups()
        if path not in _COMMON | _FIELDS.get(kind, frozenset()):
            raise BadSelector(f"field label not supported: {path}")
        wanted.append((path.split("."), value, operator != "!="))
    if not wanted:
        return None
    return lambda obj: all((_read(obj, path) == value) is equal for path, value, equal in wanted)


def _read(obj: Mapping[str, Any], path: list[str]) -> str:
    value: Any = obj
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    if path == ["source"] and isinstance(value, Mapping):
        value = value.get("component")
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
