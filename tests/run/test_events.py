"""Live progress over real sockets: everything in order and once, nobody in anybody's way, an end when there is one."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from otestack.supervisor.process import children_of
from tests.run.following import PASSWORD, Event, Fleet, Stream
from tests.run.product import ROOT, Product, once, product, until
from tests.run.wire import answers_at_once, connect, get

pytestmark = pytest.mark.processes
LISTENERS = 100


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, backend: Callable[[], dict[str, str]]) -> Iterator[Fleet]:
    env = backend() | {"OTE_EDGE": "simulated", "OTE_STREAMS_OF_USER": "110"}
    with product(tmp_path_factory.mktemp("events") / "data", **env) as made:
        yield Fleet(made.start().ready())


def status(number: int) -> Callable[[Event], bool]:
    return lambda event: event.data.get("status") == number


def numbers(events: list[Event]) -> list[int]:
    return [event.number for event in events]


def test_a_change_is_followed_from_the_first_cluster_to_the_last(fleet: Fleet) -> None:
    made = fleet.deploy("first")
    with fleet.following(made, last=0) as stream:
        assert stream.answer.status == 200
        assert stream.answer.headers["Content-Type"] == "text/event-stream"
        assert stream.answer.headers["Cache-Control"] == "no-store"
        events = stream.until(status(5))
    assert numbers(events) == sorted(set(numbers(events))) and events[0].number > 0
    assert {event.name for event in events} == {"progress"}
    assert {event.data["deployId"] for event in events} == {made}
    assert [event.data["status"] for event in events] == sorted(event.data["status"] for event in events)
    last = events[-1].data
    assert last["clusters"] == {"total": 3, "taken": 3, "ready": 3, "failed": 0, "away": 0}
    assert last["pods"] == {"running": 3, "error": 0, "total": 3} and last["message"] == ""
    assert (last["version"], last["deployType"], last["generation"]) == ("1.0.1", 1, 1)
    assert abs(last["createTime"] - time.time()) < 3600


def test_who_comes_again_misses_nothing_and_gets_nothing_twice(fleet: Fleet) -> None:
    made = fleet.deploy("again")
    with fleet.following(made, last=0) as stays:
        pieces: list[Event] = []
        for version in ("1.0.2", "1.0.1"):  # one is cut off in the middle of each
            with fleet.following(made, last=pieces[-1].number if pieces else 0) as stream:
                pieces += stream.until(status(5))
            fleet.ended(made)
            fleet.upgrade(made, version)
        with fleet.following(made, last=pieces[-1].number) as stream:
            pieces += stream.until(lambda event: event.data["generation"] == 3 and event.data["status"] == 5)
        whole = stays.until(lambda event: event.number == pieces[-1].number)
    assert numbers(pieces) == numbers(whole) == sorted(set(numbers(whole)))
    assert pieces == whole
    with fleet.following(made) as stream:  # how it is now, first of all
        assert next(iter(stream)).number == whole[-1].number
    with fleet.following(made, last=10**15) as stream:  # of a database that is no more
        assert next(iter(stream)).number == whole[-1].number


@once
def test_a_hundred_listeners_hold_no_thread(fleet: Fleet) -> None:
    made = fleet.deploy("many")
    fleet.ended(made)
    idle = sockets_open(fleet.product)
    before = {pid: threads(pid) for pid in children_of(fleet.product.part("web"))}
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(fleet.following(made)) for _ in range(LISTENERS)]
        assert [next(iter(stream)).data["status"] for stream in streams] == [5] * LISTENERS
        answers_at_once(fleet.product)
        fleet.upgrade(made, "1.0.2")
        ends = [stream.until(lambda event: event.data["generation"] == 2 and status(5)(event)) for stream in streams]
        assert len({tuple(numbers(events)) for events in ends}) == 1
        for pid in children_of(fleet.product.part("web")):
            assert threads(pid) <= max(before[pid], 9) + 1  # those of the pool, and the one that asks
            assert len(list(Path(f"/proc/{pid}/fd").iterdir())) < 500
    # Those of the database and the broker are among them.
    until(lambda: sockets_open(fleet.product) < idle + LISTENERS // 10, "who left is forgotten")
    with fleet.following(made) as stream:  # their places are free again
        assert next(iter(stream)).data["status"] == 5


def threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def sockets_open(made: Product) -> int:
    found = 0
    for pid in children_of(made.part("web")):
        for one in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                found += str(one.readlink()).startswith("socket")
    return found


@once
def test_who_does_not_read_is_cut_and_hinders_nobody(fleet: Fleet) -> None:
    made = fleet.deploy("deaf")
    fleet.ended(made)
    path, token = f"/v1/deploy/id/{made}/events".encode(), b"Authorization: " + fleet.token.encode()
    idle = sockets_open(fleet.product)
    deaf = [connect(fleet.product, get(path, token, b"Last-Event-ID: 0")) for _ in range(20)]
    answers_at_once(fleet.product)
    with fleet.following(made) as stream:
        fleet.upgrade(made, "1.0.2")
        stream.until(lambda event: event.data["generation"] == 2 and status(5)(event))
    for connection in deaf:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()  # with a reset
    answers_at_once(fleet.product)
    until(lambda: sockets_open(fleet.product) < idle + len(deaf) // 2, "who left is forgotten")


@once
def test_what_is_no_stream_is_in_the_envelope(fleet: Fleet) -> None:
    made = fleet.deploy("mine")
    other = fleet.user("other", business="other")
    for wanted, options in [
        (404, {"token": other}),
        (401, {"token": "x"}),
        (422, {"last": "x"}),
        (422, {"last": "-1"}),
        (422, {"last": "9" * 40}),
    ]:
        with fleet.following(made, **options) as stream:
            code, content = stream.refusal()
            assert (code, content["code"]) == (wanted, wanted)
    with fleet.following(10**9) as stream:
        assert stream.refusal()[0] == 404


@once
def test_what_the_page_says_can_be_pasted(fleet: Fleet) -> None:
    made = fleet.deploy("pasted")
    fleet.ended(made)
    page = (ROOT / "docs" / "events.md").read_text()
    lines = re.findall(r"^```sh\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert len(lines) == 2
    for line in lines:
        line = line.replace(":8012/", f":{fleet.product.port}/").replace("/17/", f"/{made}/").replace("4711", "0")
        with subprocess.Popen(["bash", "-c", f"exec {line}"], stdout=subprocess.PIPE, env=fleet.environment) as curl:
            assert curl.stdout is not None
            said = [curl.stdout.readline().decode() for _ in range(3)]
            curl.terminate()
        assert [one.split(": ")[0] for one in said] == ["id", "event", "data"], said


def ends(stream: Stream, what: Callable[[], object]) -> str:
    """Do it, and return why the stream ends."""
    first = next(iter(stream))
    assert first.name == "progress"
    what()
    events = list(stream)
    assert [event.name for event in events if event.name != "progress"] == ["end"]
    return str(events[-1].data["reason"])


def test_who_may_not_listen_any_more_is_sent_away(fleet: Fleet) -> None:
    made = fleet.deploy("closed")
    fleet.ended(made)
    token, second = fleet.user("leaver"), fleet.login("leaver")
    logout = lambda: fleet.ask("DELETE", "/v1/authorization", token=token)  # noqa: E731
    with fleet.following(made, token=token) as stream, fleet.following(made, token=second) as stays:
        assert ends(stream, logout) == "The login has ended."
        forbid = lambda: fleet.ask("PUT", f"/v1/admin/user/{fleet.id_of('leaver')}", {"status": 3})  # noqa: E731
        assert ends(stays, forbid) == "The login has ended."
    with fleet.following(made, token=token) as stream:
        assert stream.refusal()[0] == 401


def test_a_deployment_that_is_deleted_ends_its_streams(fleet: Fleet) -> None:
    made = fleet.deploy("short")
    fleet.ended(made)
    with fleet.following(made) as stream:
        assert ends(stream, lambda: fleet.ask("DELETE", f"/v1/deploy/id/{made}")) == "The deployment is deleted."
    with fleet.following(made) as stream:  # nothing will come
        assert [(event.name, event.data.get("status")) for event in stream] == [("progress", 9), ("end", None)]


@once
def test_the_number_of_streams_has_an_end_and_stopping_ends_them_at_once(
    make_product: Callable[..., Product],
) -> None:
    env = {"OTE_EDGE": "simulated", "OTE_STREAMS": "6", "OTE_STREAMS_OF_USER": "4", "OTE_TOKEN_SECONDS": "3600"}
    made = make_product("few", **env).start().ready()
    fleet = Fleet(made)
    deployment, token = fleet.deploy("web1"), fleet.user("second")
    fleet.ended(deployment)
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(fleet.following(deployment)) for _ in range(9)]  # 4 in each of 2 processes
        refused = [stream for stream in opened if stream.answer.status != 200]
        assert {stream.refusal()[0] for stream in refused} == {429}
        assert refused[0].answer.headers["Retry-After"]
        more = [stack.enter_context(fleet.following(deployment, token=token)) for _ in range(9)]
        refusals = {stream.refusal()[0] for stream in more if stream.answer.status != 200}
        assert refusals and refusals <= {429, 503}
        streams = [stream for stream in opened + more if stream.answer.status == 200]
        assert 0 < len(streams) <= 12
        web = made.part("web")
        workers = children_of(web)
        started = time.monotonic()
        os.kill(web, signal.SIGTERM)
        for stream in streams:
            assert {event.name for event in stream} <= {"progress"}  # and then ended as HTTP ends it
        assert time.monotonic() - started < 5  # not what gunicorn waits for requests, before it cuts them off
        until(lambda: not [pid for pid in workers if Path(f"/proc/{pid}").exists()], "the workers are gone")
    until(lambda: made.readyz()[0] == 200, "the web server is up again")
    with fleet.following(deployment) as stream:
        assert next(iter(stream)).data["status"] == 5
    assert PASSWORD not in made.log and "Traceback" not in made.log
