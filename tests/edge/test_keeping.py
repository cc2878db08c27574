"""Connections that stay open: used again where nothing is left over; what a dead one was asked is asked once more."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from typing import Any

import pytest

from clusters.drivers.base import OutOfTime, write_until
from clusters.drivers.kubernetes.client import SIDE_BY_SIDE, Client, Limits, Pool
from clusters.drivers.kubernetes.connection import Connection
from clusters.drivers.kubernetes.direct import Idle
from clusters.drivers.kubernetes.kubeconfig import Credentials
from tests.edge.peer import Line, Peer, answering, outcome, outcomes, playing, run, talking
from tests.edge.test_connection import BROKE_OFF, CLOSED, NO_HTTP, whole
from tests.run.product import once, until

pytestmark = once

SECONDS = 10


def ok(body: str, *headers: str) -> bytes:
    return whole(body.encode(), *headers)


async def happened(event: threading.Event) -> None:
    """Wait for it, with the event loop going on."""
    assert await asyncio.to_thread(event.wait, SECONDS)


@pytest.mark.parametrize(
    ("answer", "connections"),
    [
        (ok("a"), 1),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 1),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 1),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", 1),
        (whole(status="404 Not Found"), 1),
        (ok("a", "Connection: close"), 3),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", 3),
    ],
)
def test_a_connection_is_used_again_unless_the_server_does_not_want_it(answer: bytes, connections: int) -> None:
    with playing(answering(answer)) as peer:
        outcomes(peer, "GET", "PATCH", "GET")
        assert peer.all_closed()
    assert (peer.opened, len(peer.asked)) == (connections, 3)


@pytest.mark.parametrize("cut", [1, 9, 20, 40, None])
def test_a_second_answer_is_never_taken_for_the_next_requests(cut: int | None) -> None:
    stale = ok("stale")

    def play(line: Line, number: int) -> None:
        line.request()
        line.say(ok("own") + stale[:cut])
        if line.request():
            line.say(stale[cut:] if cut else b"", ok("own"))

    with playing(play) as peer:
        assert outcomes(peer, "GET", "GET", "GET") == [(200, b"own")] * 3


def test_what_comes_on_an_idle_connection_ends_it() -> None:
    answered, ended = threading.Event(), threading.Event()

    def play(line: Line, number: int) -> None:
        line.request()
        line.say(ok(str(number)))
        if number == 1:
            answered.wait(SECONDS)
            line.say(ok("unasked"))
            line.ended()
            ended.set()
        line.ended()

    async def ask(peer: Peer) -> list[Any]:
        async with talking(peer) as client:
            first = await outcome(client)
            answered.set()
            await happened(ended)
            return [first, await outcome(client)]

    with playing(play) as peer:
        assert run(ask(peer)) == [(200, b"1"), (200, b"2")]


def test_a_server_that_speaks_first() -> None:
    with playing(lambda line, _: line.say(b"SSH-2.0-OpenSSH_9.2\r\n") or line.ended()) as peer:
        assert outcomes(peer, *["GET"] * 5) == [NO_HTTP] * 5


def test_an_answer_before_the_request_is_written_is_taken_and_the_connection_not_used_again() -> None:
    done = threading.Event()

    def play(line: Line, number: int) -> None:
        line.socket.recv(1000)
        line.say(whole(b"", status="413 Too Large"))
        done.wait(SECONDS)

    async def ask(peer: Peer) -> list[Any]:
        async with talking(peer) as client:
            found = [await outcome(client, "PATCH", body=bytes(20_000_000)) for _ in range(2)]
        done.set()
        return found

    with playing(play) as peer:
        assert run(ask(peer)) == ["answered 413"] * 2
        assert peer.opened == 2


def test_a_server_that_closes_after_each_answer_without_saying_so() -> None:
    with playing(lambda line, _: line.request() and line.say(ok("a"))) as peer:
        assert outcomes(peer, *["GET", "PATCH"] * 10) == [(200, b"a")] * 20


@pytest.mark.parametrize("method", ["GET", "PATCH", "POST", "DELETE"])
@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("again", [False, True])
def test_a_request_on_a_connection_that_ends_is_repeated_once(method: str, reset: bool, again: bool) -> None:
    """again: the new connection ends as well."""
    together = threading.Barrier(2)

    def play(line: Line, number: int) -> None:
        if number > 2 and not again:
            answering(ok("new"))(line, number)
            return
        line.request()
        if number <= 2:
            together.wait(SECONDS)
            line.say(ok("a"))
            line.request()
        if reset:
            line.reset()

    async def ask(peer: Peer) -> Any:
        async with talking(peer) as client:
            assert await asyncio.gather(outcome(client), outcome(client)) == [(200, b"a")] * 2
            return await outcome(client, method, body=b"{}")

    with playing(play) as peer:
        found = run(ask(peer))
    assert found == (("connection reset by peer" if reset else CLOSED) if again else (200, b"new"))
    assert len(peer.asked) == 2 + 2


def test_a_request_whose_answer_had_begun_is_not_repeated() -> None:
    def play(line: Line, number: int) -> None:
        line.request()
        line.say(ok("a"))
        line.request()
        line.say(b"H")

    with playing(play) as peer:
        assert outcomes(peer, "GET", "PATCH") == [(200, b"a"), BROKE_OFF]
    assert len(peer.asked) == 2


def test_an_idle_connection_is_closed_after_its_time_and_all_at_the_end() -> None:
    async def ask(peer: Peer) -> None:
        async with talking(peer, idle=0.2) as client:
            await outcome(client)
            assert await asyncio.to_thread(peer.all_closed)
            await outcome(client)
        async with talking(peer) as client:
            await asyncio.gather(*(outcome(client) for _ in range(4)))

    with playing(answering(ok("a"))) as peer:
        run(ask(peer))
        assert all(peer.closed.acquire(timeout=SECONDS) for _ in range(peer.opened - 1))


def test_only_so_many_stay_open() -> None:
    async def ask(peer: Peer) -> None:
        async with Pool(60) as pool:
            pool.idle = Idle(60, most=2)
            credentials = Credentials(f"http://127.0.0.1:{peer.port}", token="t")
            clients = [Client(credentials, pool, Limits(SECONDS, 1000)) for _ in range(3)]
            for client in [*clients, *clients[1:]]:
                await outcome(client)
            assert await asyncio.to_thread(peer.closed.acquire, timeout=SECONDS)
            assert not peer.closed.acquire(blocking=False)

    with playing(answering(ok("a"))) as peer:
        run(ask(peer))
        assert peer.opened == 3


def test_nothing_stays_of_connections_that_were_closed() -> None:
    """A process knows thousands of servers: what it keeps of each adds up, and the collector looks seldom."""

    def connections() -> list[Connection]:
        return [one for one in gc.get_objects() if isinstance(one, Connection)]

    def living() -> int:
        return sum(all(one is not other for other in others) for one in connections())

    async def ask(peer: Peer) -> None:
        async with Pool(60) as pool:
            pool.idle = Idle(60, most=2)
            credentials = Credentials(f"http://127.0.0.1:{peer.port}", token="t")
            clients = [Client(credentials, pool, Limits(SECONDS, 1000)) for _ in range(5)]
            for client in clients:
                await outcome(client)
            await asyncio.to_thread(until, lambda: living() == 2, "three connections are closed and gone", SECONDS)

    gc.collect()
    others = connections()  # of tests before, held so that none of them goes meanwhile
    gc.disable()
    try:
        with playing(answering(ok("a"))) as peer:
            run(ask(peer))
    finally:
        gc.enable()


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_connection_in_the_middle_of_an_answer_is_not_used_again(cancelled: bool) -> None:
    half, ended = threading.Event(), threading.Event()

    def play(line: Line, number: int) -> None:
        if number > 1:
            answering(ok("own"))(line, number)
            return
        line.request()
        line.say(ok("stale")[:-2])
        half.set()
        line.ended()
        ended.set()

    async def ask(peer: Peer) -> Any:
        async with talking(peer, request=SECONDS if cancelled else 0.3) as client:
            task = asyncio.create_task(outcome(client))
            await happened(half)
            if cancelled:
                task.cancel()
            (found,) = await asyncio.gather(task, return_exceptions=True)
            await happened(ended)
            return found if isinstance(found, str) else type(found), await outcome(client)

    with playing(play) as peer:
        expected = asyncio.CancelledError if cancelled else "no answer within 0.3 s"
        assert run(ask(peer)) == (expected, (200, b"own"))


def test_nothing_is_written_after_the_pass_may_not() -> None:
    """Looked at after waiting for a turn too. Reading is allowed."""
    busy, over = threading.Barrier(SIDE_BY_SIDE + 1), threading.Event()

    def play(line: Line, number: int) -> None:
        line.request()
        busy.wait(SECONDS)
        over.wait(SECONDS)
        line.say(ok("a"))
        answering(ok("a"))(line, number)

    async def ask(peer: Peer) -> None:
        async with talking(peer) as client:
            slow = [asyncio.create_task(outcome(client)) for _ in range(SIDE_BY_SIDE)]
            await asyncio.to_thread(busy.wait, SECONDS)
            end = time.monotonic() + 0.1
            write_until.set(end)
            late = [asyncio.create_task(outcome(client, method)) for method in ("PATCH", "POST", "DELETE")]
            read = asyncio.create_task(outcome(client))
            await asyncio.to_thread(until, lambda: time.monotonic() > end, "later")
            over.set()
            assert [type(found) for found in await asyncio.gather(*late, return_exceptions=True)] == [OutOfTime] * 3
            assert await asyncio.gather(*slow, read) == [(200, b"a")] * (SIDE_BY_SIDE + 1)

    with playing(play) as peer:
        run(ask(peer))
    assert {head.split()[0] for head, _ in peer.asked} == {b"GET"}
    assert peer.opened == SIDE_BY_SIDE


def test_a_hundred_requests_at_once_go_over_two_connections() -> None:
    def play(line: Line, number: int) -> None:
        while asked := line.request():
            line.say(ok(asked.split()[1].decode()))

    async def ask(peer: Peer) -> list[Any]:
        async with talking(peer) as client:
            return list(await asyncio.gather(*(outcome(client, path=f"/{number}") for number in range(100))))

    with playing(play) as peer:
        assert run(ask(peer)) == [(200, f"/{number}".encode()) for number in range(100)]
    assert peer.opened == SIDE_BY_SIDE
