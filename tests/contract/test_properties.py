"""Hypothesis: whatever is sent, the rule of the contract decides, and what is accepted comes back unchanged.

The rules are written here a second time, from the contract and not from the code. Applications: test_app_properties.py.
"""

from __future__ import annotations

import re
import string
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from clusters.models import Cluster, Node
from tests.contract.properties import ANY_TEXT, LETTERS_DIGITS, TEXT, bounded, decided, storable, undone
from tests.deployments import fleet
from tests.deployments.conftest import _installation  # noqa: F401

USER = {"user": "somebody", "password": "Passw0rdXy", "phone": "12345", "realName": "r", "isAdmin": False}


def is_user_name(text: str) -> bool:
    return 1 <= len(text) <= 64 and text[0] in LETTERS_DIGITS and set(text) <= set(LETTERS_DIGITS + "._-")


@bounded
@given(name=TEXT)
@example(name="a" * 64)
@example(name="a" * 65)
@example(name="a\n")
def test_user_names(api: Any, admin: Any, name: str) -> None:
    with undone():
        if decided(api(admin).post("/v1/admin/user", USER | {"user": name}), is_user_name(name), "user"):
            assert name in [row["user"] for row in api(admin).get("/v1/admin/user", pageSize=0).json()["data"]]


@bounded
@given(word=st.text(st.sampled_from("aZ9 é\u00dc\u0663_\u4e2d"), max_size=24))
@example(word="Za345999")
@example(word="Za99999")
@example(word="Za9" + "a" * 17)
@example(word="Za9" + "a" * 18)
def test_passwords(api: Any, admin: Any, word: str) -> None:
    kinds = ("Z\u00dc", "aé", "9\u0663")
    fit = 8 <= len(word) <= 20 and all(set(word) & set(kind) for kind in kinds)
    with undone():
        if decided(api(admin).post("/v1/admin/user", USER | {"password": word}), fit, "password"):
            assert api().post("/v1/authorization", {"user": "somebody", "password": word}).status_code == 200


@bounded
@given(phone=st.one_of(st.text(st.sampled_from("0123456789+ -\u0661"), max_size=24), ANY_TEXT))
@example(phone="+12345")
@example(phone="1" * 20)
@example(phone="+" + "1" * 21)
def test_phone_numbers(api: Any, admin: Any, phone: str) -> None:
    digits = phone.removeprefix("+")
    fit = 5 <= len(digits) <= 20 and set(digits) <= set(string.digits)
    with undone():
        if decided(api(admin).post("/v1/admin/user", USER | {"phone": phone}), fit, "phone"):
            assert phone in [row["phone"] for row in api(admin).get("/v1/admin/user", pageSize=0).json()["data"]]


@bounded
@given(text=st.one_of(ANY_TEXT, st.text(st.characters(codec="utf-8"), min_size=250, max_size=260)))
@example(text=" ")
@example(text="\ufeff\u200b\u202e")
@example(text="x" * 255)
@example(text="x" * 256)
@example(text="\U0001f600" * 255)
def test_free_text_comes_back_unchanged(api: Any, make_user: Any, system: Any, text: str) -> None:
    body = {"name": "a name", "introduce": text, "objective": text, "scale": text}
    with undone():
        answer = api(make_user(1)).post("/v1/business", body)
        if storable(text, 255):
            assert answer.status_code == 200, answer.json()
            made = api(system).get("/v1/business", pageSize=0).json()["data"][-1]["id"]
            data = api(system).get(f"/v1/business/id/{made}").json()["data"]
            assert {name: data[name] for name in body} == body
            assert api(system).get("/v1/business", name="A NAM").json()["total"] == 1
        else:
            assert answer.status_code == 422
            assert set(answer.json()["errors"]) <= {"introduce", "objective", "scale"}


def is_label(text: str, taken: str) -> bool:
    """taken: the name of a cluster, which a cluster's label must not repeat."""
    plain = 1 <= len(text) <= 63 and set(text) <= set(LETTERS_DIGITS + "-") and "-" not in (text[0], text[-1])
    return plain and text.lower() not in ("all", taken.lower())


@bounded
@given(label=TEXT)
@example(label="all")
@example(label="ALL")
@example(label="Beijing")
@example(label="a.b")
@example(label="a" * 63)
@example(label="a" * 64)
@example(label="-a")
def test_cluster_labels(api: Any, system: Any, label: str) -> None:
    with undone():
        fleet.join("beijing")
        body = {"clusterName": ["beijing"], "clusterLabel": label}
        if decided(api(system).post("/v1/cluster/label", body), is_label(label, "beijing"), "clusterLabel"):
            assert api(system).get("/v1/cluster/label").json()["data"] == [label]
            assert api(system).get("/v1/cluster", clusterLabel=label).json()["total"] == 1
            assert api(system).delete("/v1/cluster/label", body).status_code == 200
            assert api(system).get("/v1/cluster/label").json()["data"] == []


@bounded
@given(label=TEXT)
def test_node_labels(api: Any, system: Any, label: str) -> None:
    with undone():
        Node.objects.create(cluster=fleet.join("beijing"), name="n1")
        body = {"clusterName": "beijing", "nodeName": ["n1"], "nodeLabel": label}
        fit = is_label(label, taken="")
        if decided(api(system).post("/v1/node/label", body), fit, "nodeLabel"):
            assert api(system).get("/v1/node/label", clusterName="beijing").json()["data"] == [label]


PAGES = st.one_of(
    st.integers(-2, 9).map(str),
    st.sampled_from(
        ["", " 1", "1.0", "1e1", "+1", "0x1", "\u0661", "a", "00", "01", str(2**31 - 1), str(2**31), "9" * 30]
    ),
)


@settings(bounded, max_examples=90)
@given(page=PAGES, size=PAGES)
def test_paging(api: Any, member: Any, page: str, size: str) -> None:
    def number(text: str, least: int) -> int | None:
        fit = re.fullmatch("-?[0-9]{1,20}", text, re.ASCII)
        return int(text) if fit and least <= int(text) < 2**31 else None

    with undone():
        names = [f"c{number}" for number in range(5)]
        Cluster.objects.bulk_create(
            Cluster(name=name, server="https://x", credentials="{}", uid=name) for name in names
        )
        answer = api(member).get("/v1/cluster", page=page, pageSize=size)
        at, many = number(page, 1), number(size, 0)
        if at is None or many is None:
            wrong = {name for name, value in (("page", at), ("pageSize", many)) if value is None}
            assert (answer.status_code, set(answer.json()["errors"])) == (422, wrong)
            return
        shown = names[(at - 1) * many : at * many] if many else (names if at == 1 else [])
        assert [row["clusterName"] for row in answer.json()["data"]] == shown
        assert answer.json()["total"] == 5
