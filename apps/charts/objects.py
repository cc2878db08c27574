"""Rendered YAML to objects that may go to an edge: of known kinds, in one namespace, no hooks, none twice."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from apps.charts import limits, yamls
from apps.charts.policy import Policy
from apps.charts.problems import ChartError, one_line, quoted
from clusters.drivers.kubernetes.kinds import KINDS
from otestack.sentences import say

Manifest = dict[str, Any]

# In the order of applying: what pods need, pods, what looks at them.
_ORDER = (
    *("v1/Secret", "v1/ConfigMap", "v1/PersistentVolumeClaim", "v1/Service"),
    *("apps/v1/StatefulSet", "apps/v1/Deployment", "apps/v1/DaemonSet", "batch/v1/Job"),
    *("autoscaling/v2/HorizontalPodAutoscaler", "networking.k8s.io/v1/Ingress"),
)
ALLOWED = frozenset(name for name, kind in KINDS.items() if kind.namespaced)
_RANK = {kind: rank for rank, kind in enumerate(_ORDER)}
HOOK = "helm.sh/hook"
_TESTS = frozenset({"test", "test-success", "test-failure"})
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
# What the server writes, and charts carry along as empty values.
_NOT_OURS = frozenset({"creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"})
_METADATA = frozenset({"name", "namespace", "labels", "annotations"}) | _NOT_OURS


def objects(text: str, *, namespace: str, policy: Policy) -> list[Manifest]:
    """Return the objects in the order of applying, each with its namespace. Raises ChartError."""
    found: dict[tuple[str, str], Manifest] = {}
    for item in _flat(yamls.load_all(text, say("What it renders to"))):
        item = _bounded(item)
        kind = f"{item['apiVersion']}/{item['kind']}"
        where = _named(item)
        if _is_test(item, where):
            continue
        if kind not in ALLOWED:
            raise ChartError(
                say(
                    "%(where)s: objects of %(kind)s may not be deployed, only %(words)s.",
                    where=where,
                    kind=one_line(kind, 100),
                    words=_words(),
                )
            )
        made = _own(item, where, namespace)
        policy.check(made, where)
        key = kind, made["metadata"]["name"]
        if key in found:
            raise ChartError(say("%(where)s: it is there twice.", where=where))
        found[key] = made
        if len(found) > limits.OBJECTS:
            raise ChartError(say("It renders to more than %(objects)s objects.", objects=limits.OBJECTS))
    if not found:
        raise ChartError(say("It renders to no object."))
    return sorted(found.values(), key=lambda made: _RANK.get(f"{made['apiVersion']}/{made['kind']}", len(_RANK)))


def _flat(documents: list[Any], depth: int = 0) -> Iterator[Manifest]:
    """Yield the objects of the documents, and of the lists among them."""
    for item in documents:
        if item is None:
            continue
        if not isinstance(item, dict) or not all(isinstance(item.get(key), str) for key in ("apiVersion", "kind")):
            raise ChartError(say("It renders to something that is no object with apiVersion and kind."))
        if (item["apiVersion"], item["kind"]) != ("v1", "List"):
            yield item
        elif depth == 0 and isinstance(item.get("items"), list | None):
            yield from _flat(item.get("items") or [], 1)
        else:
            raise ChartError(say("It renders to a List that holds something else than objects."))


def _bounded(item: Manifest) -> Manifest:
    """Return a copy that shares nothing with other objects, as aliases do."""
    text = json.dumps(item)
    if len(text) > limits.OBJECT:
        raise ChartError(
            say("%(item)s: it is larger than %(object)s MB.", item=_named(item), object=limits.OBJECT // limits.MB)
        )
    copy: Manifest = json.loads(text)
    return copy


def _named(item: Manifest) -> str:
    meta = item.get("metadata")
    name = meta.get("name") if isinstance(meta, dict) else None
    return one_line(f"{item['kind']} {name if isinstance(name, str) else 'without a name'}", 120)


def _is_test(item: Manifest, where: str) -> bool:
    """Tell helm's tests, which are left out. Raises ChartError for any other hook."""
    meta = item.get("metadata")
    annotations = meta.get("annotations") if isinstance(meta, dict) else None
    hook = annotations.get(HOOK) if isinstance(annotations, dict) else None
    if hook is None:
        return False
    names = {name.strip() for name in str(hook).split(",")}
    if other := sorted(names - _TESTS):
        raise ChartError(
            say(
                "%(where)s: the hook %(other)s cannot be run; only objects that always are can be.",
                where=where,
                other=quoted(other[0]),
            )
        )
    return True


def _own(item: Manifest, where: str, namespace: str) -> Manifest:
    """Return the object with its namespace and with no metadata but name, labels and annotations."""
    meta = item.get("metadata")
    if not isinstance(meta, dict):
        raise ChartError(say("%(where)s: it has no metadata.", where=where))
    name = meta.get("name")
    if meta.get("generateName") and not name:
        raise ChartError(say("%(where)s: generateName is not possible; it must have a name.", where=where))
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ChartError(
            say("%(where)s: its name must be 1 to 253 lower-case letters, digits, '-' and '.'.", where=where)
        )
    if meta.get("namespace") not in {None, "", namespace}:
        raise ChartError(
            say(
                "%(where)s: the namespace %(namespace)s is not yours; leave it out.",
                where=where,
                namespace=quoted(meta["namespace"]),
            )
        )
    if unknown := sorted(key for key, value in meta.items() if key not in _METADATA and value):
        raise ChartError(
            say("%(where)s: metadata.%(unknown)s is not allowed.", where=where, unknown=one_line(unknown[0], 40))
        )
    kept = {key: meta[key] for key in ("labels", "annotations") if meta.get(key)}
    for key, texts in kept.items():  # an empty value is read as no text, and is an empty one
        if isinstance(texts, dict):
            kept[key] = {name: "" if text is None else text for name, text in texts.items()}
    return {key: value for key, value in item.items() if key != "status"} | {
        "metadata": {"name": name, "namespace": namespace} | kept
    }


def _words() -> str:
    names = [kind.rpartition("/")[2] for kind in _ORDER if kind in ALLOWED]
    return say("%(names)s and %(names_2)s", names=", ".join(names[:-1]), names_2=names[-1])
