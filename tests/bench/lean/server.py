"""One process of the lean edge: python -m tests.bench.lean.server, with what it is to serve as JSON on standard input.

It prints its port in one line, and ends with its parent or by a signal.
"""

from __future__ import annotations

import asyncio
import gc
import hmac
import json
import resource
import ssl
import sys
from hashlib import sha256
from typing import Any

import orjson
import uvloop

from clusters.simulator.api.answers import Answer, json_answer
from tests.bench.lean.cluster import Cluster
from tests.bench.lean.forms import Mould
from tests.bench.lean.protocol import Connection, State


def token_of(secret: str, name: str) -> str:
    """Return a cluster's bearer token."""
    return hmac.new(secret.encode(), name.encode(), sha256).hexdigest()


class Server:
    """Its clusters, and the control endpoint: PUT {"latency": 0.02, "keep": true, "restore": true}."""

    def __init__(self, wanted: dict[str, Any]) -> None:
        self.state = State(self.control)
        mould = Mould()
        first = mould.first()
        for name, uid in wanted["clusters"].items():
            self.state.clusters[name] = Cluster(mould, first, uid, token_of(wanted["secret"], name))

    def control(self, method: str, body: bytes) -> Answer:
        """Change what is asked and say how things are."""
        wanted = orjson.loads(body) if method == "PUT" else {}
        if "latency" in wanted:
            self.state.latency = float(wanted["latency"])
        for cluster in self.state.clusters.values():
            if wanted.get("keep"):
                cluster.keep()
            if wanted.get("restore"):
                cluster.restore()
        return json_answer({"requests": self.state.requests, "connections": self.state.connections})

    async def serve(self, certificate: str, key: str, host: str) -> None:
        """Listen until the process ends."""
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(self.state), host, 0, ssl=tls, backlog=4096)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


def main() -> None:
    wanted = json.load(sys.stdin)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    server = Server(wanted)
    gc.freeze()  # ten thousand clusters stay; nothing is gained by looking at them again and again
    uvloop.run(server.serve(wanted["certificate"], wanted["key"], wanted["host"]))


if __name__ == "__main__":
    main()
