"""Lists, selectors, pages, tables and watches."""

import json
import threading

import pytest

from .conftest import config_map


@pytest.fixture
def shelf(api, space):
    """Five ConfigMaps with labels."""
    for number in range(5):
        body = config_map(f"c{number}", n=str(number))
        body["metadata"]["labels"] = {"set": "shelf", "odd": str(number % 2), "n": f"n{number}"}
        assert api.post(f"{space.core}/configmaps", body).status_code == 201
    return space


def names(body):
    return [one["metadata"]["name"] for one in body["items"]]


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("set=shelf", 5),
        ("set==shelf,odd=1", 2),
        ("set=shelf,odd!=1", 3),
        ("n in (n1, n2)", 2),
        ("set,n notin (n1,n2)", 3),
        ("set", 5),
        ("set,!odd", 0),
        ("set=shelf,n in (n1)", 1),
    ],
)
def test_label_selectors(api, shelf, selector, found):
    assert len(api.read(f"{shelf.core}/configmaps", labelSelector=selector)["items"]) == found


def test_field_selectors(api, shelf):
    assert names(api.read(f"{shelf.core}/configmaps", fieldSelector="metadata.name=c3")) == ["c3"]
    assert api.get(f"{shelf.core}/configmaps", fieldSelector="data.n=3").status_code == 400
    assert api.get(f"{shelf.core}/configmaps", labelSelector="a b").status_code == 400


def test_pages_show_one_moment(api, shelf):
    path = f"{shelf.core}/configmaps"
    first = api.read(path, labelSelector="set", limit=2)
    api.delete(f"{path}/c4")
    second = api.read(path, labelSelector="set", limit=2, **{"continue": first["metadata"]["continue"]})
    last = api.read(path, labelSelector="set", limit=2, **{"continue": second["metadata"]["continue"]})
    assert names(first) + names(second) + names(last) == ["c0", "c1", "c2", "c3", "c4"]
    assert "continue" not in last["metadata"]
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


def test_lists_that_are_read_at_once_do_not_go_on_in_each_other(api, shelf):
    for number in range(5):
        body = {"metadata": {"name": f"c{number}", "labels": {"set": "shelf"}}, "type": "Opaque"}
        assert api.post(f"{shelf.core}/secrets", body).status_code == 201
    paths = [f"{shelf.core}/configmaps", f"{shelf.core}/secrets"]
    firsts = [api.read(path, labelSelector="set", limit=2) for path in paths]
    for path, first in zip(paths, firsts, strict=True):
        rest = api.read(path, labelSelector="set", **{"continue": first["metadata"]["continue"]})
        alone = [api.read(f"{path}/c{number}")["metadata"]["uid"] for number in (2, 3, 4)]
        assert [one["metadata"]["uid"] for one in rest["items"]] == alone


def test_a_lost_continue_token_is_410(api, shelf):
    import base64

    token = base64.urlsafe_b64encode(json.dumps({"v": "meta.k8s.io/v1", "rv": 1, "start": "x"}).encode()).decode()
    response = api.get(f"{shelf.core}/configmaps", limit=2, **{"continue": token})
    assert (response.status_code, response.json()["reason"]) == (410, "Expired")
    assert api.get(f"{shelf.core}/configmaps", **{"continue": "rubbish"}).status_code == 400


def test_items_of_lists_carry_no_kind(api, shelf):
    body = api.read(f"{shelf.core}/configmaps")
    assert (body["kind"], body["apiVersion"]) == ("ConfigMapList", "v1")
    assert "kind" not in body["items"][0]


def test_tables_and_partial_metadata(api, shelf):
    path = f"{api.url}{shelf.core}/configmaps?labelSelector=set"
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
    table = api.session.get(path, headers={"Accept": accept}).json()
    assert [one["name"] for one in table["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert table["rows"][0]["cells"][:2] == ["c0", 1]
    accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    partial = api.session.get(path, headers={"Accept": accept}).json()
    assert partial["kind"] == "PartialObjectMetadataList"
    assert "data" not in partial["items"][0]


def read_events(api, path, count, **query):
    """The first events of a watch."""
    response = api.session.get(
        api.url + path, params={"watch": "1", "timeoutSeconds": "10"} | query, stream=True, timeout=10
    )
    found = []
    for line in response.iter_lines(chunk_size=1):
        found.append(json.loads(line))
        if len(found) == count:
            break
    response.close()
    return found


def test_watch_replays_and_goes_on(api, shelf):
    path = f"{shelf.core}/configmaps"
    version = api.read(path)["metadata"]["resourceVersion"]
    api.patch(f"{path}/c0", {"data": {"n": "x"}})

    def change():
        api.call("PATCH", f"{path}/c1", {"metadata": {"labels": {"set": "gone"}}}, "application/merge-patch+json")
        api.delete(f"{path}/c2")

    timer = threading.Timer(0.2, change)
    timer.start()
    found = read_events(api, path, 3, resourceVersion=version, labelSelector="set=shelf")
    timer.join()
    shown = [(one["type"], one["object"]["metadata"]["name"]) for one in found]
    assert shown == [("MODIFIED", "c0"), ("DELETED", "c1"), ("DELETED", "c2")]
    assert found[0]["object"]["kind"] == "ConfigMap"
    versions = [int(one["object"]["metadata"]["resourceVersion"]) for one in found]
    assert versions == sorted(set(versions))
    assert versions[0] > int(version)


def test_watch_without_a_version_starts_with_what_is_there(api, shelf):
    found = read_events(api, f"{shelf.core}/configmaps", 5, labelSelector="set")
    assert {one["type"] for one in found} == {"ADDED"}


def test_watch_list_ends_its_first_events_with_a_bookmark(api, shelf):
    query = {"sendInitialEvents": "true", "allowWatchBookmarks": "true", "resourceVersionMatch": "NotOlderThan"}
    found = read_events(api, f"{shelf.core}/configmaps", 6, labelSelector="set", **query)
    assert found[-1]["type"] == "BOOKMARK"
    assert found[-1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_watch_ends_at_its_timeout(api, space):
    response = api.get(f"{space.core}/pods", watch="1", timeoutSeconds="1")
    assert (response.status_code, response.text) == (200, "")


def test_a_version_too_old_is_410(api, shelf, simulator):
    for number in range(520):
        api.patch(f"{shelf.core}/configmaps/c0", {"data": {"n": str(number)}})
    response = api.get(f"{shelf.core}/configmaps", watch="1", resourceVersion="2")
    assert response.status_code == 410
    assert "too old resource version: 2" in response.json()["message"]


def test_large_lists_are_compressed(api, space):
    for number in range(3):
        api.post(f"{space.core}/configmaps", config_map(f"big{number}", text="x" * 100_000))
    response = api.get(f"{space.core}/configmaps")
    assert response.headers["Content-Encoding"] == "gzip"
    assert len(response.json()["items"]) >= 3
