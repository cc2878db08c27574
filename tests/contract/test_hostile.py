"""What nobody sends by mistake: every answer is still the envelope, with a sentence that says what to change."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client

from tests.apps.bodies import small

pytestmark = pytest.mark.django_db

LOGIN = "/v1/authorization"


def send(body: bytes, content_type: str = "application/json", **headers: Any) -> Any:
    return Client().post(LOGIN, data=body, content_type=content_type, **headers)


def body_error(answer: Any) -> str:
    assert (answer.status_code, answer.json()["code"], list(answer.json()["errors"])) == (422, 422, ["body"])
    return answer.json()["errors"]["body"][0]


@pytest.mark.parametrize("word", ["\ud800", "\x00", "chart", "Deployment", "x" * 10_000, "a\nb", "", 1, True, [], {}])
def test_one_of_a_few_words_is_never_echoed(api: Any, member: Any, word: Any) -> None:
    # Nothing could be made of a lone surrogate's echo, and a long one is no help.
    answer = api(member).post("/v1/app", small(deployType=word))
    assert answer.status_code == 422
    assert answer.json()["errors"] == {"deployType": ["It must be deployment or daemonset."]}


@pytest.mark.parametrize(
    ("path", "query", "sentence"),
    [
        ("/v1/app", {"appNameMode": "STRICT"}, "It must be strict, partial or prefix."),
        ("/v1/deploy", {"appNameMode": "\x00"}, "It must be strict, partial or prefix."),
        ("/v1/deploy", {"editable": "1"}, "It must be true, false or all."),
        ("/v1/deploy", {"running": "false"}, "It must be true or all."),
    ],
)
def test_a_filter_says_what_it_takes(api: Any, member: Any, path: str, query: dict[str, str], sentence: str) -> None:
    answer = api(member).get(path, **query)
    assert (answer.status_code, answer.json()["errors"]) == (422, {next(iter(query)): [sentence]})


@pytest.mark.parametrize("path", ["/v1/node", "/v1/deploy"])
@pytest.mark.parametrize("name", ["nope", "\x00", "\ufffd", "x" * 3000])
def test_field_says_what_there_is(api: Any, member: Any, path: str, name: str) -> None:
    answer = api(member).get(path, field=name)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == ["field"]
    assert len(answer.json()["message"]) < 400
    if name == "nope":
        assert "There is no field 'nope'; there are " in answer.json()["message"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'{"user": "\xff"}', "The body must be UTF-8."),
        ('{"user": "a"}'.encode("utf-16"), "The body must be UTF-8."),
        (b'{"user": ' + b"9" * 5000 + b"}", "The body holds a number of too many digits."),
        (b'{"user": NaN}', "The body is not valid JSON: there is no NaN."),
        (b'{"user": -Infinity}', "The body is not valid JSON: there is no -Infinity."),
        (b'{"user": ' + b"[" * 100_000, "The body is nested too deeply."),
        (b"[]", "The body must be a JSON object."),
    ],
)
def test_a_body_that_cannot_be_read(body: bytes, sentence: str) -> None:
    assert body_error(send(body)) == sentence


@pytest.mark.parametrize("kind", ["text/plain", "application/*", "*/*", "json", "multipart/form-data", "a/b\r\nc"])
def test_a_wrong_media_type(kind: str) -> None:
    answer = send(b'{"user": "a", "password": "b"}', kind)
    assert answer.status_code == 415
    assert answer.json() == {"code": 415, "message": "The body must be sent as application/json."}


@pytest.mark.parametrize("method", ["patch", "options", "trace", "put"])
def test_a_method_that_a_path_does_not_have(api: Any, member: Any, method: str) -> None:
    answer = api(member)(method, "/v1/cluster")
    assert answer.status_code == 405
    assert answer.json() == {"code": 405, "message": f"{method.upper()} is not possible here, only GET and HEAD."}
    assert answer.headers["Allow"] == "GET, HEAD"


def test_a_host_that_is_not_ours(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["ours.example"]
    answer = Client().get("/v1/cluster", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert answer.json() == {"code": 400, "message": "The Host header names another server than this one."}


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/nope", "/v2/app", "/v1/app//", "/v1/\x00"])
def test_a_path_that_leads_nowhere(path: str) -> None:
    answer = Client().get(path)
    assert (answer.status_code, answer.json()) == (404, {"code": 404, "message": "There is nothing at this path."})


@pytest.mark.parametrize("name", ["a%00b", "%00", "%ff", "%ED%A0%80", "x" * 3000, "A", "-"])
def test_a_deployment_of_an_impossible_name(api: Any, admin: Any, name: str) -> None:
    assert api(admin).delete(f"/v1/deploy/{name}").status_code == 404


@pytest.mark.parametrize("query", ["appName= web", "appName=web ", "version= 1.0", "version=1.0 "])
def test_a_filter_takes_its_text_as_it_is(api: Any, admin: Any, query: str) -> None:
    assert api(admin).post("/v1/app", small(appName="web")).status_code == 200
    name, value = query.split("=")
    assert api(admin).get("/v1/app", **{name: value}).json()["total"] == 0


class Chunked:
    """A body without a Content-Length, as gunicorn hands it over."""

    def __init__(self, body: bytes) -> None:
        self.stream = io.BytesIO(body)

    def read(self, size: int = -1) -> bytes:
        return self.stream.read(size)


def through_wsgi(body: Any, length: str = "", **environ: str) -> tuple[str, dict[str, Any]]:
    """Call the WSGI application; return status line and JSON."""
    status, content = bytes_through_wsgi(body, length, **environ)
    return status, json.loads(content)


def bytes_through_wsgi(body: Any, length: str = "", **environ: str) -> tuple[str, bytes]:
    """Call the WSGI application; return status line and content."""
    from otestack.wsgi import application

    started: list[Any] = []
    request = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": LOGIN,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "HTTP_HOST": "localhost",
        "CONTENT_TYPE": "application/json",
        "wsgi.input": body,
        "wsgi.url_scheme": "http",
        "wsgi.errors": io.StringIO(),
    }
    request |= ({"CONTENT_LENGTH": length} if length else {}) | environ
    # As the test client does: a request's end closes connections, and with ours goes the test's transaction.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        answer = application(request, lambda status, headers, *_: started.append(status))
        content = b"".join(answer)
        answer.close()
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)
    return started[0], content


def test_a_chunked_body_is_read(member: Any) -> None:
    body = Chunked(b'{"user": "member", "password": "Passw0rdXy"}')
    status, answer = through_wsgi(body, HTTP_TRANSFER_ENCODING="chunked")
    assert (status, answer["message"]) == ("200 OK", "success")


def test_a_chunked_body_may_not_be_endless() -> None:
    class Endless:
        def read(self, size: int) -> bytes:
            assert size >= 0
            return b"a" * size

    status, answer = through_wsgi(Endless(), HTTP_TRANSFER_ENCODING="chunked")
    assert (status[:3], list(answer["errors"])) == ("422", ["body"])


@pytest.mark.parametrize("path", [LOGIN, "/v1/app", "/v1/nope"])
def test_what_nobody_reads_of_a_body_is_taken_off_the_wire(path: str) -> None:
    # Else the connection is reset while the client still sends, and it never sees the answer.
    body = io.BytesIO(b"a" * 10_000_000)
    status, answer = through_wsgi(body, "10000000", PATH_INFO=path)
    assert answer["code"] == int(status[:3]) in {401, 404, 422}
    assert body.read() == b""
