"""The grammar of q and sort, pages and their links."""

from __future__ import annotations

import re

import pytest
from requests.utils import requote_uri

from tests.registry.simulator.callers import Caller, made, project_body, refused

NAMES = ["alpha", "beta", "gamma", "delta"]


@pytest.fixture(autouse=True)
def projects(admin: Caller) -> None:
    for name in NAMES:
        made(admin.post("/projects", project_body(name, public=name < "c")))


def found(admin: Caller, query: str) -> list[str]:
    return [row["name"] for row in admin.read(f"/projects?{query}")]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("q=name=beta", ["beta"]),
        ("q=name%3Dbeta", ["beta"]),
        ("q=name%253Dbeta", ["beta"]),  # decoded twice
        ("q=name=~ET", ["beta"]),
        ("q=name={beta gamma nowhere}", ["beta", "gamma"]),
        ("q=name={'beta' \"gamma\"}", ["beta", "gamma"]),
        ("q=project_id=[3~4]", ["beta", "gamma"]),
        ("q=project_id=[4~]", ["delta", "gamma"]),
        ("q=ProjectID=3", ["beta"]),
        ("q=public=true", ["alpha", "beta", "library"]),
        ("q=owner=admin,public=false", ["delta", "gamma"]),
        ("q=nothing=1,name=beta", ["beta"]),
        ("q=name=(beta gamma)&page_size=1", ["alpha"]),
        ("q=creation_time=[2020-01-01T00:00:00~2020-01-02T00:00:00]", []),
        ("sort=-name", ["library", "gamma", "delta", "beta", "alpha"]),
        ("sort=-public,-project_id", ["delta", "gamma", "beta", "alpha", "library"]),
        ("sort=nothing", ["alpha", "beta", "delta", "gamma", "library"]),
        ("name=ETA&public=true", ["beta"]),
    ],
)
def test_filters_and_orders(admin: Caller, query: str, names: list[str]) -> None:
    assert found(admin, query) == names


@pytest.mark.parametrize(
    "q", ["name", "name=", "=beta", "name=beta,", "name=[a]", "name=[~]", "name={a", "name=~", "name=[1~2~3]"]
)
def test_a_query_that_is_none(admin: Caller, q: str) -> None:
    assert refused(admin.get("/projects", params={"q": q})) == (400, "BAD_REQUEST")


@pytest.mark.parametrize("number", ["abc", "9" * 20])
def test_what_harbor_does_not_catch(admin: Caller, number: str) -> None:
    answer = admin.get(f"/projects?q=project_id={number}")
    assert refused(answer) == (500, "UNKNOWN")
    assert answer.json()["errors"][0]["message"] == "internal server error"


@pytest.mark.parametrize("query", ["page_size=101", "page=x", "page_size=1.5", "page=99999999999999999999"])
def test_pages_that_no_handler_sees(admin: Caller, query: str) -> None:
    assert refused(admin.get(f"/projects?{query}")) == (422, "UNPROCESSABLE_ENTITY")


def test_pages_and_their_links(admin: Caller) -> None:
    first = admin.get("/projects?page_size=2&q=name%3D~a")
    assert [row["name"] for row in first.json()] == ["alpha", "beta"]
    assert first.headers["X-Total-Count"] == "5"
    assert first.headers["Link"] == '</api/v2.0/projects?page=2&page_size=2&q=name=~a>; rel="next"'
    second = admin.get("/projects?page=2&page_size=2")
    links = dict(re.findall(r'<([^>]*)>; rel="(\w+)"', second.headers["Link"])[::-1])
    assert second.headers["Link"].startswith('</api/v2.0/projects?page=1&page_size=2>; rel="prev" , <')
    assert set(links.values()) == {"prev", "next"}
    last = admin.get("/projects?page=3&page_size=2")
    assert "next" not in last.headers["Link"]
    beyond = admin.get("/projects?page=9&page_size=2")
    assert (beyond.json(), beyond.headers["X-Total-Count"]) == ([], "5")
    assert "Link" not in beyond.headers
    assert len(admin.read("/projects?page_size=-1")) == 5
    assert len(admin.read("/projects")) == 5


def test_a_link_is_not_escaped(admin: Caller) -> None:
    link = admin.get("/projects?page_size=1&q=name%3D~a%2525").headers.get("Link", "")
    assert link == ""
    link = admin.get("/projects?page_size=1&name=a&q=nothing%3Da%20b").headers["Link"]
    assert "q=nothing=a b" in link
    assert requote_uri(link) != link


def test_paths_and_methods_that_are_none(admin: Caller) -> None:
    for path in ("/nothing", "/users/x", "/projects//members", "/"):
        assert refused(admin.get(path)) == (404, "NOT_FOUND")
    assert refused(admin.call("PATCH", "/projects")) == (405, "METHOD_NOT_ALLOWED")
    assert admin.get("/projects/").status_code == 200
