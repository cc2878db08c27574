"""A cluster that is reached through a proxy is driven like any other."""

from __future__ import annotations

import select
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from clusters.models import Bundle, Cluster
from tests.edge.conftest import drive_until, proven

pytestmark = pytest.mark.django_db


class _Tunnel(socketserver.StreamRequestHandler):
    """CONNECT host:port, then bytes both ways."""

    def handle(self) -> None:
        verb, target, _ = self.rfile.readline().decode().split()
        while self.rfile.readline().strip():
            pass
        assert verb == "CONNECT"
        self.server.asked.append(target)  # type: ignore[attr-defined]
        host, _, port = target.rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port))) as far:
            self.connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            ways = {self.connection: far, far: self.connection}
            while True:
                for source in select.select(list(ways), [], [])[0]:
                    if not (data := source.recv(65536)):
                        return
                    ways[source].sendall(data)


class Proxy(socketserver.ThreadingTCPServer):
    """A proxy on this machine. asked: which servers it was to connect to."""

    daemon_threads = True

    def __init__(self, edge: Any) -> None:
        super().__init__(("127.0.0.1", 0), _Tunnel)
        self.asked: list[str] = []
        self._edge = edge

    def kubeconfig(self, name: str) -> str:
        """Return that of the edge's cluster, by way of this proxy."""
        document: dict[str, Any] = yaml.safe_load(self._edge.kubeconfig(name))
        document["clusters"][0]["cluster"]["proxy-url"] = f"http://127.0.0.1:{self.server_address[1]}"
        return yaml.safe_dump(document)


@pytest.fixture
def proxy(edge: Any) -> Iterator[Proxy]:
    with Proxy(edge) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield found
        found.shutdown()


def test_a_cluster_behind_a_proxy_is_driven(
    proxy: Proxy, join: Callable[..., Cluster], web: Callable[..., Bundle]
) -> None:
    cluster = join(via=proxy)
    joined = len(proxy.asked)
    bundle = web()
    drive_until(lambda: proven(bundle))
    cluster.refresh_from_db()
    assert cluster.last_error == ""
    assert len(proxy.asked) > joined
