"""The web server in front of Django, over real sockets: what it refuses by itself is in the envelope too, bodies arrive
whole or not at all, and no client takes it away from the others."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from otestack.supervisor.process import children_of
from tests.run.product import Product, once, product, until
from tests.run.wire import HEAD, HOST, LOGIN, QUESTION, answers_at_once, ask, connect, get, read, resident, worked

BODY = b'{"user": "nobody", "password": "x"}'
# More than the threads of all workers together.
MANY = 40


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory, backend: Callable[[], dict[str, str]]) -> Iterator[Product]:
    """One product for all; `once` on those tests that have nothing to do with database and cache."""
    with product(tmp_path_factory.mktemp("web") / "data", **backend()) as made:
        yield made.start().ready()


REFUSED = {
    "garbage": (b"garbage\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x00\xc8\x01\x00\r\n\r\n", 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "HTTP/0.9": (b"GET /\r\n\r\n", 400),
    "a byte in the path": (get(b"/v1/\xff"), 400),
    "a small method": (b"get /v1/cluster HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a long path": (get(b"/v1/" + b"a" * 9000), 414),
    "a very long path": (get(b"/v1/" + b"a" * 300_000), 414),
    "a long header": (get(b"/v1/cluster", b"X-Long: " + b"a" * 20_000), 431),
    "many headers": (get(b"/v1/cluster", *(b"X-%d: a" % number for number in range(200))), 431),
    "a folded header": (get(b"/v1/cluster", b"X-A: b", b" c"), 400),
    "NUL in a header": (get(b"/v1/cluster", b"X-A: a\0b"), 400),
    "CR in a header": (get(b"/v1/cluster", b"X-A: a\rX-B: b"), 400),
    "bare line feeds": (b"GET /healthz HTTP/1.1\nHost: 127.0.0.1\n\n", 400),
    "a space in a name": (get(b"/v1/cluster", b"X-A : b"), 400),
    "two hosts": (get(b"/v1/cluster", b"Host: evil.example"), 400),
    "another host": (b"GET /v1/cluster HTTP/1.1\r\nHost: evil.example\r\n\r\n", 400),
    "an expectation": (HEAD + b"Expect: miracles\r\nContent-Length: 2\r\n\r\n{}", 417),
    "a negative length": (HEAD + b"Content-Length: -5\r\n\r\n{}", 400),
    "a length with a sign": (HEAD + b"Content-Length: +2\r\n\r\n{}", 400),
    "two lengths": (HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ", 400),
    "a list of lengths": (HEAD + b"Content-Length: 2, 3\r\n\r\n{} ", 400),
    "an unknown encoding": (HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
    "no chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}", 400),
    "a negative chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n", 400),
}


@once
@pytest.mark.parametrize("name", REFUSED)
def test_the_envelope_where_django_is_never_asked(web: Product, name: str) -> None:
    request, code = REFUSED[name]
    assert ask(web, request)[0] == code


SMUGGLED = b"GET /v1/nope HTTP/1.1\r\n" + HOST + b"\r\n"


@once
@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        b"Content-Length: 5\r\nTransfer-Encoding : chunked\r\n",
        b"Content-Length: 5\r\nTransfer-Encoding:\x0bchunked\r\n",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding: identity, chunked\r\nContent-Length: 5\r\n",
        b"Content-Length: 5\r\nContent-Length: 0\r\n",
    ],
)
def test_nobody_else_reads_another_request_out_of_one(web: Product, headers: bytes) -> None:
    with connect(web, HEAD + headers + b"\r\n0\r\n\r\n" + SMUGGLED) as connection:
        assert read(connection)[0] in {400, 501}
        assert connection.recv(1) == b""  # no second answer


@once
def test_requests_one_after_the_other_are_all_answered(web: Product) -> None:
    whole = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
    with connect(web, whole + get(b"/v1/nope") + whole[:60]) as connection:
        assert read(connection)[0] == 401
        assert read(connection)[0] == 404
        time.sleep(0.3)  # the rest comes late, and nobody waits for it meanwhile
        answers_at_once(web)
        connection.sendall(whole[60:])
        assert read(connection)[0] == 401


@once
@pytest.mark.parametrize("header", [b"SCRIPT_NAME: /v1", b"PATH_INFO: /admin/", b"X-Forwarded-Prefix: /v1"])
def test_no_header_moves_the_path(web: Product, header: bytes) -> None:
    assert ask(web, get(b"/healthz", header)) == (200, {"code": 200, "message": "success"})


@once
def test_of_two_tokens_neither_counts(web: Product) -> None:
    token = web.request(
        "POST", LOGIN, {"user": "admin", "password": (web.data_dir / "admin-password").read_text().strip()}
    )
    good = b"Authorization: " + token[1]["token"].encode()
    assert ask(web, get(b"/v1/cluster", good))[0] == 200
    for pair in (
        (good, good),
        (good, b"Authorization: x"),
        (b"Authorization: x", good),
        (good, b"authorization: Bearer x"),
    ):
        assert ask(web, get(b"/v1/cluster", *pair))[0] in {400, 401}


@once
def test_a_body_that_nobody_wanted_leaves_room_for_the_answer(web: Product) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'{"user": '
        yield b'"nobody", "password": "x"}'

    for path, body, code, more in [
        (LOGIN, b"a" * 10_000_000, 422, "longer than"),
        ("/v1/app", b"a" * 10_000_000, 401, "Log in first"),
        ("/v1/nope", b"a" * 10_000_000, 404, "nothing at this path"),
        (LOGIN, b"a" * 20_000_000, 422, "longer than"),
        (LOGIN, pieces(), 401, "The user name or the password is wrong."),
    ]:
        connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=60)
        chunked = not isinstance(body, bytes)
        connection.request("POST", path, body, {"Content-Type": "application/json"}, encode_chunked=chunked)
        answer = connection.getresponse()
        assert answer.status == code
        assert more in json.load(answer)["message"]
        connection.close()


@once
def test_who_asks_first_is_told_to_go_on(web: Product) -> None:
    with connect(web, HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY)) as connection:
        assert connection.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(BODY)
        assert read(connection)[0] == 401


@once
@pytest.mark.parametrize(
    "request_",
    [
        HEAD + b"Content-Length: 500\r\n\r\n" + BODY,
        HEAD + b"Content-Length: 500\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(BODY), BODY),
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
        HEAD,
        b"GET /v1/cl",
    ],
)
def test_what_is_cut_off_is_refused(web: Product, request_: bytes) -> None:
    assert ask(web, request_, ends=True) == (400, {"code": 400, "message": "The request is no HTTP that can be read."})


@once
def test_what_is_cut_off_is_not_done_although_it_looks_whole(web: Product) -> None:
    user = {"user": "cut-off", "password": "Passw0rdXy", "phone": "12345", "realName": "r", "isAdmin": False}
    body = json.dumps(user).encode()
    head = HEAD.replace(b"/v1/authorization", b"/v1/user")
    assert ask(web, head + b"Content-Length: %d\r\n\r\n" % (len(body) + 1) + body, ends=True)[0] == 400
    assert ask(web, head + b"Content-Length: %d\r\n\r\n" % len(body) + body)[0] == 200  # the name is free


@once
def test_slow_clients_hinder_nobody_and_are_sent_away(web: Product) -> None:
    first = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
    beginnings = [
        b"",
        b"GET /heal",
        HEAD + b"X-Slow: ",
        HEAD + b"Content-Length: 5000\r\n\r\n{",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nfff\r\n{",
        HEAD + b"Expect: 100-continue\r\nContent-Length: 5000\r\n\r\n",
        first + HEAD + b"Content-Length: 5000\r\n\r\n{",
    ]
    started = time.monotonic()
    slow = [connect(web, beginnings[number % len(beginnings)]) for number in range(MANY)]
    answers_at_once(web)
    open_ones = set(slow)
    for connection in slow:
        connection.setblocking(False)

    def all_gone() -> bool:
        for connection in list(open_ones):
            try:
                connection.send(b"a")  # one byte in each round
                while data := connection.recv(65536):
                    assert b"<html" not in data
                open_ones.discard(connection)
            except BlockingIOError:
                continue
            except OSError:
                open_ones.discard(connection)
        return not open_ones

    until(all_gone, "all slow clients are sent away", 40)
    assert time.monotonic() - started > 5  # a slow network is no attack
    answers_at_once(web)
    for connection in slow:
        connection.close()


@once
def test_a_slow_client_is_told_why(web: Product) -> None:
    with connect(web, HEAD + b"Content-Length: 5000\r\n\r\n{") as connection:
        assert read(connection) == (408, {"code": 408, "message": "The request took too long to arrive."})


@once
def test_who_never_hangs_up_hinders_nobody(web: Product) -> None:
    connections = [connect(web, QUESTION) for _ in range(MANY)]
    answers_at_once(web)
    for connection in connections:
        assert read(connection)[0] == 200
        connection.close()


@once
def test_who_does_not_read_hinders_nobody(web: Product) -> None:
    """Each asks for more than a socket holds, and takes nothing of it for a while."""
    question = get(b"/static/admin/js/vendor/jquery/jquery.js")
    connections = []
    for _ in range(MANY):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(60)
        connection.connect(("127.0.0.1", web.port))
        connection.sendall(question * 50)
        connections.append(connection)
    end = time.monotonic() + 3  # until every buffer on the way is full
    while time.monotonic() < end:
        answers_at_once(web)
    for connection in connections[1:]:
        connection.close()
    stream = connections[0].makefile("rb")
    for _ in range(50):  # who reads on gets all of it
        assert stream.readline() == b"HTTP/1.1 200 OK\r\n"
        headers = http.client.parse_headers(stream)
        assert len(stream.read(int(headers["Content-Length"]))) == int(headers["Content-Length"])
    connections[0].close()


@once
def test_large_bodies_at_once_stay_within_bounds(web: Product) -> None:
    kinds = [b'{"user": "%s"}' % (b"a" * 10_000_000), b"[" * 10_000_000, b'{"a": [%s]}' % (b"[]," * 3_300_000)]
    before, most = resident(web), dict[int, int]()

    def send(number: int) -> int:
        body = kinds[number % 3]
        if number % 2:
            chunked = b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
            return ask(web, HEAD + chunked % (len(body), body))[0]
        return ask(web, HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)[0]

    with ThreadPoolExecutor(20) as pool:
        sent = [pool.submit(send, number) for number in range(20)]
        while not all(one.done() for one in sent):
            for pid, size in resident(web).items():
                most[pid] = max(size, most.get(pid, 0))
            time.sleep(0.02)
    assert {one.result() for one in sent} == {422}
    assert resident(web).keys() == before.keys()  # no worker died
    for pid, size in most.items():
        assert size - before[pid] < 250, (before, most)
    answers_at_once(web)


def test_failed_logins_count_in_all_processes_together(web: Product) -> None:
    workers = children_of(web.part("web"))
    assert len(workers) == 2
    before = {pid: worked(pid) for pid in workers}

    def guess(number: int) -> int:
        return web.request("POST", LOGIN, {"user": "somebody-else", "password": f"Wr0ngPassword{number}"})[0]

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(guess, range(40)))
    assert sorted(codes) == [401] * 10 + [429] * 30
    assert all(worked(pid) > before[pid] for pid in workers)
    password = (web.data_dir / "admin-password").read_text().strip()
    assert web.request("POST", LOGIN, {"user": "admin", "password": password})[0] == 200  # nobody else is locked out


@once
def test_its_log_is_one_entry_a_line_and_holds_no_alarm(web: Product) -> None:
    evil = b"/v1/%0a2026-01-01%2000:00:00,000%20INFO%20accounts%20forged%1b[31m"
    assert ask(web, get(evil, b"Authorization: x"))[0] == 404
    assert ask(web, get(b"/v1/cluster", b"X-Bad\x1b[31m: x"))[0] == 400
    web.said("forged")
    lines = web.log.split("\n")
    assert all(line.isprintable() for line in lines)
    assert not [line for line in lines if "forged" in line and "Not Found" not in line]
    assert "Traceback" not in web.log and " ERROR " not in web.log


@once
def test_it_opens_no_more_than_it_may(web: Product) -> None:
    """Connections that wait are bounded below what a process may usually open."""
    connections = [connect(web, b"G") for _ in range(200)]
    answers_at_once(web)
    for pid in children_of(web.part("web")):
        assert len(list(Path(f"/proc/{pid}/fd").iterdir())) < 500
    for connection in connections:
        connection.close()
