"""No registry, a slow, dead or strange one: a sentence in time, never a hanging request."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from tests.registry.tenants import HARBOR_PASSWORD, IMAGE, PROJECT, SUCCESS, TAG, USER, Tenant

CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("get", IMAGE, {"projectName": "mine"}),
    ("get", TAG, {"imageName": "mine/web"}),
    ("delete", IMAGE, {"imageName": ["mine/web"]}),
    ("delete", TAG, {"imageName": "mine/web", "tag": ["v1"]}),
    ("put", USER, {"password": "Another0Passw0rd"}),
    ("get", PROJECT, {}),
    ("post", PROJECT, {"projectName": "new", "public": False}),
    ("delete", PROJECT, {"projectId": [1]}),
]


def send(tenant: Tenant, method: str, path: str, sent: dict[str, Any]) -> Any:
    answer = tenant.admin.get(path, **sent) if method == "get" else tenant.admin(method, path, sent)
    assert answer.status_code == answer.json()["code"]
    assert answer.headers["Content-Type"] == "application/json"
    return answer.json()


@pytest.fixture
def mine(acme: Tenant, registry: Any) -> Tenant:
    """acme with the project 'mine' and an image in it."""
    acme.project("mine")
    registry.push("mine/web", "v1")
    return acme


def test_none_is_configured(mine: Tenant, settings: Any) -> None:
    settings.OTE_REGISTRY_URL = ""
    for call in CALLS:
        assert send(mine, *call) == {"code": 503, "message": "No image registry is configured here."}


def test_permission_and_parameters_come_first(mine: Tenant, settings: Any) -> None:
    settings.OTE_REGISTRY_URL = ""
    assert mine.member.delete(PROJECT, {"projectId": [1]}).status_code == 403
    assert mine.member.post(USER, {}).status_code == 403
    assert mine.admin.delete(PROJECT, {"projectId": "x"}).status_code == 400
    assert mine.member.get(IMAGE).status_code == 400
    assert mine.member.get(IMAGE, projectName="mine", order="up").status_code == 400
    assert mine.member.get(PROJECT, pageSize=-1).status_code == 400


@pytest.mark.parametrize("how", ["hang", "refuse", "unavailable"])
def test_it_is_away(mine: Tenant, registry: Any, settings: Any, how: str) -> None:
    settings.OTE_REGISTRY_SECONDS = 0.7
    registry.set_away(how)
    for call in CALLS:
        began = time.monotonic()
        answer = send(mine, *call)
        assert answer["code"] == 503, (call, answer)
        assert time.monotonic() - began < 2
        assert "data" not in answer or answer["data"]["deleted"] == []
    registry.set_away("")
    assert mine.images("mine") == ["mine/web"]
    assert list(mine.projects()) == ["mine"]


def test_it_is_not_there_at_all(mine: Tenant, settings: Any) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        settings.OTE_REGISTRY_URL = f"http://127.0.0.1:{unused.getsockname()[1]}"
        for call in CALLS:
            assert send(mine, *call)["message"] == "The image registry does not answer; try again later."


class Drip:
    """A server that answers byte by byte, for ever."""

    def __init__(self, begin: bytes) -> None:
        self.begin, self.ended = begin, threading.Event()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._drip, args=(client,), daemon=True).start()

    def _drip(self, client: socket.socket) -> None:
        with client:
            try:
                client.sendall(self.begin)
                while not self.ended.wait(0.05):
                    client.sendall(b"a")
            except OSError:
                return


DRIPS = {
    "status": b"",
    "header": b"HTTP/1.1 200 OK\r\nX-A: ",
    "body": b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n[",
}


@pytest.fixture(params=DRIPS.values(), ids=DRIPS)
def drip(request: Any) -> Iterator[Drip]:
    """It drips in the status line, in a header, in the body."""
    server = Drip(request.param)
    yield server
    server.ended.set()
    server.socket.close()


def test_it_answers_byte_by_byte(mine: Tenant, settings: Any, drip: Drip) -> None:
    settings.OTE_REGISTRY_URL, settings.OTE_REGISTRY_SECONDS = drip.url, 0.5
    for call in (CALLS[0], CALLS[6]):
        began = time.monotonic()
        assert send(mine, *call)["code"] == 503
        assert time.monotonic() - began < 1.5


@contextmanager
def saying(answer: bytes) -> Iterator[str]:
    """A server that says the same to everybody; its address."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            with client, suppress(OSError):
                client.recv(65536)
                client.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
    finally:
        server.close()


NONSENSE = {
    "a page": b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n<html>hello</>",
    "no list": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Total-Count: 1\r\n\r\n{}",
    "fields missing": b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-Total-Count: 1\r\n\r\n[{}]",
    "null": b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull",
    "a redirect": b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    "a traceback": b"HTTP/1.1 500 Oops\r\nContent-Length: 25\r\n\r\nTraceback: secret at line ",
    "an odd status": b"HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "too much": b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + b"[" * 9_000_000,
}


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE)
def test_it_answers_nonsense(mine: Tenant, settings: Any, answer: bytes) -> None:
    with saying(answer) as settings.OTE_REGISTRY_URL:
        html_or_no_success = b"200 OK" not in answer or b"html" in answer
        writes = (CALLS[4], CALLS[6]) if html_or_no_success else ()
        for call in (CALLS[0], CALLS[1], CALLS[5], CALLS[7], *writes):
            got = send(mine, *call)
            assert got["code"] == 503, (call, got)
            assert "Traceback" not in got["message"] and "html" not in got["message"]


def test_it_shows_anothers_projects(mine: Tenant, settings: Any) -> None:
    """Harbor silently ignores a filter that it does not know."""
    content = b'[{"project_id": 7, "name": "theirs", "owner_id": 999, "repo_count": 0}]'
    head = b"HTTP/1.1 200 OK\r\nX-Total-Count: 1\r\nContent-Length: %d\r\n\r\n" % len(content)
    with saying(head + content) as settings.OTE_REGISTRY_URL:
        assert send(mine, *CALLS[5])["code"] == 503


def test_a_read_is_tried_again_and_a_write_is_not(mine: Tenant, registry: Any) -> None:
    registry.fail_next(count=2, method="GET", path="/projects?", status=503, html=True)
    assert list(mine.projects()) == ["mine"]
    registry.fail_next(method="POST", path="/projects", status=503, html=True)
    registry.reset_calls()
    sent = {"projectName": "new", "public": False}
    assert mine.member.post(PROJECT, sent).json()["code"] == 503
    assert [method for method, _ in registry.calls] == ["POST"]
    assert mine.member.post(PROJECT, sent).status_code == 201


def test_it_is_read_only(mine: Tenant, registry: Any) -> None:
    registry.set(read_only=True)
    for call in [*CALLS[2:5], CALLS[6]]:
        answer = send(mine, *call)
        assert (answer["code"], answer["message"]) == (
            503,
            "The image registry is read-only at the moment; try again later.",
        ), call
    assert mine.images("mine") == ["mine/web"]
    registry.set(read_only=False)
    assert mine.tags("mine/web") == ["v1"]


@pytest.mark.parametrize("user", ["admin", "nobody", "robot$nobody"])
def test_our_own_account_is_not_accepted(mine: Tenant, registry: Any, settings: Any, user: str) -> None:
    """Harbor then answers as to anybody, with what is public: never a list that is merely shorter."""
    mine.project("open", public=True)
    settings.OTE_REGISTRY_USER, settings.OTE_REGISTRY_PASSWORD = user, "Wrong0Passw0rd"
    sentence = "The image registry does not accept this installation's account; its operator has to look at it."
    for call in (CALLS[0], CALLS[4], CALLS[5], CALLS[7]):
        assert send(mine, *call) == {"code": 503, "message": sentence}, call


def test_a_batch_that_breaks_off_says_how_far_it_came(mine: Tenant, registry: Any) -> None:
    for number in range(5):
        registry.push(f"mine/i{number}", "v1")
    registry.fail_next(count=2, method="DELETE", path="/repositories/", status=500)
    answer = send(mine, "delete", IMAGE, {"imageName": [f"mine/i{number}" for number in range(5)]})
    assert answer["code"] == 409
    assert (len(answer["data"]["deleted"]), len(answer["data"]["failed"])) == (3, 2)
    left = [name for name in mine.images("mine") if name != "mine/web"]
    assert sorted(left) == sorted(answer["data"]["failed"])
    assert send(mine, "delete", IMAGE, {"imageName": left})["code"] == 200


def test_slow_calls_run_side_by_side(mine: Tenant, registry: Any) -> None:
    for number in range(8):
        registry.push(f"mine/i{number}", "v1")
    registry.set_latency(0.3)
    began = time.monotonic()
    answer = send(mine, "delete", IMAGE, {"imageName": [f"mine/i{number}" for number in range(8)]})
    assert answer == SUCCESS
    assert time.monotonic() - began < 1.5  # one after the other: 2.7


def test_a_slow_batch_ends_in_time(mine: Tenant, registry: Any, settings: Any) -> None:
    for number in range(30):
        registry.push(f"mine/i{number}", "v1")
    settings.OTE_REGISTRY_SECONDS = 1.2
    registry.set_latency(0.4)
    began = time.monotonic()
    answer = send(mine, "delete", IMAGE, {"imageName": [f"mine/i{number}" for number in range(30)]})
    assert time.monotonic() - began < 3
    assert answer["code"] == 409
    assert answer["data"]["deleted"] and set(answer["data"]["failed"].values()) == {
        "The image registry did not answer in time; try again later."
    }


def test_projects_only_for_administrators(mine: Tenant, registry: Any) -> None:
    registry.set(project_creation_restriction="adminonly")
    answer = send(mine, "post", PROJECT, {"projectName": "new", "public": False})
    assert answer == {"code": 403, "message": "The registry lets only its own administrators create projects."}


def test_users_are_kept_elsewhere(tenant: Any, registry: Any) -> None:
    plain = tenant("plain", account=False)
    registry.set(auth_mode="ldap_auth")
    answer = plain.admin.post(USER, {"user": "plain", "password": HARBOR_PASSWORD}).json()
    assert answer["code"] == 503


@pytest.mark.parametrize("public", [True, False])
def test_only_private_projects(acme: Tenant, settings: Any, public: bool) -> None:
    settings.OTE_PRIVATE_PROJECT = True
    answer = acme.member.post(PROJECT, {"projectName": "new", "public": public})
    if public:
        assert (answer.status_code, answer.json()["errors"]) == (
            400,
            {"public": ["Public projects are not allowed here."]},
        )
        assert acme.projects() == {}
    else:
        assert answer.status_code == 201
