"""A process that answers as the API servers of many clusters: bare asyncio over TLS, no memory for objects.

    python -m tests.bench.template_edge STATE [--port 0] [--nodes 10] [--latency 0.02]

/clusters/NAME/… is a cluster, any name: it holds what its template holds, and what was applied to it since. The port is
printed once it listens. /control is for whoever measures (tests/bench/edge.py):

    GET /control            -> what was asked of this process so far
    GET /control/NAME       -> the objects of a cluster, by path
    PUT /control            {"latency": 0.02, "away": [NAME, …], "back": [NAME, …],
                             "templates": {TEMPLATE: objects by path}, "like": {TEMPLATE: [NAME, …]}}
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

import orjson
import uvloop

from clusters.simulator import certs
from clusters.simulator.api import answers, discovery, paths, status
from tests.bench.template import Contents, Item, Model, listing, parse, uid_of

KUBE_SYSTEM = "/api/v1/namespaces/kube-system"
NAMESPACES = "/api/v1/namespaces"
_VERSION = orjson.dumps(discovery.VERSION)
_EMPTY = Contents({})

# Body, and the same packed where that is worth it.
Answered = tuple[int, bytes, bytes]


class Edge:
    """One cluster: what it holds beside its template; None: what was deleted."""

    __slots__ = ("away", "contents", "name", "own")

    def __init__(self, name: str) -> None:
        self.name = name
        self.contents = _EMPTY
        self.own: dict[str, Item | None] = {}
        self.away = False

    def find(self, path: str) -> Item | None:
        """Return the object at a path."""
        return self.own[path] if path in self.own else self.contents.objects.get(path)

    def objects(self) -> dict[str, Item]:
        """Return all objects by path."""
        return {path: item for path, item in (dict(self.contents.objects) | self.own).items() if item is not None}


class Fleet:
    """All clusters of this process."""

    def __init__(self, nodes: int, latency: float) -> None:
        self.latency = latency
        self.model = Model(nodes)
        self.edges: dict[str, Edge] = {}
        self.templates: dict[str, Contents] = {}
        self.asked: Counter[str] = Counter()
        self._nodes = listing(parse("/api/v1/nodes"), self.model.nodes(), metadata=False)

    def edge(self, name: str) -> Edge:
        """Return a cluster; it comes to be when it is first asked for."""
        if name not in self.edges:
            self.edges[name] = Edge(name)
        return self.edges[name]

    def answer(self, edge: Edge, method: str, path: str, accept: bytes, body: bytes) -> Answered:
        """Answer one request. Raises ApiError."""
        self.asked[method] += 1
        if path == "/version":
            return 200, _VERSION, b""
        if path == KUBE_SYSTEM:
            meta = {"name": "kube-system", "uid": uid_of(edge.name), "resourceVersion": "1"}
            return 200, orjson.dumps({"kind": "Namespace", "apiVersion": "v1", "metadata": meta}), b""
        target = parse(path)
        if target is None:
            raise status.no_such_resource()
        metadata = b"as=PartialObjectMetadata" in accept
        if not target.name and method == "GET":
            return 200, *self._list(edge, target, metadata)
        if method == "POST" and path == NAMESPACES:
            path = f"{NAMESPACES}/{orjson.loads(body)['metadata']['name']}"
        if method in {"POST", "PATCH"}:
            item = edge.own[path] = self.model.apply(path, body)
            return 200, item.alone, b""
        item = edge.find(path)
        if item is None:
            raise status.not_found(target.kind, target.name)
        if method == "DELETE":
            edge.own[path] = None
        return 200, item.metadata if metadata else item.alone, b""

    def _list(self, edge: Edge, target: paths.Target, metadata: bool) -> tuple[bytes, bytes]:
        if target.kind.name == "Node":
            return self._nodes
        if not edge.own:
            return edge.contents.listed(target, metadata=metadata)
        return listing(target, edge.objects().values(), metadata=metadata)

    def control(self, method: str, path: str, body: bytes) -> Answered:
        """Look at the clusters, or change them."""
        if method == "PUT":
            self._change(orjson.loads(body))
        if name := path.removeprefix("/control").strip("/"):
            found = {path: item.listed.decode() for path, item in self.edge(name).objects().items()}
            return 200, orjson.dumps(found), b""
        return 200, orjson.dumps({"asked": self.asked, "clusters": len(self.edges)}), b""

    def _change(self, wanted: Mapping[str, Any]) -> None:
        self.latency = float(wanted.get("latency", self.latency))
        for away, names in ((True, wanted.get("away", ())), (False, wanted.get("back", ()))):
            for name in names:
                self.edge(name).away = away
        for name, objects in wanted.get("templates", {}).items():
            self.templates[name] = Contents(
                {path: Item(parse(path), listed.encode()) for path, listed in objects.items()}
            )
        for template, names in wanted.get("like", {}).items():
            for name in names:
                edge = self.edge(name)
                edge.contents, edge.own = self.templates[template], {}


class Connection(asyncio.Protocol):
    """HTTP/1.1, one request after the other, each answered after the latency."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._transport: asyncio.Transport | None = None
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one by its methods only

    def connection_lost(self, error: Exception | None) -> None:
        """End."""
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Take what came; whole requests are answered."""
        self._got += data
        while (end := self._got.find(b"\r\n\r\n")) >= 0:
            head = self._got[:end]
            headers = head.lower()
            length = int(_header(headers, b"content-length") or 0)
            if len(self._got) < end + 4 + length:
                return
            body = self._got[end + 4 : end + 4 + length]
            self._got = self._got[end + 4 + length :]
            method, target, _ = head[: head.find(b"\r\n")].decode().split(" ", 2)
            self._request(method, unquote(target.partition("?")[0]), head, headers, body)

    def _request(self, method: str, path: str, head: bytes, headers: bytes, body: bytes) -> None:
        if path.startswith("/control"):
            self._write(*self._fleet.control(method, path, body))
            return
        accept = _header(headers, b"accept", head)
        packed = b"gzip" in _header(headers, b"accept-encoding")
        asyncio.get_running_loop().call_later(self._fleet.latency, self._serve, method, path, accept, packed, body)

    def _serve(self, method: str, path: str, accept: bytes, packed: bool, body: bytes) -> None:
        if self._transport is None:
            return
        name, _, rest = path.removeprefix("/clusters/").partition("/")
        edge = self._fleet.edge(name)
        if edge.away:
            self._transport.abort()
            return
        try:
            code, plain, small = self._fleet.answer(edge, method, f"/{rest}", accept, body)
        except status.ApiError as error:
            answer = answers.error_answer(error)
            code, plain, small = answer.code, answer.body, b""
        self._write(code, plain, small if packed else b"")

    def _write(self, code: int, plain: bytes, packed: bytes) -> None:
        if self._transport is None:
            return
        body = packed or plain
        encoding = b"Content-Encoding: gzip\r\n" if packed else b""
        self._transport.write(
            b"HTTP/1.1 %d -\r\nContent-Type: application/json\r\n%bContent-Length: %d\r\n\r\n%b"
            % (code, encoding, len(body), body)
        )


def _header(headers: bytes, name: bytes, spelled: bytes = b"") -> bytes:
    """Return a header's value, or nothing. headers: in small letters; spelled: the same as it came."""
    start = headers.find(b"\r\n%b:" % name)
    if start < 0:
        return b""
    start += len(name) + 3
    end = headers.find(b"\r\n", start)
    return (spelled or headers)[start : end if end >= 0 else len(headers)].strip()


async def serve(state: Path, port: int, nodes: int, latency: float) -> None:
    """Listen and say where; end when standard input does."""
    loop = asyncio.get_running_loop()
    fleet = Fleet(nodes, latency)
    server = await loop.create_server(
        lambda: Connection(fleet), "127.0.0.1", port, ssl=certs.context(state), backlog=4096
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Serve until whoever started us ends."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("state", type=Path, help="the folder of the certificates")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--nodes", type=int, default=10)
    parser.add_argument("--latency", type=float, default=0.02, help="seconds before each answer")
    options = parser.parse_args()
    uvloop.run(serve(options.state, options.port, options.nodes, options.latency))


if __name__ == "__main__":
    main()
