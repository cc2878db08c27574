"""The web server in front of Django: what it refuses by itself is in the envelope too, and bodies arrive whole."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

from tests.run.product import Product, once

pytestmark = once

LOGIN = "/v1/authorization"
HEAD = b"POST /v1/authorization HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"


def raw(port: int, request: bytes) -> tuple[int, str, Any]:
    """Send bytes; return status, media type and JSON."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(request)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status, answer.headers["Content-Type"], json.loads(answer.read())


def test_the_envelope_where_django_is_never_asked(make_product: Callable[..., Product]) -> None:
    port = make_product().start().ready().port
    cases = {
        b"garbage\r\n\r\n": 400,
        b"GET /v1/\xff HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n": 400,
        b"get /v1/cluster HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n": 400,
        b"GET /v1/" + b"a" * 9000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n": 414,
        b"GET /v1/cluster HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: " + b"a" * 20_000 + b"\r\n\r\n": 431,
        HEAD + b"Content-Length: -5\r\n\r\n{}": 400,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}": 400,
    }
    for request, code in cases.items():
        status, kind, answer = raw(port, request)
        assert (status, kind, answer["code"]) == (code, "application/json", code), request[:60]
        assert answer["message"].endswith(".")
    _bodies(port)


def _bodies(port: int) -> None:
    """A client that sends all of a body before it reads gets its answer, also where nobody wanted the body."""

    def pieces() -> Iterator[bytes]:
        yield b'{"user": '
        yield b'"nobody", "password": "x"}'

    for path, body, code, more in [
        (LOGIN, b"a" * 10_000_000, 422, "longer than"),
        ("/v1/app", b"a" * 10_000_000, 401, "Log in first"),
        ("/v1/nope", b"a" * 10_000_000, 404, "nothing at this path"),
        (LOGIN, pieces(), 401, "The user name or the password is wrong."),
    ]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        chunked = not isinstance(body, bytes)
        connection.request("POST", path, body, {"Content-Type": "application/json"}, encode_chunked=chunked)
        answer = connection.getresponse()
        assert answer.status == code
        assert more in json.load(answer)["message"]
        connection.close()
