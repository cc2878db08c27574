"""Blobs: uploads in one piece or many, mounts from a neighbour, reads."""

import re

from ..blobs import digest_invalid, is_digest
from ..errors import ApiError
from ..wire import Answer
from .call import Call, may

BLOB_LIMIT = 4 * 1024**3
_OCTETS = "application/octet-stream"


def begin(call: Call) -> Answer:
    """POST …/blobs/uploads/: begin an upload, or take the blob over from another repository."""
    request, harbor = call.request, call.harbor
    mount, source = request.one("mount"), request.one("from")
    known = mount and source and is_digest(mount) and call.has_blob(mount, source)
    if known and may(harbor, call.caller, source, "pull"):
        call.link_blob(mount)
        return _created(call, mount)
    return _accepted(call, harbor.blobs.begin(), 0)


def status(call: Call) -> Answer:
    """GET …/blobs/uploads/{id}: how much has come."""
    upload, size = _upload(call)
    answer = _accepted(call, upload, size)
    answer.status = 204
    return answer


def append(call: Call) -> Answer:
    """PATCH …/blobs/uploads/{id}: the next piece, which must begin where the last one ended."""
    upload, size = _upload(call)
    if given := call.request.headers.get("Content-Range"):
        matched = re.fullmatch(r"(?:bytes[ =])?(\d{1,18})-\d{1,18}", given)
        if not matched or int(matched[1]) != size:
            raise ApiError(416, "RANGE_INVALID", "invalid content range", {"Range": f"0-{max(size - 1, 0)}"})
    return _accepted(call, upload, call.harbor.blobs.append(upload, call.request.body.pieces(), BLOB_LIMIT))


def finish(call: Call) -> Answer:
    """PUT …/blobs/uploads/{id}?digest=…: perhaps the last piece, then the proof that all is there."""
    upload, _ = _upload(call)
    digest = call.request.one("digest")
    if not is_digest(digest):
        raise digest_invalid()
    call.harbor.blobs.append(upload, call.request.body.pieces(), BLOB_LIMIT)
    call.harbor.blobs.finish(upload, digest)
    call.link_blob(digest)
    return _created(call, digest)


def cancel(call: Call) -> Answer:
    """DELETE …/blobs/uploads/{id}."""
    upload, _ = _upload(call)
    call.harbor.blobs.cancel(upload)
    return Answer(204)


def read(call: Call) -> Answer:
    """GET and HEAD …/blobs/{digest}."""
    digest = _known(call)
    headers = {"Content-Type": _OCTETS, "Docker-Content-Digest": digest, "Etag": f'"{digest}"'}
    return Answer(200, headers=headers, file=call.harbor.blobs.path(digest))


def delete(call: Call) -> Answer:
    """DELETE …/blobs/{digest}: this repository holds it no more."""
    digest = _known(call)
    call.harbor.database.run("DELETE FROM blob WHERE repository = ? AND digest = ?", call.name, digest)
    return Answer(202, headers={"Docker-Content-Digest": digest})


def _known(call: Call) -> str:
    digest = call.params["digest"]
    if not is_digest(digest):
        raise digest_invalid()
    if not call.has_blob(digest):
        raise ApiError(404, "BLOB_UNKNOWN", "blob unknown to registry")
    return digest


def _upload(call: Call) -> tuple[str, int]:
    upload = call.params["upload"]
    size = call.harbor.blobs.upload_size(upload)
    if size is None:
        raise ApiError(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
    return upload, size


def _created(call: Call, digest: str) -> Answer:
    return Answer(201, headers={"Location": f"/v2/{call.name}/blobs/{digest}", "Docker-Content-Digest": digest})


def _accepted(call: Call, upload: str, size: int) -> Answer:
    location = f"/v2/{call.name}/blobs/uploads/{upload}"
    return Answer(202, headers={"Location": location, "Range": f"0-{max(size - 1, 0)}", "Docker-Upload-UUID": upload})
