"""Why an edge did not answer is said in words for people: no Python, no address with a password in it."""

from __future__ import annotations

import pytest

from tests.clusters.hostile import Hostile, serving
from tests.clusters.pki import Authority
from tests.edge.peer import Line, Play, outcomes, playing
from tests.run.product import once
from tests.services import free_port

pytestmark = once

CLOSED = "it closed the connection without an answer"
SECRET = "hunter2-hunter2"


def _say(text: bytes) -> Play:
    def play(line: Line, number: int) -> None:
        line.socket.recv(4096)
        line.say(text)

    return play


def _reset(line: Line, number: int) -> None:
    line.socket.recv(4096)
    line.reset()


def asked(server: str, **credentials: str) -> str:
    """Return what is said of a request that nobody answers."""
    (said,) = outcomes(server, **credentials)
    return said


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
def test_a_server_that_does_not_answer(scheme: str, how: Play, sentence: str) -> None:
    with playing(how) as peer:
        assert asked(f"{scheme}://127.0.0.1:{peer.port}") == sentence


def test_a_server_that_is_not_there() -> None:
    assert asked(f"https://127.0.0.1:{free_port()}") == "connection refused"
    for name in ("edge.invalid", "edge..invalid", f"{'e' * 64}.invalid"):
        assert asked(f"https://{name}") == "its name cannot be resolved"


def test_a_server_with_another_certificate() -> None:
    with serving(Hostile(), Authority("somebody else").issue("localhost")) as server:
        said = asked(f"https://127.0.0.1:{server.port}", ca_pem=Authority().pem.decode())
    assert said == "its certificate is not accepted: unable to get local issuer certificate"


def test_what_a_proxy_says_holds_no_password() -> None:
    with playing(_say(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")) as peer:
        said = asked("https://edge.invalid", proxy_url=f"http://me:{SECRET}@127.0.0.1:{peer.port}")
    assert said == "its proxy answered 407"
    said = asked("https://edge.invalid", proxy_url=f"http://me:{SECRET}@127.0.0.1:{free_port()}")
    assert said == "its proxy cannot be reached: connection refused"
