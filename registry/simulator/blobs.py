"""The blobs' bytes: one file each, named by its digest; uploads grow beside them."""

import hashlib
import re
import uuid
from collections.abc import Iterable
from pathlib import Path

from .errors import ApiError

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


def is_digest(text: str) -> bool:
    """Tell whether it is a digest that can be checked here."""
    return bool(_DIGEST.fullmatch(text))


def digest_of(data: bytes, kind: str = "sha256") -> str:
    """The digest of bytes."""
    return f"{kind}:{hashlib.new(kind, data).hexdigest()}"


def digest_invalid() -> ApiError:
    """400: the bytes are not what their digest says, or it is no digest."""
    return ApiError(400, "DIGEST_INVALID", "provided digest did not match uploaded content")


class Blobs:
    """Files below one directory."""

    def __init__(self, directory: Path) -> None:
        self._blobs, self._uploads = directory / "blobs", directory / "uploads"
        for folder in (self._blobs, self._uploads):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in self._uploads.iterdir():
            left.unlink()

    def path(self, digest: str) -> Path:
        """Where a blob's bytes are."""
        return self._blobs / digest.replace(":", "-")

    def has(self, digest: str) -> bool:
        """Tell whether the bytes are there."""
        return self.path(digest).is_file()

    def size(self, digest: str) -> int:
        """Its length."""
        return self.path(digest).stat().st_size

    def read(self, digest: str) -> bytes:
        """Its bytes."""
        return self.path(digest).read_bytes()

    def keep(self, digest: str, data: bytes) -> None:
        """Keep bytes under their digest."""
        if not self.has(digest):
            draft = self._uploads / str(uuid.uuid4())
            draft.write_bytes(data)
            draft.replace(self.path(digest))

    def begin(self) -> str:
        """Begin an upload and return its id."""
        name = str(uuid.uuid4())
        (self._uploads / name).touch()
        return name

    def upload_size(self, upload: str) -> int | None:
        """How much has come; None when there is no such upload."""
        path = self._upload(upload)
        return path.stat().st_size if path and path.is_file() else None

    def append(self, upload: str, pieces: Iterable[bytes], limit: int) -> int:
        """Add to an upload and return how much has come in all. Raises a 413 when it becomes too large."""
        path = self._uploads / upload
        with path.open("ab") as file:
            for piece in pieces:
                if file.tell() + len(piece) > limit:
                    raise ApiError(413, "REQUEST_ENTITY_TOO_LARGE", "the blob is too large", close=True)
                file.write(piece)
            return file.tell()

    def finish(self, upload: str, digest: str) -> None:
        """Make an upload a blob. Raises a 400 when the bytes are others; the upload is gone then."""
        path = self._uploads / upload
        kind = digest.split(":")[0]
        with path.open("rb") as file:
            found = f"{kind}:{hashlib.file_digest(file, kind).hexdigest()}"
        if found != digest:
            path.unlink(missing_ok=True)
            raise digest_invalid()
        path.replace(self.path(digest))

    def cancel(self, upload: str) -> None:
        """Forget an upload."""
        (self._uploads / upload).unlink(missing_ok=True)

    def _upload(self, upload: str) -> Path | None:
        return self._uploads / upload if re.fullmatch(r"[0-9a-f-]{36}", upload) else None
