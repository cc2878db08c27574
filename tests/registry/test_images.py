"""GET and DELETE /v1/repository/image and /v1/repository/image/tag."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.registry.tenants import IMAGE, SUCCESS, TAG, Tenant


@pytest.fixture
def shop(acme: Tenant, registry: Any) -> Tenant:
    """acme with the project 'shop' and three images, one of them in a folder."""
    acme.project("shop", public=True)
    for name in ("shop/web", "shop/team/api", "shop/web-admin"):
        registry.push(name, "v1")
    return acme


def test_fields(shop: Tenant, registry: Any) -> None:
    answer = shop.member.get(IMAGE, projectName="shop").json()
    assert (answer["total"], len(answer["data"])) == (3, 3)
    row = answer["data"][0]
    assert abs(time.time() - row.pop("createTime")) < 60
    assert abs(time.time() - row.pop("updateTime")) < 60
    assert row == {
        "projectName": "shop",
        "public": True,
        "imageName": "shop/web-admin",
        "imageAddress": f"{registry.address}/shop/web-admin",
    }


def test_order_filter_and_pages(shop: Tenant) -> None:
    newest = ["shop/web-admin", "shop/team/api", "shop/web"]
    assert shop.images("shop") == newest
    assert shop.images("shop", order="asc") == newest[::-1]
    assert shop.images("shop", imageName="WEB") == ["shop/web-admin", "shop/web"]
    assert shop.images("shop", imageName="shop/t") == ["shop/team/api"]
    for nothing in ("%", "_", "~", "a,b", "{a b}", "[a~b]", "web\n", "web ", "Ü"):
        assert shop.images("shop", imageName=nothing) == []
    answer = shop.member.get(IMAGE, projectName="shop", page=2, pageSize=2).json()
    assert ([row["imageName"] for row in answer["data"]], answer["total"]) == (["shop/web"], 3)
    for page in (4, 2**31 - 1):
        answer = shop.member.get(IMAGE, projectName="shop", page=page, pageSize=2).json()
        assert (answer["data"], answer["total"]) == ([], 3)


def test_a_page_costs_two_calls_whatever_it_holds(acme: Tenant, registry: Any) -> None:
    acme.project("shop")
    for number in range(130):
        registry.push(f"shop/i{number}", "v1", content_text="same")
    for size, calls in ((1, 2), (100, 2), (120, 3), (0, 3)):
        registry.reset_calls()
        answer = acme.member.get(IMAGE, projectName="shop", pageSize=size, order="asc").json()
        assert len(registry.calls) == calls
        names = [row["imageName"] for row in answer["data"]]
        assert names == [f"shop/i{number}" for number in range(size or 130)]
        assert answer["total"] == 130
    answer = acme.member.get(IMAGE, projectName="shop", pageSize=110, page=2, order="asc").json()
    assert [row["imageName"] for row in answer["data"]] == [f"shop/i{number}" for number in range(110, 130)]


def test_tags(shop: Tenant, registry: Any) -> None:
    registry.push("shop/web", "v2", "latest", content_text="two")
    answer = shop.member.get(TAG, imageName="shop/web").json()
    assert answer["total"] == 3
    row = next(row for row in answer["data"] if row["tag"] == "v1")
    assert abs(time.time() - row.pop("createTime")) < 60
    assert abs(time.time() - row.pop("updateTime")) < 60
    assert row == {"tag": "v1", "imageAddress": f"{registry.address}/shop/web"}
    assert {row["tag"] for row in answer["data"]} == {"v1", "v2", "latest"}
    page = shop.member.get(TAG, imageName="shop/web", page=2, pageSize=2).json()
    assert ([row["tag"] for row in page["data"]], page["total"]) == ([answer["data"][2]["tag"]], 3)
    assert shop.member.get(TAG, imageName="shop/web", page=2, pageSize=0).json()["data"] == []


def test_tags_cost_a_call_per_hundred_artifacts(shop: Tenant, registry: Any) -> None:
    registry.push_many("shop/many", [f"t{number}" for number in range(230)])
    registry.reset_calls()
    answer = shop.member.get(TAG, imageName="shop/many", pageSize=0).json()
    assert len(registry.calls) == 4
    assert {row["tag"] for row in answer["data"]} == {f"t{number}" for number in range(230)}


def test_an_image_without_tags_is_there_and_an_unknown_one_is_not(shop: Tenant, registry: Any) -> None:
    registry.push("shop/bare")
    assert shop.tags("shop/bare") == []
    for name in ("shop/none", "none/web", "shop/Web", "shop/web/", "shop//web", "shop/../shop/web", "SHOP/web"):
        assert shop.member.get(TAG, imageName=name).json()["code"] == 404, name
    for name in ("none", "Shop", "shop/web", ".."):
        assert shop.member.get(IMAGE, projectName=name).json()["code"] == 404, name


def test_deleting_images(shop: Tenant, registry: Any) -> None:
    registry.reset_calls()
    sent = {"imageName": ["shop/web", "shop/team/api", "shop/web"]}
    assert shop.member.delete(IMAGE, sent).json() == SUCCESS
    assert [method for method, _ in registry.calls] == ["GET", "DELETE", "DELETE"]
    assert shop.images("shop") == ["shop/web-admin"]


def test_a_batch_says_what_went_and_why_the_rest_did_not(shop: Tenant, registry: Any) -> None:
    registry.make_immutable("shop", "web", "**")
    sent = {"imageName": ["shop/none", "shop/web", "shop/team/api", "nowhere/x", "Shop/y"]}
    answer = shop.member.delete(IMAGE, sent)
    absent = "There is no such object."
    assert answer.status_code == 409
    assert answer.json() == {
        "code": 409,
        "message": f"4 of 5 could not be deleted; shop/none: {absent}",
        "data": {
            "deleted": ["shop/team/api"],
            "failed": {
                "shop/none": absent,
                "shop/web": "The registry keeps it: a tag of it is immutable.",
                "nowhere/x": absent,
                "Shop/y": absent,
            },
        },
    }
    again = shop.member.delete(IMAGE, {"imageName": ["shop/team/api", "shop/none"]})
    assert (again.status_code, again.json()["data"]["deleted"]) == (404, [])
    assert set(shop.images("shop")) == {"shop/web", "shop/web-admin"}


def test_deleting_tags(shop: Tenant, registry: Any) -> None:
    registry.push("shop/web", "v2", "v3", content_text="two")
    registry.make_immutable("shop", "web", "v3")
    registry.reset_calls()
    assert shop.member.delete(TAG, {"imageName": "shop/web", "tag": ["v2"]}).json() == SUCCESS
    assert len(registry.calls) == 2
    answer = shop.member.delete(TAG, {"imageName": "shop/web", "tag": ["v1", "v2", "v3", "no such/tag"]}).json()
    assert (answer["code"], answer["data"]["deleted"]) == (409, ["v1"])
    assert list(answer["data"]["failed"]) == ["v2", "v3", "no such/tag"]
    assert shop.tags("shop/web") == ["v3"]
    for image in ("shop/none", "none/web", "Shop/web"):
        answer = shop.member.delete(TAG, {"imageName": image, "tag": ["v1"]}).json()
        assert (answer["code"], answer["data"]["deleted"], list(answer["data"]["failed"])) == (404, [], ["v1"])


def test_a_tag_may_look_like_anything(shop: Tenant, registry: Any) -> None:
    odd = ["0", "_x", "a..b", "sha256", "1.0-rc.1"]
    registry.push("shop/odd", *odd)
    assert set(shop.tags("shop/odd")) == set(odd)
    assert shop.member.delete(TAG, {"imageName": "shop/odd", "tag": odd}).json() == SUCCESS
    assert shop.tags("shop/odd") == []


def test_a_project_named_like_a_number(acme: Tenant, registry: Any) -> None:
    acme.project("1")  # the id of another project
    registry.push("1/web", "v1")
    assert acme.images("1") == ["1/web"]
    assert acme.tags("1/web") == ["v1"]
    assert acme.member.delete(IMAGE, {"imageName": ["1/web"]}).json() == SUCCESS


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (IMAGE, {"imageName": []}, "imageName"),
        (IMAGE, {"imageName": ["img1"]}, "imageName"),
        (IMAGE, {"imageName": ["a/b", 1]}, "imageName"),
        (IMAGE, {"imageName": ["a/b"] * 101}, "imageName"),
        (IMAGE, {"imageName": "a/b"}, "imageName"),
        (TAG, {"imageName": "a/b", "tag": []}, "tag"),
        (TAG, {"imageName": "a/b", "tag": [""]}, "tag"),
        (TAG, {"imageName": "a", "tag": ["v1"]}, "imageName"),
    ],
)
def test_parameter_errors_are_400(acme: Tenant, registry: Any, path: str, body: Any, field: str) -> None:
    registry.reset_calls()
    answer = acme.member.delete(path, body).json()
    assert (answer["code"], {key.partition(".")[0] for key in answer["errors"]}) == (400, {field})
    assert registry.calls == []


def test_a_wrong_media_type_is_415_and_broken_json_400(acme: Tenant) -> None:
    client = acme.member.client
    headers = {"Authorization": acme.member.token}
    answer = client.delete(IMAGE, data="a=b", content_type="text/plain", headers=headers)
    assert answer.json()["code"] == answer.status_code == 415
    answer = client.delete(IMAGE, data="{", content_type="application/json", headers=headers)
    assert answer.json()["code"] == answer.status_code == 400
