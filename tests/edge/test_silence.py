"""Why an edge did not answer is said in words for people: no Python, no address with a password in it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest

from clusters.drivers.base import Unreachable
from clusters.drivers.kubernetes.client import Client, Limits, Pool
from clusters.drivers.kubernetes.kubeconfig import Credentials
from tests.clusters.hostile import Hostile, serving
from tests.clusters.pki import Authority
from tests.services import free_port

CLOSED = "it closed the connection without an answer"
SECRET = "hunter2-hunter2"


def _say(text: bytes) -> Callable[[socket.socket], None]:
    return lambda connection: connection.sendall(text)


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@contextlib.contextmanager
def answering(how: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port whose connections get this as soon as they have said something, then end."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.recv(4096)
                    how(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


async def _ask(server: str, **credentials: str) -> str:
    async with Pool(1) as pool:
        client = Client(Credentials(server, token="t", **credentials), pool, Limits(request=5, answer_bytes=1000))
        with pytest.raises(Unreachable) as failure:
            await client.request("GET", "/version")
    return str(failure.value)


def asked(server: str, **credentials: str) -> str:
    """Return what is said of a request that nobody answers."""
    return asyncio.run(_ask(server, **credentials))


@pytest.mark.parametrize(
    ("scheme", "how", "sentence"),
    [
        ("https", _reset, "connection reset by peer"),
        ("https", _say(b""), CLOSED),
        ("https", _say(b"HTTP/1.0 400 Bad Request\r\n\r\n"), "it does not speak TLS"),
        ("http", _reset, "connection reset by peer"),
        ("http", _say(b""), CLOSED),
        ("http", _say(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "it does not speak HTTP"),
        ("http", _say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"), "its answer broke off"),
    ],
)
def test_a_server_that_does_not_answer(scheme: str, how: Callable[[socket.socket], None], sentence: str) -> None:
    with answering(how) as port:
        assert asked(f"{scheme}://127.0.0.1:{port}") == sentence


def test_a_server_that_is_not_there() -> None:
    assert asked(f"https://127.0.0.1:{free_port()}") == "connection refused"
    assert asked("https://edge.invalid") == "its name cannot be resolved"


def test_a_server_with_another_certificate() -> None:
    with serving(Hostile(), Authority("somebody else").issue("localhost")) as server:
        said = asked(f"https://127.0.0.1:{server.port}", ca_pem=Authority().pem.decode())
    assert said == "its certificate is not accepted: unable to get local issuer certificate"


def test_what_a_proxy_says_holds_no_password() -> None:
    with answering(_say(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")) as port:
        said = asked("https://edge.invalid", proxy_url=f"http://me:{SECRET}@127.0.0.1:{port}")
    assert said == "its proxy answered 407"
    said = asked("https://edge.invalid", proxy_url=f"http://me:{SECRET}@127.0.0.1:{free_port()}")
    assert said == "its proxy cannot be reached: connection refused"
