"""How a server is reached and addressed: addresses, names, TLS, and what must not slip into a request."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from typing import Any

import pytest

from clusters.drivers.base import OutOfTime, write_until
from clusters.drivers.kubernetes.client import Client, Limits, Pool, tls_context
from clusters.drivers.kubernetes.kubeconfig import Credentials
from tests.clusters.hostile import Hostile, serving
from tests.clusters.pki import Authority
from tests.edge.peer import Line, Peer, answering, outcome, outcomes, playing, run, server_context, talking
from tests.edge.test_connection import BODY, BROKE_OFF, ENDLESS, whole
from tests.run.product import once, until

pytestmark = once

AUTHORITY = Authority()
PAIR = AUTHORITY.issue("edge.example")
CA = AUTHORITY.pem.decode()
OK = (200, BODY)
NASTY = "/api/v1/nodes/a b\r\nX-Injected: 1\r\n\r\nGET /x?y=#%2e"
QUOTED = "/api/v1/nodes/a%20b%0D%0AX-Injected%3A%201%0D%0A%0D%0AGET%20/x%3Fy%3D%23%252e?a%0A=%0D%0A+%26b"


def head(peer: Peer) -> tuple[str, dict[str, str]]:
    """The only request's first line and headers."""
    ((raw, _),) = peer.asked
    first, *lines = raw.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    assert len(headers) == len(lines)
    return first, headers


def test_a_server_with_a_path_is_asked_below_it() -> None:
    with playing(answering(whole())) as peer:
        assert outcomes(f"http://127.0.0.1:{peer.port}/k8s/c1/") == [OK]
    first, headers = head(peer)
    assert first == "GET /k8s/c1/version HTTP/1.1"
    assert headers["host"] == f"127.0.0.1:{peer.port}"
    assert headers["authorization"] == "bearer t"


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")
def test_an_ipv6_address() -> None:
    with playing(answering(whole()), host="::1") as peer:
        assert outcomes(f"http://[::1]:{peer.port}") == [OK]
    assert head(peer)[1]["host"] == f"[::1]:{peer.port}"


@pytest.mark.parametrize("by_proxy", [False, True])
def test_a_name_in_a_path_or_query_stays_there(by_proxy: bool) -> None:
    async def ask(server: str, **credentials: str) -> Any:
        async with talking(server, **credentials) as client:
            return await outcome(client, "PATCH", NASTY, query={"a\n": "\r\n &b"}, body=b"{}")

    with playing(answering(whole())) as peer:
        here = f"http://127.0.0.1:{peer.port}"
        assert run(ask("http://edge.example", proxy_url=here) if by_proxy else ask(here)) == OK
    first, headers = head(peer)
    assert first == f"PATCH {'http://edge.example' if by_proxy else ''}{QUOTED} HTTP/1.1"
    assert "x-injected" not in headers


@pytest.mark.parametrize("token", ["a\r\nX: y", "a\nX: y", "ä"])
def test_a_token_is_one_line(token: str) -> None:
    async def make() -> None:
        async with Pool(1) as pool:
            Client(Credentials("http://127.0.0.1", token=token), pool, Limits(1, 1))

    with pytest.raises(ValueError, match="header"):
        run(make())


def test_names_in_certificates() -> None:
    with playing(answering(whole()), PAIR) as peer:
        assert outcomes(peer, "GET", "GET", ca_pem=CA) == [OK, OK]
        assert outcomes(peer, ca_pem=CA, tls_server_name="edge.example") == [OK]
        (said,) = outcomes(peer, ca_pem=CA, tls_server_name="other.example")
        assert said.startswith("its certificate is not accepted: Hostname mismatch")
        (said,) = outcomes(f"https://localhost:{peer.port}", ca_pem=CA)
        assert said.startswith("its certificate is not accepted: Hostname mismatch")
    assert len(peer.asked) == 3


def test_certificates_that_are_not_accepted() -> None:
    with playing(answering(whole()), AUTHORITY.issue("edge.example", days=-1)) as peer:
        assert outcomes(peer, ca_pem=CA) == ["its certificate is not accepted: certificate has expired"]
        assert outcomes(peer, ca_pem="", insecure_skip_tls_verify=True) == [OK]
    with playing(answering(whole()), Authority("another").issue("edge.example")) as peer:
        assert outcomes(peer, ca_pem=CA) == ["its certificate is not accepted: unable to get local issuer certificate"]
    assert not peer.asked


def test_a_server_that_wants_a_client_certificate() -> None:
    with serving(Hostile(), PAIR, client_authority=AUTHORITY.pem) as server:
        (said,) = outcomes(f"https://127.0.0.1:{server.port}", ca_pem=CA)
    assert said == "the TLS connection failed: tlsv13 alert certificate required"


def test_a_server_cannot_ask_for_another_handshake() -> None:
    context = tls_context(Credentials("https://edge.example", ca_pem=CA, token="t"))
    assert context is not None and context.options & ssl.OP_NO_RENEGOTIATION


@pytest.mark.parametrize(("properly", "expected"), [(True, OK), (False, BROKE_OFF)])
def test_over_tls_an_answer_without_a_length_ends_with_a_proper_good_bye(properly: bool, expected: Any) -> None:
    """Anybody on the way can end the connection."""

    def play(line: Line, number: int) -> None:
        line.request()
        line.say(ENDLESS + BODY)
        if properly:
            line.socket.unwrap()

    with playing(play, PAIR) as peer:
        assert outcomes(peer, ca_pem=CA) == [expected]


@pytest.mark.parametrize("properly", [True, False])
def test_over_tls_the_server_ends_an_idle_connection(properly: bool) -> None:
    def play(line: Line, number: int) -> None:
        if line.request():
            line.say(whole())
        if properly:
            line.socket.unwrap()

    with playing(play, PAIR) as peer:
        assert outcomes(peer, *["GET", "PATCH"] * 5, ca_pem=CA) == [OK] * 10


def test_connecting_gets_half_of_the_time_and_leaves_nothing_open() -> None:
    """A server that accepts connections and does not go on is given up before one that does not answer."""

    async def ask(mute: Peer, silent: Peer) -> None:
        async with (
            talking(f"https://127.0.0.1:{mute.port}", ca_pem=CA, request=1) as one,
            talking(silent, request=0.9) as other,
        ):
            tasks = [asyncio.create_task(outcome(client)) for client in (one, other)]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            assert tasks[0].done() and not tasks[1].done()
            assert await asyncio.gather(*tasks) == ["no answer within 1 s", "no answer within 0.9 s"]
            assert await asyncio.to_thread(mute.all_closed)

    with playing(lambda line, _: line.ended()) as mute, playing(lambda line, _: line.ended()) as silent:
        run(ask(mute, silent))


def test_nothing_is_written_when_the_connection_came_too_late() -> None:
    end = time.monotonic() + 0.3
    context = server_context(PAIR)

    def play(line: Line, number: int) -> None:
        until(lambda: time.monotonic() > end, "later")
        with context.wrap_socket(line.socket, server_side=True) as wrapped:
            answering(whole())(Line(peer, wrapped), number)

    async def ask(peer: Peer) -> None:
        write_until.set(end)
        async with talking(f"https://127.0.0.1:{peer.port}", ca_pem=CA) as client:
            with pytest.raises(OutOfTime):
                await client.request("PATCH", "/x", body=b"{}")
            assert await outcome(client) == OK

    with playing(play) as peer:
        run(ask(peer))
    assert (peer.opened, len(peer.asked)) == (1, 1)
