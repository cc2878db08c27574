"""The Kubernetes driver: server-side apply, lists by label selector, deletes with the uid as precondition."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

import msgspec
import orjson

from clusters.drivers.base import EdgeError, Foreign, Hopeless, Listing, Observed, ObservedPod, Ref
from clusters.drivers.kubernetes import wire
from clusters.drivers.kubernetes.client import Client, NoApi
from clusters.drivers.kubernetes.kinds import ALWAYS, KINDS, Kind
from clusters.engine.labels import BUNDLE, CENTRE, MANAGED_BY, MANAGER, NODE_PREFIX
from otestack.sentences import say

# Seconds within which an answer came soon.
SOON = 0.15
# All pages of one list together are no longer than so many of the longest answers. Kept is little of them, but a page
# of one object may be as long as any answer, and a list of such pages need not end before the pass does.
LIST_ANSWERS = 4

_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
_METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
# Encoded once, not for each of thousands of clusters.
_FORCED = urlencode({"fieldManager": MANAGER, "force": "true"})
_UNFORCED = urlencode({"fieldManager": MANAGER})


class KubernetesDriver:
    """One cluster. See drivers/base.py for the verbs; source: the Kubernetes API conventions, server-side apply."""

    def __init__(self, client: Client, centre: str, *, page_objects: int, list_objects: int) -> None:
        self._client = client
        self._centre = centre
        self._selector = f"{MANAGED_BY}={MANAGER},{CENTRE}={centre}"
        self._page_objects = page_objects
        self._list_objects = list_objects
        self._list_bytes = LIST_ANSWERS * client.limits.answer_bytes
        self._answers_soon = True

    async def probe(self) -> str:
        """GET /version."""
        _, raw = await self._client.request("GET", "/version")
        try:
            return wire.one_line(wire.decode_version(raw).git_version, 64)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise EdgeError(say("answered /version with something that is no version")) from error

    async def list(self, kinds: Iterable[str]) -> Listing:
        """One paged list per kind, and the nodes: one after the other where answers come soon, else side by side.

        Side by side takes a second connection, which costs more than all the lists of a quiet cluster, in each of
        thousands; but where an answer takes a second a pass would not end in its time.
        """
        first, *others = sorted(set(kinds) | set(ALWAYS))
        run = _in_turn if self._answers_soon else _together
        *parts, nodes = await run(self._timed_list(first), *map(self._list_kind, others), self._list_nodes())
        return Listing(objects=[item for part in parts for item in part], nodes=list(nodes))

    async def _timed_list(self, kind: str) -> Sequence[Observed]:
        began = time.monotonic()
        found = await self._list_kind(kind)
        self._answers_soon = time.monotonic() - began < SOON
        return found

    async def list_pods(self, namespace: str, selector: str, node: str = "") -> Sequence[ObservedPod]:
        """The pods that a selector matches, on one node where it is given."""
        query = {"labelSelector": selector}
        if node:
            query["fieldSelector"] = f"spec.nodeName={node}"
        path = f"/api/v1/namespaces/{namespace}/pods"
        return [_read(wire.observed_pod, item) async for item in self._items(path, query)]

    async def apply(self, ref: Ref, body: bytes, *, ours: bool, keep_replicas: bool = False) -> Observed:
        """Server-side apply, forced on what is ours; what is not known as ours is created, or looked at before."""
        kind = KINDS[ref.kind]
        raw = None if ours else await self._create(kind, ref, body)
        if raw is None:
            raw = await self._force(kind, ref, body, keep_replicas=keep_replicas)
        return self._observed(ref.kind, kind.reading, _decoded(wire.decode_item, raw))

    async def _create(self, kind: Kind, ref: Ref, body: bytes) -> bytes | None:
        """Return the object that was created, None where it is there already and ours.

        Raises Foreign where it is there and is not ours. An unforced apply alone would not tell: it adds to an object
        of others whose fields do not clash, and two centres are the same field manager.
        """
        try:
            if ref.kind == "v1/Namespace":
                _, raw = await self._client.request("POST", kind.path(), query=_UNFORCED, body=body)
                return raw
            return await self._patch(kind, ref, _only_new(body), forced=False)
        except EdgeError as error:
            if error.status != 409:
                raise
            if await self._find(kind, ref, body) is None:  # it went in between, and the next attempt creates it
                raise
            return None

    async def _force(self, kind: Kind, ref: Ref, body: bytes, *, keep_replicas: bool) -> bytes:
        """Server-side apply of what is ours. Some kinds refuse some changes, and need something to go before."""
        sent = _without_replicas(body) if keep_replicas else body
        try:
            return await self._patch(kind, ref, sent, forced=True)
        except Hopeless as error:
            if error.status != 422:
                raise
            match ref.kind:
                case "v1/Service":
                    await self._replace_ports(kind, ref, body)
                    return await self._patch(kind, ref, sent, forced=True)
                case "batch/v1/Job":
                    await self._make_way(kind, ref, body)
                    raise EdgeError(say("it changed, which a Job cannot; the old one goes first")) from error
                case _:
                    raise

    async def _replace_ports(self, kind: Kind, ref: Ref, body: bytes) -> None:
        """Apply keeps the ports that others added, and together with ours they may be no valid Service."""
        ports = orjson.dumps({"spec": {"ports": orjson.loads(body)["spec"].get("ports", [])}})
        path = kind.path(ref.namespace, ref.name)
        await self._client.request("PATCH", path, query=_UNFORCED, body=ports, content_type=_MERGE)

    async def _make_way(self, kind: Kind, ref: Ref, body: bytes) -> None:
        """Delete the object that is there, if it is ours; a later pass creates the new one."""
        found = await self._find(kind, ref, body)
        if found is not None:
            await self.delete(ref, found.uid)

    async def _patch(self, kind: Kind, ref: Ref, body: bytes, *, forced: bool) -> bytes:
        """Server-side apply."""
        path = kind.path(ref.namespace, ref.name)
        query = _FORCED if forced else _UNFORCED
        try:
            _, raw = await self._client.request("PATCH", path, query=query, body=body, content_type=_APPLY)
        except NoApi as error:
            if kind.everywhere:
                raise
            # Until somebody upgrades the cluster; the other clusters have it and go on.
            raise Hopeless(
                say("%(cluster)s has no %(version)s", cluster=self._client.cluster, version=kind.version), status=404
            ) from error
        return raw

    async def delete(self, ref: Ref, uid: str) -> None:
        """DELETE in the background, of that uid only."""
        await self._delete(KINDS[ref.kind].path(ref.namespace, ref.name), uid)

    async def _delete(self, path: str, uid: str) -> None:
        options = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        try:
            await self._client.request("DELETE", path, body=orjson.dumps(options))
        except EdgeError as error:
            # 404: gone. 409: another object of that name, or one that is being emptied; the next list tells.
            if error.status not in {404, 409}:
                raise

    async def label(self, node: str, label: str, present: bool) -> None:
        """A merge patch of this one label."""
        patch = {"metadata": {"labels": {NODE_PREFIX + label: "true" if present else None}}}
        await self._client.request(
            "PATCH",
            f"/api/v1/nodes/{node}",
            query=_UNFORCED,
            body=orjson.dumps(patch),
            content_type=_MERGE,
        )

    async def evict(self, namespace: str, pods: Iterable[ObservedPod]) -> None:
        """DELETE pod by pod: a disruption budget must not hold what was asked for."""
        for pod in pods:
            await self._delete(f"/api/v1/namespaces/{namespace}/pods/{pod.name}", pod.uid)

    async def _list_kind(self, name: str) -> Sequence[Observed]:
        kind = KINDS[name]
        accept = _METADATA_LIST if kind.reading == "metadata" else ""
        query = {"labelSelector": self._selector}
        try:
            return [self._observed(name, kind.reading, item) async for item in self._items(kind.path(), query, accept)]
        except EdgeError as error:
            # An API that this cluster does not have (another minor) holds nothing; applying to it says why.
            if error.status == 404 and not kind.everywhere:
                return []
            raise

    async def _list_nodes(self) -> Sequence[Any]:
        return [_read(wire.observed_node, item) async for item in self._items("/api/v1/nodes", {})]

    async def _items(self, path: str, query: dict[str, str], accept: str = "") -> AsyncIterator[wire.Item]:
        token = ""
        seen = size = 0
        while True:
            page = query | {"limit": str(self._page_objects)} | ({"continue": token} if token else {})
            _, raw = await self._client.request("GET", path, query=page, accept=accept)
            size += len(raw)
            if size > self._list_bytes:
                raise EdgeError(
                    say("lists more than %(list_bytes)s bytes at %(path)s", list_bytes=self._list_bytes, path=path)
                )
            answer = _decoded(wire.decode_list, raw)
            seen += max(1, len(answer.items or ()))  # pages of nothing count too, or they need not end
            if seen > self._list_objects:
                raise EdgeError(
                    say(
                        "lists more than %(list_objects)s objects at %(path)s",
                        list_objects=self._list_objects,
                        path=path,
                    )
                )
            for item in answer.items or ():
                yield item
            token = answer.metadata.continue_
            if not token:
                return

    async def _find(self, kind: Kind, ref: Ref, body: bytes) -> wire.Meta | None:
        """Return the metadata of the object that is there as ours, None where nothing is.

        Raises Foreign when it is not ours, EdgeError when it is another bundle's: an orphan, or one that goes first.
        """
        try:
            _, raw = await self._client.request("GET", kind.path(ref.namespace, ref.name), accept=_METADATA)
        except EdgeError as error:
            if error.status != 404:
                raise
            return None
        found = wire.checked(ref.kind, _decoded(wire.decode_item, raw))
        labels = found.labels or {}
        if (labels.get(MANAGED_BY), labels.get(CENTRE)) != (MANAGER, self._centre):
            raise Foreign(say("it is there already and is not ours"))
        if labels.get(BUNDLE) != (wire.decode_item(body).metadata.labels or {}).get(BUNDLE):
            raise EdgeError(say("it is there already for another bundle"))
        return found

    def _observed(self, kind: str, reading: str, item: wire.Item) -> Observed:
        try:
            seen = wire.observed(kind, reading, item)
            if seen.workload is not None and kind != "apps/v1/DaemonSet":
                seen.workload.scaled_by_others = wire.scaled_by_others(item, MANAGER)
        except (msgspec.DecodeError, UnicodeDecodeError, AttributeError, RecursionError) as error:
            raise EdgeError(say("sent a %(kind)s that cannot be read: %(error)s", kind=kind, error=error)) from error
        return seen


def _decoded(decode: Any, raw: bytes) -> Any:
    try:
        return decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EdgeError(say("sent something that is no Kubernetes answer: %(error)s", error=error)) from error


def _read(view: Any, item: wire.Item) -> Any:
    try:
        return view(item)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EdgeError(say("sent a node or pod that cannot be read: %(error)s", error=error)) from error


@lru_cache(maxsize=1024)
def _only_new(body: bytes) -> bytes:
    """Return the object as an apply that creates it and changes nothing that is there.

    No object has the version 1: an API server answers 409 where there is one, and ignores it where there is none.
    """
    document = orjson.loads(body)
    document["metadata"]["resourceVersion"] = "1"
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


def _without_replicas(body: bytes) -> bytes:
    document = orjson.loads(body)
    document["spec"].pop("replicas", None)
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


async def _in_turn(*calls: Coroutine[Any, Any, Any]) -> Sequence[Any]:
    """Run one after the other, until one fails."""
    try:
        return [await call for call in calls]
    finally:
        for call in calls:
            call.close()


async def _together(*calls: Coroutine[Any, Any, Any]) -> Sequence[Any]:
    """Run side by side; on the first failure stop the others and raise it, not a group."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
