"""A gzipped tar to files in memory. Nothing is written anywhere, and a bomb is left where it exceeds its limit."""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import zlib
from dataclasses import dataclass

from apps.charts import limits
from apps.charts.problems import ChartError, quoted
from otestack.sentences import say

# Path below the chart's folder to content.
Tree = dict[str, bytes]

_PIECE = 64 * 1024
# A chart inside a chart: in charts/, itself inside such a chart or not.
_INNER = re.compile(r"(?P<folder>(?:charts/[^/]+/)*charts/)[^/._][^/]*\.tgz")
_LONG_NAMES = frozenset(
    {tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK}
)
_BROKEN = (tarfile.TarError, EOFError, OSError, zlib.error, ValueError, OverflowError, RecursionError)


def unpack(packed: bytes) -> Tree:
    """Return the files of a packed chart, those of packed charts in its charts/ in their place.

    Raises ChartError.
    """
    if len(packed) > limits.PACKED:
        raise ChartError(say("It is larger than %(packed)s MB.", packed=limits.PACKED // limits.MB))
    return _Unpacking().chart(packed)[1]


@dataclass
class _Unpacking:
    """One upload: what it may still unpack to, with all the charts inside it."""

    bytes_left: int = limits.UNPACKED
    entries_left: int = limits.ENTRIES
    headers_left: int = limits.HEADERS

    def chart(self, packed: bytes, inside: str = "") -> tuple[str, Tree]:
        """Return the name of its folder, and its files. inside: where it lies, for sentences."""
        root, tree = self._files(packed, inside)
        for path in [path for path in tree if _INNER.fullmatch(path)]:
            name, inner = self.chart(tree.pop(path), f"{inside}{path}: ")
            folder = f"{path.rpartition('/')[0]}/{name}/"
            if any(other.startswith(folder) for other in tree):
                raise ChartError(
                    say("%(inside)sThe chart %(name)s is in charts/ twice.", inside=inside, name=quoted(name))
                )
            for below, content in inner.items():
                tree[_checked(folder + below, inside)] = content
        return root, tree

    def _files(self, packed: bytes, inside: str) -> tuple[str, Tree]:
        if packed[:2] != b"\x1f\x8b":
            raise ChartError(say("%(inside)sIt is no gzipped tar.", inside=inside))
        stream = _Bounded(gzip.GzipFile(fileobj=io.BytesIO(packed)), self.bytes_left + limits.ENTRIES * 4 * 512)
        root, tree, folders = "", Tree(), set[str]()
        try:
            entry_type = type("Entry", (_Entry,), {"unpacking": self})
            with tarfile.open(fileobj=stream, mode="r|", tarinfo=entry_type, encoding="utf-8") as archive:
                for entry in archive:
                    self._count(entry, inside)
                    name, path = _place(entry, inside)
                    if not name:
                        continue
                    if root not in {"", name}:
                        raise ChartError(
                            say(
                                "%(inside)sIt must hold one folder, and has %(root)s and %(name)s.",
                                inside=inside,
                                root=quoted(root),
                                name=quoted(name),
                            )
                        )
                    root = name
                    if entry.isdir():
                        folders.add(path)
                    elif path in tree:
                        raise ChartError(say("%(inside)sIt holds %(path)s twice.", inside=inside, path=quoted(path)))
                    else:
                        content = archive.extractfile(entry)
                        tree[path] = content.read() if content is not None else b""
            while stream.read(_PIECE):  # to the end, where gzip's checksum is
                pass
        except ChartError:
            raise
        except _BROKEN as error:
            raise ChartError(say("%(inside)sIt is no gzipped tar, or a broken one.", inside=inside)) from error
        for path in tree:
            folders.update(_parents(path))
        if clash := sorted(folders & tree.keys()):
            raise ChartError(
                say(
                    "%(inside)sIt holds %(clash)s both as a file and as a folder.",
                    inside=inside,
                    clash=quoted(clash[0]),
                )
            )
        if not tree:
            raise ChartError(say("%(inside)sIt holds no file.", inside=inside))
        return root, tree

    def _count(self, entry: tarfile.TarInfo, inside: str) -> None:
        self.entries_left -= 1
        self.bytes_left -= entry.size
        if self.entries_left < 0:
            raise ChartError(
                say("%(inside)sIt holds more than %(entries)s files.", inside=inside, entries=limits.ENTRIES)
            )
        if self.bytes_left < 0:
            raise _too_large()


class _Entry(tarfile.TarInfo):
    """A header that is looked at before what it announces is read."""

    unpacking: _Unpacking

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.size < 0:
            raise tarfile.ReadError("a size below zero")
        if self.type in _LONG_NAMES:
            self.unpacking.headers_left -= self.size**2
            if self.unpacking.headers_left < 0:
                raise ChartError(say("It holds more and longer headers than a chart needs."))
        if self.type == tarfile.GNUTYPE_SPARSE:
            raise ChartError(say("It holds %(name)s, a sparse file.", name=quoted(self.name)))
        return super()._proc_member(archive)  # type: ignore[misc]


class _Bounded(io.RawIOBase):
    """What is unpacked, and no more of it than that."""

    def __init__(self, stream: gzip.GzipFile, most: int) -> None:
        self._stream, self._left = stream, most

    def read(self, size: int = -1) -> bytes:
        """Return at most so many bytes. Raises ChartError past the limit."""
        piece = self._stream.read(min(size if size >= 0 else _PIECE, _PIECE))
        self._left -= len(piece)
        if self._left < 0:
            raise _too_large()
        return piece


def _too_large() -> ChartError:
    return ChartError(say("It unpacks to more than %(unpacked)s MB.", unpacked=limits.UNPACKED // limits.MB))


def _place(entry: tarfile.TarInfo, inside: str) -> tuple[str, str]:
    """Return the chart's folder and the path below it; both empty for '.'.

    Raises ChartError for what is no file or folder of the chart.
    """
    if entry.issym() or entry.islnk():
        raise ChartError(say("%(inside)sIt holds %(name)s, a link.", inside=inside, name=quoted(entry.name)))
    if entry.issparse():
        raise ChartError(say("%(inside)sIt holds %(name)s, a sparse file.", inside=inside, name=quoted(entry.name)))
    if not (entry.isfile() or entry.isdir()):
        raise ChartError(
            say(
                "%(inside)sIt holds %(name)s, which is neither a file nor a folder.",
                inside=inside,
                name=quoted(entry.name),
            )
        )
    whole = entry.name
    while whole.startswith("./"):
        whole = whole[2:]
    if whole in {"", "."} and entry.isdir():
        return "", ""
    root, _, path = _checked(whole, inside).partition("/")
    if not path and not entry.isdir():
        raise ChartError(
            say(
                "%(inside)sIt must hold one folder with the chart, and has the file %(root)s beside it.",
                inside=inside,
                root=quoted(root),
            )
        )
    return root, path


def _checked(path: str, inside: str) -> str:
    """Return the path if it can be written anywhere below a folder and leads nowhere else."""
    name = say("%(inside)sThe path %(path)s", inside=inside, path=quoted(path))
    if path.startswith("/") or "\\" in path or re.match(r"[A-Za-z]:", path):
        raise ChartError(say("%(name)s is absolute, or holds a backslash or a drive.", name=name))
    parts = path.split("/")
    if ".." in parts:
        raise ChartError(say("%(name)s leads out of the chart.", name=name))
    if "" in parts or "." in parts:
        raise ChartError(say("%(name)s holds an empty name or '.'.", name=name))
    if not path.isprintable():
        raise ChartError(say("%(name)s is no readable UTF-8 text.", name=name))
    if len(path.encode()) > limits.PATH:
        raise ChartError(say("%(name)s is longer than %(path)s bytes.", name=name, path=limits.PATH))
    if len(parts) > limits.DEPTH:
        raise ChartError(say("%(name)s is nested more than %(depth)s deep.", name=name, depth=limits.DEPTH))
    return path


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]
