"""Archives that are no honest chart: each is refused with its own sentence, and nothing of it is written anywhere."""

from __future__ import annotations

import gzip
import io
import resource
import tarfile
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from apps.charts import limits
from tests.apps.charts.packing import ABOUT, CONFIG, chart, entry, tar, upload
from tests.run.product import once

# An archive is refused before anything is asked of the database.
pytestmark = once

GOOD = (entry("shop/Chart.yaml", ABOUT), entry("shop/templates/config.yaml", CONFIG))


def inner(*entries: Any) -> bytes:
    """A chart that holds a packed chart of these entries."""
    return tar([*GOOD, entry("shop/charts/inner-1.0.0.tgz", tar(entries))])


def nested(levels: int) -> bytes:
    """A chart in a chart in a chart."""
    packed = chart(about=ABOUT)
    for _ in range(levels):
        packed = tar([*GOOD, entry("shop/charts/inner.tgz", packed)])
    return packed


def sparse() -> bytes:
    """A tar whose one file says that it is 1 TB and holds nothing."""
    info, _ = entry("shop/hole", type=tarfile.GNUTYPE_SPARSE)
    raw = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    raw[483:495] = b"%011o\0" % 2**32
    raw[148:156] = b"        "
    raw[148:156] = b"%06o\0 " % sum(raw)
    return gzip.compress(bytes(raw) + bytes(1024))


def of_size(size: bytes) -> bytes:
    """A header whose size field holds these 12 bytes."""
    raw = bytearray(entry("shop/Chart.yaml")[0].tobuf(tarfile.GNU_FORMAT))
    raw[124:136] = size
    raw[148:156] = b"        "
    raw[148:156] = b"%06o\0 " % sum(raw)
    return gzip.compress(bytes(raw) + bytes(1024))


def long_name(size: int) -> bytes:
    """A header that announces a name of that length."""
    raw = entry("././@LongLink", bytes(size), type=tarfile.GNUTYPE_LONGNAME)[0].tobuf(tarfile.GNU_FORMAT)
    return gzip.compress(raw + b"a" * size + bytes(1024))


def slow_header() -> bytes:
    """A header of digits, which Python's tarfile takes ten seconds to make nothing of."""
    raw = entry("././@PaxHeader", bytes(65536), type=tarfile.XHDTYPE)[0].tobuf(tarfile.USTAR_FORMAT)
    return gzip.compress(raw + b"1" * 65536 + entry("shop/a")[0].tobuf() + bytes(1024))


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "no gzip": (lambda: b"PK\x03\x04 a zip", "It is no gzipped tar."),
    "gzip of no tar": (lambda: gzip.compress(b"hello" * 300), "It is no gzipped tar, or a broken one."),
    "cut off": (lambda: chart({"a": "x" * 5000})[:-20], "It is no gzipped tar, or a broken one."),
    "wrong checksum": (lambda: chart()[:-8] + bytes(8), "It is no gzipped tar, or a broken one."),
    "empty": (lambda: tar([]), "It holds no file."),
    "larger than 10 MB": (lambda: b"\x1f\x8b" + bytes(limits.PACKED), "It is larger than 10 MB."),
    "out of it": (lambda: tar([*GOOD, entry("shop/../../etc/cron.d/x")]), "leads out of the chart"),
    "out of it at once": (lambda: tar([*GOOD, entry("../x")]), "leads out of the chart"),
    "absolute": (lambda: tar([*GOOD, entry("/etc/passwd")]), "The path '/etc/passwd' is absolute"),
    "backslashes": (lambda: tar([*GOOD, entry("shop/..\\..\\x")]), "a backslash"),
    "a drive": (lambda: tar([*GOOD, entry("C:/x")]), "a drive"),
    "an empty name": (lambda: tar([*GOOD, entry("shop//x")]), "an empty name"),
    "a control sign": (lambda: tar([*GOOD, entry("shop/a\nb")]), "no readable UTF-8 text"),
    "no UTF-8": (lambda: tar([*GOOD, entry("shop/\udcff\udcfe")], tarfile.GNU_FORMAT), "no readable UTF-8 text"),
    "a long path": (lambda: tar([*GOOD, entry("shop/" + "a" * 300)]), "is longer than 255 bytes"),
    "a deep path": (lambda: tar([*GOOD, entry("shop" + "/a" * 20)]), "is nested more than 16 deep"),
    "a link": (lambda: tar([*GOOD, entry("shop/x", type=tarfile.SYMTYPE, linkname="/etc/passwd")]), "'shop/x', a link"),
    "a hard link": (lambda: tar([*GOOD, entry("shop/y", type=tarfile.LNKTYPE, linkname="/x")]), "'shop/y', a link"),
    "a device": (lambda: tar([*GOOD, entry("shop/d", type=tarfile.CHRTYPE)]), "neither a file nor a folder"),
    "a pipe": (lambda: tar([*GOOD, entry("shop/p", type=tarfile.FIFOTYPE)]), "'shop/p', which is neither"),
    "twice": (lambda: tar([*GOOD, GOOD[0]]), "It holds 'Chart.yaml' twice."),
    "twice, spelled otherwise": (lambda: tar([*GOOD, entry("./shop/Chart.yaml")]), "It holds 'Chart.yaml' twice."),
    "file and folder": (lambda: tar([*GOOD, entry("shop/templates", "x")]), "both as a file and as a folder"),
    "two charts": (lambda: tar([*GOOD, entry("other/Chart.yaml", ABOUT)]), "one folder, and has 'shop' and 'other'"),
    "no folder": (lambda: tar([entry("Chart.yaml", ABOUT)]), "has the file 'Chart.yaml' beside it"),
    "a sparse file": (sparse, "a sparse file"),
    "a negative size": (lambda: of_size(b"\xff" * 12), "a broken one"),
    "an endless size": (lambda: of_size(b"\x80" + b"\0" * 3 + b"\x7f" * 8), "It unpacks to more than 50 MB."),
    "a long name": (lambda: long_name(20_000), "more and longer headers than a chart needs"),
    "many long names": (
        lambda: tar(entry(f"shop/{'b' * 200}{n}", "x", pax_headers={"c": "1" * 8000}) for n in range(5)),
        "longer headers",
    ),
    "a slow header": (slow_header, "more and longer headers than a chart needs"),
    "many files": (
        lambda: tar([*GOOD, *(entry(f"shop/{number}") for number in range(limits.ENTRIES))]),
        f"more than {limits.ENTRIES} files",
    ),
    "a bomb": (lambda: chart({"zeros": bytes(limits.UNPACKED)}), "It unpacks to more than 50 MB."),
    "a bomb after the end": (
        lambda: gzip.compress(zlib.decompress(chart(), 31) + bytes(limits.UNPACKED + 10 * limits.MB), 1),
        "It unpacks to more than 50 MB.",
    ),
    "a bomb inside": (lambda: inner(entry("inner/zeros", bytes(limits.UNPACKED))), "more than 50 MB"),
    "a link inside": (
        lambda: inner(entry("inner/x", type=tarfile.SYMTYPE, linkname="/")),
        "charts/inner-1.0.0.tgz: It holds 'inner/x', a link.",
    ),
    "out of it inside": (lambda: inner(entry("../x")), "charts/inner-1.0.0.tgz: The path '../x' leads out"),
    "charts in charts": (lambda: nested(10), "is nested more than 16 deep"),
    "the same chart twice": (
        lambda: tar([*GOOD, entry("shop/charts/shop/Chart.yaml", ABOUT), entry("shop/charts/a.tgz", chart())]),
        "The chart 'shop' is in charts/ twice.",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_refused_with_its_own_sentence(name: str, refused: Callable[..., str]) -> None:
    pack, sentence = HOSTILE[name]
    assert sentence in refused(pack())


def test_a_bomb_is_left_at_its_limit(refused: Callable[..., str]) -> None:
    """2 GB of zeros in 2 MB: reading on would take as much memory, or minutes."""
    member = gzip.compress(bytes(64 * limits.MB), 9)
    head = entry("shop/zeros", type=tarfile.REGTYPE, size=2**31)[0].tobuf(tarfile.GNU_FORMAT)
    packed = gzip.compress(head) + member * 32
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert refused(packed) == "It unpacks to more than 50 MB."
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024  # kilobytes


def test_a_folder_named_dot_is_no_root_of_its_own(api: Any, member: Any) -> None:
    entries = [entry("./", type=tarfile.DIRTYPE), *(entry(f"./{info.name}", raw) for info, raw in GOOD)]
    assert upload(api(member), tar(entries)).json()["code"] == 200


def test_other_tars_are_read_too(api: Any, member: Any) -> None:
    long = entry(f"shop/{'files' * 14}/{'a' * 90}.txt", "x")
    for format in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        assert upload(api(member), tar([*GOOD, long], format)).json()["code"] == 200
    several = io.BytesIO()  # as some tools write it: gzip in members, with what follows the end
    raw = zlib.decompress(tar(GOOD), 31)
    for start in range(0, len(raw), 1000):
        several.write(gzip.compress(raw[start : start + 1000]))
    assert upload(api(member), several.getvalue()).json()["code"] == 200
