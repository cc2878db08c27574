"""The distribution API, request by request."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import pytest
import requests

from registry.simulator import HarborSimulator
from registry.simulator.oci.manifests import MANIFEST_LIMIT
from tests.registry.simulator.callers import Caller, made, project_body, refused

IMAGE = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Registry:
    """/v2 as one caller."""

    def __init__(self, harbor: HarborSimulator, caller: Caller) -> None:
        self.url, self.session = harbor.url, caller.session

    def call(self, method: str, path: str, data: Any = None, **options: Any) -> requests.Response:
        return self.session.request(method, self.url + path, data=data, timeout=10, **options)

    def blob(self, data: bytes, repository: str = "acme/web") -> dict[str, Any]:
        begun = self.call("POST", f"/v2/{repository}/blobs/uploads/")
        assert begun.status_code == 202, begun.text
        done = self.call("PUT", f"{begun.headers['Location']}?digest={digest(data)}", data)
        assert done.status_code == 201, done.text
        return {"mediaType": CONFIG, "digest": digest(data), "size": len(data)}

    def manifest(self, text: str = "x", repository: str = "acme/web") -> bytes:
        config = self.blob(json.dumps({"architecture": "amd64", "os": "linux", "author": text}).encode(), repository)
        layer = self.blob(text.encode() * 100, repository)
        return json.dumps({"schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": [layer]}).encode()

    def put(self, data: bytes, reference: str, repository: str = "acme/web", media: str = IMAGE) -> requests.Response:
        return self.call("PUT", f"/v2/{repository}/manifests/{reference}", data, headers={"Content-Type": media})


@pytest.fixture
def registry(harbor: HarborSimulator, user: Caller) -> Registry:
    for name in ("acme", "other"):
        made(user.post("/projects", project_body(name)))
    made(user.post("/projects", project_body("open", public=True)))
    return Registry(harbor, user)


def challenge(answer: requests.Response) -> dict[str, str]:
    assert answer.status_code == 401
    return dict(re.findall(r'(\w+)="([^"]*)"', answer.headers["Www-Authenticate"]))


def test_the_challenge_leads_to_a_token(harbor: HarborSimulator, registry: Registry, user: Caller) -> None:
    nobody = Registry(harbor, Caller(harbor))
    assert "scope" not in challenge(nobody.call("GET", "/v2/"))
    asked = challenge(nobody.call("GET", "/v2/acme/web/tags/list"))
    assert asked["scope"] == "repository:acme/web:pull"
    assert asked["realm"] == f"{harbor.url}/service/token"
    pushing = challenge(nobody.call("POST", "/v2/acme/web/blobs/uploads/"))
    assert pushing["scope"] == "repository:acme/web:pull,push"
    assert refused(nobody.call("GET", "/service/token?service=harbor-registry"))[0] == 401
    assert nobody.call("GET", "/service/token?service=other").status_code == 400

    def token(caller: Registry, scope: str) -> dict[str, str]:
        query = {"service": asked["service"], "scope": scope}
        answer = caller.call("GET", "/service/token", params=query)
        assert answer.json()["expires_in"] == 1800
        return {"Authorization": f"Bearer {answer.json()['token']}"}

    mine = token(registry, "repository:acme/web:pull,push")
    assert nobody.call("POST", "/v2/acme/web/blobs/uploads/", headers=mine).status_code == 202
    assert nobody.call("POST", "/v2/acme/db/blobs/uploads/", headers=mine).status_code == 401
    theirs = token(nobody, "repository:acme/web:pull,push")
    assert nobody.call("POST", "/v2/acme/web/blobs/uploads/", headers=theirs).status_code == 401
    forged = {"Authorization": mine["Authorization"][:-3] + "xyz"}
    assert nobody.call("POST", "/v2/acme/web/blobs/uploads/", headers=forged).status_code == 401
    # A token for the registry says nothing to the API.
    assert requests.get(f"{user.base}/projects/acme", headers=mine, timeout=10).status_code == 401


def test_public_is_read_with_an_anonymous_token(harbor: HarborSimulator, registry: Registry) -> None:
    assert registry.put(registry.manifest(repository="open/web"), "v1", "open/web").status_code == 201
    nobody = Registry(harbor, Caller(harbor))
    path = "/v2/open/web/manifests/v1"
    scope = challenge(nobody.call("HEAD", path))["scope"]
    query = {"service": "harbor-registry", "scope": scope}
    headers = {"Authorization": f"Bearer {nobody.call('GET', '/service/token', params=query).json()['token']}"}
    assert nobody.call("GET", path, headers=headers).status_code == 200
    assert nobody.call("POST", "/v2/open/web/blobs/uploads/", headers=headers).status_code == 401


def test_uploads_in_pieces(registry: Registry) -> None:
    data = b"0123456789" * 1000
    begun = registry.call("POST", "/v2/acme/web/blobs/uploads/")
    place = begun.headers["Location"]
    first = registry.call("PATCH", place, data[:4000], headers={"Content-Range": "0-3999"})
    assert (first.status_code, first.headers["Range"]) == (202, "0-3999")
    assert registry.call("PATCH", place, b"x", headers={"Content-Range": "9-9"}).status_code == 416
    status = registry.call("GET", place)
    assert (status.status_code, status.headers["Range"]) == (204, "0-3999")
    chunked = registry.call("PATCH", place, iter([data[4000:6000], data[6000:9000]]))
    assert chunked.headers["Range"] == "0-8999"
    done = registry.call("PUT", f"{place}?digest={digest(data)}", data[9000:])
    assert (done.status_code, done.headers["Docker-Content-Digest"]) == (201, digest(data))
    assert registry.call("GET", done.headers["Location"]).content == data
    head = registry.call("HEAD", done.headers["Location"])
    assert (head.headers["Content-Length"], head.content) == (str(len(data)), b"")
    assert registry.call("GET", place).status_code == 404


def test_digests_are_checked(registry: Registry) -> None:
    for wrong in (digest(b"other"), "sha256:xyz", "md5:" + "0" * 32, ""):
        place = registry.call("POST", "/v2/acme/web/blobs/uploads/").headers["Location"]
        assert refused(registry.call("PUT", f"{place}?digest={wrong}", b"data")) == (400, "DIGEST_INVALID")
    assert registry.call("HEAD", f"/v2/acme/web/blobs/{digest(b'data')}").status_code == 404
    data = registry.manifest()
    assert refused(registry.put(data, digest(b"other"))) == (400, "DIGEST_INVALID")
    assert registry.put(data, digest(data)).status_code == 201
    place = registry.call("POST", "/v2/acme/web/blobs/uploads/").headers["Location"]
    assert registry.call("DELETE", place).status_code == 204
    assert registry.call("PUT", f"{place}?digest={digest(b'')}").status_code == 404


def test_mounts(harbor: HarborSimulator, registry: Registry, other: Caller) -> None:
    blob = registry.blob(b"shared")["digest"]
    path = f"/v2/other/db/blobs/uploads/?mount={blob}&from=acme/web"
    mounted = registry.call("POST", path)
    assert (mounted.status_code, mounted.headers["Location"]) == (201, f"/v2/other/db/blobs/{blob}")
    assert registry.call("GET", f"/v2/other/db/blobs/{blob}").content == b"shared"
    assert registry.call("POST", f"{path}/nowhere").status_code == 202
    # Who may not read the source gets an upload instead.
    made(other.post("/projects", project_body("theirs")))
    stranger = Registry(harbor, other)
    begun = stranger.call("POST", f"/v2/theirs/db/blobs/uploads/?mount={blob}&from=acme/web")
    assert begun.status_code == 202
    assert stranger.call("GET", f"/v2/theirs/db/blobs/{blob}").status_code == 404


def test_manifests_that_cannot_be(registry: Registry) -> None:
    missing = {"mediaType": CONFIG, "digest": digest(b"not there"), "size": 9}
    image = json.dumps({"schemaVersion": 2, "mediaType": IMAGE, "config": missing, "layers": []}).encode()
    index = {"schemaVersion": 2, "manifests": [missing]}
    for data, media, code in [
        (image, IMAGE, "MANIFEST_BLOB_UNKNOWN"),
        (json.dumps(index).encode(), "application/vnd.oci.image.index.v1+json", "MANIFEST_BLOB_UNKNOWN"),
        (b"{", IMAGE, "MANIFEST_INVALID"),
        (b"[]", IMAGE, "MANIFEST_INVALID"),
        (b"{}", IMAGE, "MANIFEST_INVALID"),
        (b"{}", "application/json", "MANIFEST_INVALID"),
    ]:
        assert refused(registry.put(data, "v1", media=media)) == (400, code)
    assert registry.call("GET", "/v2/acme/web/manifests/v1").status_code == 404
    assert refused(registry.put(b" " * (MANIFEST_LIMIT + 1), "v1")) == (413, "REQUEST_ENTITY_TOO_LARGE")
    assert registry.put(registry.manifest(), "-").status_code == 404


def test_what_a_tag_gives(registry: Registry, user: Caller) -> None:
    data = registry.manifest()
    assert registry.put(data, "v1").headers["Docker-Content-Digest"] == digest(data)
    got = registry.call("GET", "/v2/acme/web/manifests/v1")
    assert (got.content, got.headers["Content-Type"]) == (data, IMAGE)
    same = registry.call("GET", "/v2/acme/web/manifests/v1", headers={"If-None-Match": got.headers["Etag"]})
    assert (same.status_code, same.content) == (304, b"")
    row = user.read("/projects/acme/repositories/web/artifacts/v1")
    assert row["extra_attrs"]["author"] == "x"
    assert (row["digest"], row["media_type"], row["manifest_media_type"]) == (digest(data), CONFIG, IMAGE)
    assert refused(registry.call("DELETE", "/v2/acme/web/manifests/v1")) == (400, "UNSUPPORTED")
    assert registry.call("DELETE", f"/v2/acme/web/manifests/{digest(data)}").status_code == 202
    assert registry.call("GET", "/v2/acme/web/manifests/v1").status_code == 404


def test_pulls_are_counted_later(harbor: HarborSimulator, registry: Registry, user: Caller) -> None:
    data = registry.manifest()
    registry.put(data, "v1")
    harbor.set(pull_lag=60.0)
    assert registry.call("HEAD", "/v2/acme/web/manifests/v1").status_code == 200
    assert registry.call("GET", "/v2/acme/web/manifests/v1").status_code == 200
    assert user.read("/projects/acme/repositories/web")["pull_count"] == 0
    harbor.harbor.database.run("UPDATE pull SET due = 0")
    assert user.read("/projects/acme/repositories/web")["pull_count"] == 1
    row = user.read("/projects/acme/repositories/web/artifacts/v1")
    assert row["pull_time"] == row["tags"][0]["pull_time"] > row["push_time"]


def test_an_immutable_tag_takes_no_push(harbor: HarborSimulator, registry: Registry) -> None:
    data = registry.manifest()
    harbor.make_immutable("acme")
    assert registry.put(data, "v1").status_code == 201
    for again in (data, registry.manifest("other")):
        assert refused(registry.put(again, "v1")) == (412, "PRECONDITION")
    assert registry.put(registry.manifest("other"), "v2").status_code == 201


def test_lists_of_names(harbor: HarborSimulator, registry: Registry, admin: Caller) -> None:
    harbor.push("acme/web", "b", "a", "c")
    tags = registry.call("GET", "/v2/acme/web/tags/list?n=2")
    assert tags.json() == {"name": "acme/web", "tags": ["a", "b"]}
    assert tags.headers["Link"] == '</v2/acme/web/tags/list?n=2&last=b>; rel="next"'
    assert registry.call("GET", "/v2/acme/web/tags/list?n=2&last=b").json()["tags"] == ["c"]
    assert registry.call("GET", "/v2/acme/web/tags/list?n=x").status_code == 400
    assert registry.call("GET", "/v2/acme/nothing/tags/list").status_code == 404
    assert registry.call("GET", "/v2/_catalog").status_code == 401
    assert Registry(harbor, admin).call("GET", "/v2/_catalog").json() == {"repositories": ["acme/web"]}
    assert registry.call("GET", "/v2/nowhere/web/tags/list").status_code == 401
    assert registry.call("PUT", "/v2/acme/web/tags/list").status_code == 405
    assert registry.call("GET", "/v2/acme/web/nothing/x").status_code == 404


def test_nothing_is_pushed_to_a_proxy(harbor: HarborSimulator, registry: Registry, admin: Caller) -> None:
    made(admin.post("/projects", project_body("hub") | {"registry_id": 1}))
    assert Registry(harbor, admin).call("POST", "/v2/hub/web/blobs/uploads/").status_code == 405
