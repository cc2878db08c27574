"""Manifests: what makes blobs an artifact, under a digest and perhaps a tag."""

import json
import time
from typing import Any

from .. import content
from ..blobs import digest_invalid, digest_of, is_digest
from ..content import Child, Described
from ..errors import ApiError, precondition
from ..wire import Answer
from .call import Call

MANIFEST_LIMIT = 4 * 1024 * 1024
OCI, DOCKER = "application/vnd.oci.image.", "application/vnd.docker.distribution.manifest."
IMAGES = {f"{OCI}manifest.v1+json", f"{DOCKER}v2+json"}
INDEXES = {f"{OCI}index.v1+json", f"{DOCKER}list.v2+json"}
IMAGE_CONFIGS = {f"{OCI}config.v1+json", "application/vnd.docker.container.image.v1+json"}
HELM_CONFIG = "application/vnd.cncf.helm.config.v1+json"


def read(call: Call) -> Answer:
    """GET and HEAD: only the first is a pull."""
    reference = call.params["reference"]
    found = content.artifact(call.harbor, call.name, reference)
    digest = found["digest"]
    headers = {
        "Content-Type": found["manifest_media_type"],
        "Docker-Content-Digest": digest,
        "Etag": f'"{digest}"',
    }
    if call.request.headers.get("If-None-Match", "").strip('"') == digest:
        return Answer(304, headers=headers)
    if call.request.method == "GET":
        content.pulled(call.harbor, found, "" if ":" in reference else reference, time.time())
    return Answer(200, headers=headers, file=call.harbor.blobs.path(digest))


def put(call: Call) -> Answer:
    """PUT: keeps the manifest once everything that it names is there. Raises a 412 on an immutable tag."""
    reference, harbor = call.params["reference"], call.harbor
    data = call.request.body.read(MANIFEST_LIMIT)
    by_digest = ":" in reference
    if by_digest and not is_digest(reference):
        raise digest_invalid()
    digest = digest_of(data, reference.split(":")[0] if by_digest else "sha256")
    if by_digest and digest != reference:
        raise digest_invalid()
    described = describe(call, data, digest)
    with harbor.database.transaction():
        repo = content.ensure_repository(harbor, call.name, call.project)
        known = None if by_digest else content.tag(harbor, repo["repository_id"], reference)
        if known is not None and content.is_immutable(harbor, repo, reference):  # even where the bytes are the same
            raise precondition(f"Failed to process request due to '{call.name}:{reference}' configured as immutable.")
        harbor.blobs.keep(digest, data)
        artifact = content.ensure_artifact(harbor, repo, described)
        if not by_digest:
            content.ensure_tag(harbor, repo, artifact, reference)
    return Answer(201, headers={"Location": f"/v2/{call.name}/manifests/{digest}", "Docker-Content-Digest": digest})


def delete(call: Call) -> Answer:
    """DELETE: by digest only, with all tags."""
    reference = call.params["reference"]
    if not is_digest(reference):
        raise ApiError(400, "UNSUPPORTED", f"unsupported digest {reference}")
    harbor = call.harbor
    with harbor.database.transaction():
        found = content.artifact(harbor, call.name, reference)
        repo = content.repository(harbor, call.name)
        assert repo is not None
        content.delete_artifact(harbor, repo, found["id"])
    return Answer(202)


def describe(call: Call, data: bytes, digest: str) -> Described:
    """Read a manifest. Raises a 400 when it is none, or names what is not there."""
    try:
        manifest = json.loads(data)
        media = manifest.get("mediaType") or call.request.headers.get("Content-Type", "").split(";")[0].strip()
        if media in INDEXES:
            return _index(call, manifest, digest, media, len(data))
        if media in IMAGES:
            return _image(call, manifest, digest, media, len(data))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _invalid("manifest invalid") from None
    raise _invalid(f"unrecognized manifest content type {media}")


def _image(call: Call, manifest: dict[str, Any], digest: str, media: str, size: int) -> Described:
    config, layers = manifest["config"], manifest["layers"]
    for blob in [config, *layers]:
        if not blob.get("urls") and not call.has_blob(blob["digest"]):
            raise ApiError(400, "MANIFEST_BLOB_UNKNOWN", f"blob unknown to registry: {blob['digest']}")
    kind, extra = _kind(config["mediaType"]), {}
    if config["mediaType"] in IMAGE_CONFIGS and call.harbor.blobs.size(config["digest"]) <= MANIFEST_LIMIT:
        read = json.loads(call.harbor.blobs.read(config["digest"]))
        names = ("architecture", "author", "config", "created", "os")
        extra = {name: read[name] for name in names if read.get(name)}
    return Described(
        digest,
        kind,
        config["mediaType"],
        media,
        size + sum(int(blob["size"]) for blob in [config, *layers]),
        artifact_type=manifest.get("artifactType") or config["mediaType"],
        annotations=dict(manifest.get("annotations") or {}),
        extra_attrs=extra,
    )


def _index(call: Call, manifest: dict[str, Any], digest: str, media: str, size: int) -> Described:
    children, types = [], []
    for one in manifest["manifests"]:
        found = call.harbor.database.row(
            "SELECT * FROM artifact WHERE repository_name = ? AND digest = ?", call.name, one["digest"]
        )
        if found is None:
            raise ApiError(400, "MANIFEST_BLOB_UNKNOWN", f"manifest unknown to registry: {one['digest']}")
        platform = one.get("platform") or {}
        shown = {name.replace(".", "_"): value for name, value in platform.items()}
        children.append(Child(one["digest"], shown, dict(one.get("annotations") or {})))
        types.append(found["type"])
        size += found["size"]
    kind = types[0] if types and len(set(types)) == 1 else "IMAGE"
    annotations = dict(manifest.get("annotations") or {})
    return Described(
        digest, kind, media, media, size, manifest.get("artifactType") or "", annotations, children=tuple(children)
    )


def _kind(media: str) -> str:
    if media in IMAGE_CONFIGS:
        return "IMAGE"
    if media == HELM_CONFIG:
        return "CHART"
    return "UNKNOWN"


def _invalid(message: str) -> ApiError:
    return ApiError(400, "MANIFEST_INVALID", message)
