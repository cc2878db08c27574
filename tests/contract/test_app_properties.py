"""Hypothesis over POST /v1/app, as test_properties.py: names, versions, images, quantities, ports, variables."""

from __future__ import annotations

import re
import string
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.apps.bodies import small
from tests.contract.properties import ANY_TEXT, LETTERS_DIGITS, TEXT, bounded, decided, undone


def app(api: Any, admin: Any, field: str, accepted: bool, **changes: Any) -> dict[str, Any] | None:
    """Create an application; return its details if it was accepted."""
    if not decided(api(admin).post("/v1/app", small(**changes)), accepted, field):
        return None
    made = api(admin).get("/v1/app").json()["apps"][-1]["id"]
    return dict(api(admin).get(f"/v1/app/id/{made}").json()["data"])


def is_dns_label(text: str) -> bool:
    plain = 1 <= len(text) <= 63 and set(text) <= set(string.ascii_lowercase + string.digits + "-")
    return plain and "-" not in (text[0], text[-1])


@bounded
@given(name=TEXT)
@example(name="a" * 63)
@example(name="a" * 64)
def test_application_names(api: Any, admin: Any, name: str) -> None:
    with undone():
        if data := app(api, admin, "appName", is_dns_label(name), appName=name):
            assert (data["appName"], data["version"]) == (name, "1.0.1")
            assert api(admin).get("/v1/app", appName=name, appNameMode="strict").json()["total"] == 1


@bounded
@given(version=st.one_of(st.from_regex(r"\A\d{1,3}\.\d{1,3}\Z", fullmatch=True), st.text("019.-+v \u0661", max_size=8)))
@example(version="1.2.3")
@example(version="01.2")
@example(version="999999999.999999999")
def test_versions(api: Any, admin: Any, version: str) -> None:
    parts = version.split(".")
    fit = len(parts) == 2 and all(
        part and set(part) <= set(string.digits) and str(int(part)) == part and len(part) <= 9 for part in parts
    )
    with undone():
        if data := app(api, admin, "version", fit, version=version):
            assert data["version"] == f"{version}.1"
            assert api(admin).get("/v1/app", version=version).json()["total"] == 1
            assert api(admin).get("/v1/app", version=f"{version}.1").json()["total"] == 1


def is_image(text: str) -> bool:
    """Tell by taking it apart from the right: digest, tag, registry, path."""
    rest, at, digest = text.partition("@")
    if at and not re.fullmatch("sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}", digest, re.ASCII):
        return False
    head, slash, tail = rest.partition("/")
    registry = ""
    if slash and (set(head) & set(".:[") or head == "localhost" or head != head.lower()):
        registry, rest = head, tail
        host, colon, port = head.rpartition(":") if "]" not in head else (head, "", "")
        if not colon:
            host, port = head, "1"
        if not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535):
            return False
        labels = host.split(".")
        if not all(set(one) <= set(LETTERS_DIGITS + "-") and one and "-" not in (one[0], one[-1]) for one in labels):
            return False
    path, colon, tag = rest.partition(":")
    if colon and not (
        1 <= len(tag) <= 128 and tag[0] in LETTERS_DIGITS + "_" and set(tag) <= set(LETTERS_DIGITS + "_.-")
    ):
        return False
    if len(registry) + len(path) + 1 > 255 or re.fullmatch("[0-9a-f]{64}", text):
        return False
    for part in path.split("/"):
        words = re.split(r"\.|__|_|-+", part)
        if not all(words) or not set("".join(words)) <= set(string.ascii_lowercase + string.digits):
            return False
    return True


_HOSTS = st.sampled_from(
    ["", "", "localhost/", "a.b/", "a-b.c:5000/", "A/", "x:0/", "x:65535/", "x:65536/", "-a.b/", "a..b/"]
)
_PATHS = st.one_of(
    st.sampled_from(
        ["nginx", "a/b", "a.b/c_d", "a__b", "a___b", "a--b", "a-", "A", "a//b", "", "b" * 250, "a._b", "1"]
    ),
    st.text("ab09._-/A:", max_size=12),
)
_TAGS = st.sampled_from(
    ["", "", ":latest", ":1.0", ":_x", ":-x", ":", ":" + "x" * 128, ":" + "x" * 129, ":a:b", ":\u00e9"]
)
_DIGESTS = st.sampled_from(
    ["", "", "@sha256:" + "a" * 64, "@sha256:" + "A" * 64, "@sha256:ab", "@md5:" + "a" * 32, "@"]
)


@settings(bounded, max_examples=90)
@given(parts=st.tuples(_HOSTS, _PATHS, _TAGS, _DIGESTS))
def test_images(api: Any, admin: Any, parts: tuple[str, ...]) -> None:
    image = "".join(parts)
    with undone():
        if data := app(api, admin, "image", bool(image) and is_image(image), image=image):
            assert data["image"] == image


NUMBERS = st.one_of(st.integers(0, 5), st.sampled_from([2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63, 2**64, 10**30, -1]))
QUANTITIES = ("minCPU", "maxCPU", "minMemory", "maxMemory", "replicas", "minReplicas", "maxReplicas", "GPU")


@settings(bounded, max_examples=100)
@given(numbers=st.fixed_dictionaries({}, optional=dict.fromkeys(QUANTITIES, NUMBERS)))
@example(numbers={"minCPU": 3, "maxCPU": 2})
@example(numbers={"minCPU": 3, "maxCPU": 0})
@example(numbers={"replicas": 3})
@example(numbers={"minReplicas": 2})
def test_quantities(api: Any, admin: Any, numbers: dict[str, int]) -> None:
    longest = {name: 2**31 - 1 if "eplicas" in name else 2**32 - 1 for name in QUANTITIES}
    wrong = {name for name, value in numbers.items() if not 0 <= value <= longest[name]}
    whole = {"replicas": 1, "GPU": 0, "minCPU": 0, "maxCPU": 0, "minMemory": 0, "maxMemory": 0} | numbers
    whole = {"minReplicas": whole["replicas"], "maxReplicas": whole["replicas"]} | whole
    fit = (
        not wrong
        and all(not whole[f"max{kind}"] or whole[f"min{kind}"] <= whole[f"max{kind}"] for kind in ("CPU", "Memory"))
        and whole["minReplicas"] <= whole["replicas"] <= whole["maxReplicas"]
    )
    with undone():
        answer = api(admin).post("/v1/app", small(**numbers))
        assert answer.status_code == (200 if fit else 422), answer.json()
        if wrong:
            assert set(answer.json()["errors"]) == wrong
        if fit:
            data = api(admin).get("/v1/app").json()["apps"][-1]
            for name, value in whole.items():
                assert data[name] == (value / 100 if name.endswith("CPU") else value), name


PORTS = st.one_of(st.integers(-2, 3), st.integers(65533, 65538))


@bounded
@given(ports=st.lists(st.fixed_dictionaries({"port": PORTS}, optional={"hostPort": PORTS}), max_size=4))
def test_ports(api: Any, admin: Any, ports: list[dict[str, int]]) -> None:
    lists = [[item[name] for item in ports if name in item] for name in ("port", "hostPort")]
    fit = all(len(set(numbers)) == len(numbers) and all(1 <= n <= 65535 for n in numbers) for numbers in lists)
    with undone():
        if data := app(api, admin, "port", fit, port=ports):
            assert data["port"] == ports


@bounded
@given(name=st.one_of(st.text("aZ_09.-= \u00e9\0", max_size=6), ANY_TEXT), value=ANY_TEXT)
@example(name="..a", value="")
@example(name=".", value="")
def test_environment(api: Any, admin: Any, name: str, value: str) -> None:
    good = bool(name) and set(name) <= set(LETTERS_DIGITS + "._-") and name[0] not in string.digits
    fit = good and name != "." and not name.startswith("..") and "\0" not in value
    with undone():
        if data := app(api, admin, "env", fit, env=[{"name": name, "value": value}]):
            assert data["env"] == [{"name": name, "value": value}]
