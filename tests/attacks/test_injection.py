"""Text that means something elsewhere: to the ORM, to LIKE, in a header, on a line of a log."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest

from clusters.models import Cluster, Node
from deployments.models import Deployment, Operation
from tests.apps.bodies import small
from tests.deployments import fleet
from tests.deployments.conftest import _installation  # noqa: F401

LISTS = ("/v1/admin/user", "/v1/business", "/v1/admin/deploy")
EVERY_LIST = (*LISTS, "/v1/app", "/v1/deploy", "/v1/cluster", "/v1/node", "/v1/cluster/label", "/v1/node/label")
COLUMNS = (
    "password", "-password", "-id", "+id", "id ", " id", "ID", "pk", "?", "", "id,password", "id;--", "id--", "1",
    "username", "user__password", "business__users__password", "applicant__password", "deployment__business__name",
    "token_epoch", "id asc", "id desc nulls last", "(select 1)", "id'", 'id"', "id`", "%", "__class__", "id\0", "..",
    "user_name\0", "case when 1=1 then id end", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "x" * 3000,
)  # fmt: skip


@pytest.mark.parametrize("path", LISTS)
def test_ordering_takes_its_words_only(api: Any, system: Any, path: str) -> None:
    caller = api(system)
    for column in COLUMNS:
        answer = caller.get(path, orderBy=column)
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["orderBy"]), column
        assert len(answer.content) < 300, column  # and says nothing of what was sent
    for order in ("ASC", "desc;", "asc,desc", "", "1", "random()", "desc nulls first"):
        assert list(caller.get(path, order=order).json()["errors"]) == ["order"], order


LOOKUPS = (
    "password", "user__password__startswith", "users__password__startswith", "applicant__password__startswith",
    "business__name", "business__id", "id__gt", "pk", "name__icontains", "name__regex", "app_name__regex",
    "deployment__business__name", "cluster__credentials__contains", "credentials__contains", "or", "q", "search",
    "ordering", "order_by", "limit", "offset", "_connector", "_negated", "__class__", "appName[]", "appName[$ne]",
)  # fmt: skip


@pytest.mark.parametrize("path", EVERY_LIST)
def test_there_are_no_filters_but_those_named(api: Any, system: Any, make_business: Any, path: str) -> None:
    fleet.join("beijing", "north", nodes=("gpu",))
    make_business("another")
    caller = api(system)
    assert caller.post("/v1/app", small()).status_code == 200
    plain = caller.get(path).json()
    for lookup in LOOKUPS:
        for value in ("zzz", "' or 1=1 --"):
            assert caller.get(path, **{lookup: value}).json() == plain, lookup


@pytest.mark.parametrize("path", [*LISTS, "/v1/app", "/v1/deploy", "/v1/cluster", "/v1/node"])
def test_of_a_parameter_sent_twice_the_last_counts(api: Any, system: Any, path: str) -> None:
    caller = api(system)
    headers = {"Authorization": caller.token}
    assert caller.client.get(f"{path}?page=x&page=1", headers=headers).status_code == 200
    assert caller.client.get(f"{path}?page=1&page=x", headers=headers).status_code == 422
    assert caller.client.get(f"{path}?page[]=x&page%00=x&pa%67e=1", headers=headers).status_code == 200


@pytest.mark.parametrize("count", [1001, 5000])
def test_many_parameters_are_a_parameter_error(api: Any, system: Any, count: int) -> None:
    caller = api(system)
    for path in EVERY_LIST:
        answer = caller.client.get(f"{path}?{'a&' * count}", headers={"Authorization": caller.token})
        if path in {"/v1/cluster/label"}:  # takes no parameters, so it looks at none
            assert answer.status_code == 200
            continue
        assert (answer.status_code, answer.json()["code"]) == (422, 422), path
        assert answer.json()["errors"] == {"query": ["There are more than 1000 parameters."]}


SQL = (
    "'",
    '"',
    "';--",
    "' or '1'='1",
    "\\",
    "\\'",
    "%",
    "_",
    "%%",
    "a%",
    "_" * 63,
    "%s",
    "%(x)s",
    "{0}",
    "[a-z]",
    ".*",
)


@pytest.fixture
def things(api: Any, admin: Any, acme: Any) -> None:
    """An application, a deployment of it with a change that waits, and a node, all called 'web'."""
    assert api(admin).post("/v1/app", small(appName="web")).status_code == 200
    row = Deployment.objects.create(business=acme, name="web", app_name="web", selector="all", status=5)
    row.shown = Operation.objects.create(deployment=row, kind=1, version="1.0.1", submitted_by=admin, status=5)
    row.save()
    cluster = Cluster.objects.create(name="web", server="https://web", credentials="{}", uid="web")
    Node.objects.create(cluster=cluster, name="web")


@pytest.mark.parametrize(
    ("path", "name", "more"),
    [
        *(("/v1/app", "appName", {"appNameMode": mode}) for mode in ("strict", "partial", "prefix")),
        *(("/v1/deploy", "appName", {"appNameMode": mode}) for mode in ("strict", "partial", "prefix")),
        ("/v1/app", "version", {}),
        ("/v1/admin/deploy", "businessName", {}),
        ("/v1/business", "name", {}),
        ("/v1/node", "nodeName", {}),
        ("/v1/node", "clusterName", {}),
        ("/v1/node", "nodeLabel", {}),
        ("/v1/cluster", "clusterLabel", {}),
    ],
)
def test_no_character_of_a_filter_means_more_than_itself(
    api: Any, system: Any, things: None, path: str, name: str, more: dict[str, str]
) -> None:
    caller = api(system)
    assert caller.get(path).json()["total"] > 0
    for text in SQL:
        answer = caller.get(path, **{name: text} | more).json()
        assert (answer["code"], answer["total"]) == (200, 0), text
    assert caller.get(path).json()["total"] > 0


def test_names_of_businesses_match_as_written(api: Any, system: Any, make_business: Any) -> None:
    names = ["100%", "a_b", "back\\slash", "quo'te", "100x", "aXb"]
    for name in names:
        make_business(name)
    for part, found in (("%", ["100%"]), ("_", ["a_b"]), ("\\", ["back\\slash"]), ("'", ["quo'te"]), ("A_", ["a_b"])):
        rows = api(system).get("/v1/business", name=part).json()["data"]
        assert [row["name"] for row in rows] == found


HEADERS = ("a\r\nSet-Cookie: x=1", "a\nb", "\r\n\r\n<script>", "é", "\u2028")


@pytest.mark.parametrize("text", HEADERS)
def test_what_is_sent_reaches_no_header(api: Any, admin: Any, system: Any, text: str) -> None:
    caller = api(admin)
    answers = [
        caller.post("/v1/authorization", {"user": text, "password": text}),
        caller.post("/v1/app", small(appName=text, image=text, version=text)),
        caller.get("/v1/app", appName=text, field=text, orderBy=text),
        caller.delete(f"/v1/deploy/{text.replace('/', '')}"),
        caller.client.get("/v1/app", headers={"Authorization": caller.token, "X-Request-Id": text, "Origin": text}),
        caller.client.get("/admin/login/", {"next": text}),
        caller.client.get(f"/admin/{text.replace('/', '')}"),
    ]
    for answer in answers:
        assert answer.status_code < 500
        assert "Set-Cookie" not in answer.headers
        for name, value in answer.headers.items():
            assert not re.search(r"[\r\n]", name + value), name
            assert "<script" not in value


@pytest.mark.parametrize("header", ["X-Forwarded-Host", "X-Original-Host", "Forwarded", "X-Host"])
def test_another_host_in_a_header_is_not_believed(api: Any, admin: Any, header: str) -> None:
    for path in ("/admin", "/admin/", "/v1/app"):
        answer = api().client.get(path, headers={header: "evil.example"})
        assert "evil" not in str(answer.headers) + answer.content.decode()


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1@evil.example", "127.0.0.1:80:80", "a b", "", "localhost"])
def test_a_host_that_is_not_ours_gets_no_page(settings: Any, api: Any, host: str) -> None:
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    for path in ("/admin/", "/v1/cluster", "/healthz", "/nowhere"):
        answer = api().client.get(path, headers={"Host": host})
        assert answer.json()["code"] == answer.status_code
        assert answer.status_code == 400
        assert "evil" not in answer.content.decode()


def _logged(log: Any) -> list[str]:
    """Return the lines that the product's own handler would have written."""
    (handler,) = [one for one in logging.getLogger().handlers if type(one) is logging.StreamHandler][:1]
    return "\n".join(handler.format(record) for record in log.records).split("\n")


FORGERY = "x\n2026-01-01 00:00:00,000 INFO accounts forged\r\x1b[31mred\x1b[0m\x9b31m\u2028\u202etxt\x00\x08"


def test_one_entry_stays_one_line(caplog: Any) -> None:
    logging.getLogger("otestack").warning("It said: %s", FORGERY)
    try:
        raise ValueError(FORGERY)
    except ValueError:
        logging.getLogger("otestack").exception("It failed: %s", FORGERY, stack_info=True)
    lines = _logged(caplog)
    entries = [line for line in lines if not line.startswith("    ")]
    assert [line.split(" ")[2:4] for line in entries] == [["WARNING", "otestack"], ["ERROR", "otestack"]]
    assert all(line.isprintable() for line in lines)
    assert any("forged" in line for line in entries)  # it is told, but as text


def test_nothing_that_is_sent_starts_a_line_of_the_log(api: Any, admin: Any, caplog: Any, db: None) -> None:
    caller = api(admin)
    path = "%0a2026-01-01 00:00:00,000 INFO accounts forged%1b[31m"
    caller.get(f"/v1/nope{path}")
    caller.delete(f"/v1/deploy/x{path}")
    caller.post("/v1/authorization", {"user": FORGERY.replace("\0", ""), "password": "x"})
    caller.client.get("/v1/app", headers={"Host": f"x{FORGERY}", "Authorization": FORGERY})
    caller.client.post("/admin/login/", {"username": FORGERY.replace("\0", ""), "password": "x"})
    lines = _logged(caplog)
    assert len(lines) >= 3
    for line in lines:
        assert line.isprintable()
        assert re.match(r"\d{4}-\d\d-\d\d [\d:,]+ [A-Z]+ [\w.]+ ", line)
        assert not line.startswith("2026-01-01")
