"""Servers that are given by name: a name that DNS never answers is no trouble to the others."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from clusters.drivers.kubernetes.names import AT_ONCE
from tests.clusters.pki import Authority
from tests.edge.peer import Peer, answering, outcome, outcomes, playing, run, talking
from tests.edge.test_connection import BODY, whole
from tests.run.product import ROOT, once, until

pytestmark = once

AUTHORITY = Authority()
OK = (200, BODY)
SILENT = 8
SECONDS = 4.0  # of a request; half of it to connect
DNS = "127.53.0.1"
MOUNTED = 'mount --bind "$1" /etc/resolv.conf && mount --bind "$2" /etc/nsswitch.conf && shift 2 && exec "$@"'


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """Run a function of this file in a process for which DNS is a server that never answers."""
    (tmp_path / "resolv.conf").write_text(f"nameserver {DNS}\n")
    (tmp_path / "nsswitch.conf").write_text("hosts: files dns\n")
    files = (str(tmp_path / "resolv.conf"), str(tmp_path / "nsswitch.conf"))

    def execute(*command: str) -> subprocess.CompletedProcess[str]:
        within = ("unshare", "--mount", "sh", "-c", MOUNTED, "sh", *files, *command)
        return subprocess.run(within, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        try:
            server.bind((DNS, 53))
            tried = execute("true")
        except OSError as error:
            pytest.skip(f"no name server of our own: {error}")
        if tried.returncode:
            pytest.skip(f"no mount namespace of our own: {tried.stderr}")
        yield lambda work, *arguments: execute(
            sys.executable, "-c", f"from tests.edge import test_names as it; it.{work.__name__}{arguments}"
        )


def beside_silent_names(port: int, by_proxy: bool) -> None:
    """Say what came of a server by name while others' names are looked up, after which seconds, and of the others."""

    async def ask() -> tuple[Any, float, list[Any], float]:
        async with AsyncExitStack() as stack:

            async def client(host: str) -> Any:
                there = f"http://{host}:{port}"
                options: dict[str, Any] = {"proxy_url": there} if by_proxy else {}
                server = "http://edge.example" if by_proxy else there
                return await stack.enter_async_context(talking(server, request=SECONDS, **options))

            others = [await client(f"edge-{number}.slow.test") for number in range(SILENT)]
            healthy = await client("localhost")
            tasks = [asyncio.create_task(outcome(other)) for other in others]
            await asyncio.sleep(0.1)
            start = time.monotonic()
            came = await outcome(healthy)
            took = time.monotonic() - start
            return str(came), took, await asyncio.gather(*tasks), time.monotonic()

    print(json.dumps(run(ask())))


@pytest.mark.parametrize("by_proxy", [False, True])
def test_names_that_dns_never_answers_keep_nobody_waiting(elsewhere: Callable[..., Any], by_proxy: bool) -> None:
    """Nor the process from ending."""
    with playing(answering(whole())) as peer:
        ended = elsewhere(beside_silent_names, peer.port, by_proxy)
        now = time.monotonic()
    assert not ended.returncode, ended.stderr
    came, took, others, last = json.loads(ended.stdout)
    assert others == [f"no answer within {SECONDS:g} s"] * SILENT
    assert came == str(OK)
    assert took < SECONDS / 4
    assert now - last < 3  # their lookups take eight seconds more


def in_a_fork(port: int) -> None:
    """End well when a forked child resolves names that its parent resolved before."""
    assert outcomes(f"http://localhost:{port}") == [OK]
    child = os.fork()
    if not child:
        os._exit(0 if outcomes(f"http://localhost:{port}", request=SECONDS) == [OK] else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_a_forked_process_has_lookups_of_its_own() -> None:
    with playing(answering(whole())) as peer:
        work = f"from tests.edge import test_names as it; it.in_a_fork({peer.port})"
        ended = subprocess.run([sys.executable, "-c", work], cwd=ROOT, capture_output=True, timeout=60, check=False)
    assert not ended.returncode, ended.stderr


class Resolver:
    """The C library's, for names under .test. It answers while `open` is set, with `addresses`; asked: what for."""

    def __init__(self, real: Callable[..., Any]) -> None:
        self.open = threading.Event()
        self.open.set()
        self.addresses = ["127.0.0.1"]
        self.asked: list[str] = []
        self._real = real

    def __call__(self, host: Any, *rest: Any, **options: Any) -> Any:
        if not str(host).endswith(".test"):
            return self._real(host, *rest, **options)
        self.asked.append(host)
        assert self.open.wait(60)
        return [found for address in self.addresses for found in self._real(address, *rest, **options)]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    made = Resolver(socket.getaddrinfo)
    monkeypatch.setattr(socket, "getaddrinfo", made)
    yield made
    made.open.set()


def test_who_asks_for_a_name_while_it_is_looked_up_waits_for_that(resolver: Resolver) -> None:
    """Even when the first to ask has given up."""
    resolver.open.clear()

    async def ask(server: str) -> list[Any]:
        async with talking(server, request=0.4) as first, talking(server) as second, talking(server) as third:
            gave_up = await outcome(first)
            others = [asyncio.create_task(outcome(client)) for client in (second, third, first)]
            gave_up_again = await others[2]
            resolver.open.set()
            return [gave_up, gave_up_again, *await asyncio.gather(*others[:2])]

    with playing(answering(whole())) as peer:
        server = f"http://edge.test:{peer.port}"
        assert run(ask(server)) == ["no answer within 0.4 s"] * 2 + [OK] * 2
        assert resolver.asked == ["edge.test"]
        assert outcomes(server) == [OK]
    assert resolver.asked == ["edge.test"] * 2  # what was found is not kept


def test_a_lookup_that_nobody_waits_for_when_its_turn_comes_is_not_made(resolver: Resolver) -> None:
    resolver.open.clear()

    async def ask(port: int) -> Any:
        async with AsyncExitStack() as stack:
            names = [f"http://edge-{number}.test:{port}" for number in range(AT_ONCE + 9)]
            clients = [await stack.enter_async_context(talking(name, request=2)) for name in names]
            assert set(await asyncio.gather(*map(outcome, clients))) == {"no answer within 2 s"}
            assert len(resolver.asked) == AT_ONCE
            resolver.open.set()
            async with talking(f"http://well.test:{port}") as client:
                assert await outcome(client) == OK
            assert await outcome(clients[-1]) == OK

    with playing(answering(whole())) as peer:
        run(ask(peer.port))
    assert resolver.asked[AT_ONCE:] == ["well.test", f"edge-{AT_ONCE + 8}.test"]


def test_an_address_is_not_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("a lookup"))
    for host, written in [("127.0.0.1", "127.0.0.1")] + [("::1", "[::1]")] * socket.has_ipv6:
        with playing(answering(whole()), host=host) as peer:
            assert outcomes(f"http://{written}:{peer.port}") == [OK]


def test_the_addresses_of_a_name_are_tried_one_after_the_other(resolver: Resolver) -> None:
    with playing(answering(whole())) as peer:
        resolver.addresses = ["127.0.0.2", "127.0.0.3", "127.0.0.1"]  # it listens on the last one only
        assert outcomes(f"http://edge.test:{peer.port}") == [OK]
        for refusing in (["127.0.0.2"], ["127.0.0.2", "127.0.0.3"]):
            resolver.addresses = refusing
            assert outcomes(f"http://edge.test:{peer.port}") == ["connection refused"]
    assert peer.opened == 1


def link_local() -> str:
    """One of this machine's addresses that mean nothing without the interface; "" when it has none."""
    file = Path("/proc/net/if_inet6")
    for line in file.read_text().splitlines() if file.exists() else ():
        address, *_, interface = line.split()
        if address.startswith("fe80"):
            return f"{ipaddress.IPv6Address(int(address, 16))}%{interface}"
    return ""


def test_a_name_with_a_link_local_address(resolver: Resolver) -> None:
    host = link_local()
    if not host:
        pytest.skip("no link-local address")
    resolver.addresses = [host]
    with playing(answering(whole()), host="::") as peer:
        assert outcomes(f"http://edge.test:{peer.port}") == [OK]


def test_a_certificate_is_looked_at_for_the_name(resolver: Resolver) -> None:
    ca = AUTHORITY.pem.decode()
    with playing(answering(whole()), AUTHORITY.issue("edge.test")) as peer:
        assert outcomes(f"https://edge.test:{peer.port}", "GET", "GET", ca_pem=ca) == [OK, OK]
        assert outcomes(f"https://other.test:{peer.port}", ca_pem=ca, tls_server_name="edge.test") == [OK]
        (said,) = outcomes(f"https://other.test:{peer.port}", ca_pem=ca)
        assert said.startswith("its certificate is not accepted: Hostname mismatch")
    assert peer.opened == 3 and len(peer.asked) == 3


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_server_by_name_that_does_not_go_on_is_given_up_and_its_connection_closed(resolver: Resolver) -> None:
    def asked(peer: Peer) -> list[Any]:
        return outcomes(f"https://edge.test:{peer.port}", ca_pem=AUTHORITY.pem.decode(), request=0.6)

    with playing(lambda line, _: line.ended()) as peer:
        before = open_files()
        assert asked(peer) == ["no answer within 0.6 s"]
        assert peer.opened == 1 and peer.all_closed()
        until(lambda: open_files() <= before, "nothing stays open")
