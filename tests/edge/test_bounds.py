"""What an edge says at length costs it its pass, and nobody else memory, time or a row."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from clusters.drivers.base import EdgeError
from clusters.drivers.kubernetes import wire
from clusters.drivers.kubernetes.client import Client, _refusal, masked
from clusters.drivers.kubernetes.driver import LIST_ANSWERS, KubernetesDriver
from clusters.engine.labels import BUNDLE, GENERATION, NODE_PREFIX
from clusters.models import Bundle, Cluster
from tests.edge.conftest import drive_until, look, look_once, state
from tests.edge.meddler import Meddler, answer
from tests.edge.peer import Line, playing, run, talking

Join = Callable[..., Cluster]
Web = Callable[..., Bundle]
HUGE = "u" * 500_000
PODS = "/api/v1/namespaces/ns1/pods"
# A long text takes a tenth of this on a slow machine; to look at all of it takes several times as much.
SOON = 0.6
LONG = "no such thing\n" * 2_000_000


def _list(**metadata: Any) -> Any:
    return answer(200, {"items": [{"metadata": {"name": "web"} | metadata}]})


@pytest.mark.parametrize(
    ("path", "metadata", "said"),
    [
        ("services", {"uid": HUGE}, "v1/Service whose uid is longer than 128"),
        ("services", {"uid": "u" * 129}, "v1/Service whose uid is longer than 128"),
        ("services", {"resourceVersion": HUGE}, "v1/Service whose resourceVersion is longer than 128"),
        ("services", {"namespace": "n" * 254}, "v1/Service whose namespace is longer than 253"),
        ("services", {"name": HUGE}, "v1/Service whose name is longer than 253"),
        ("services", {"labels": {BUNDLE: HUGE}}, f"v1/Service whose {BUNDLE} is longer than 253"),
        ("services", {"labels": {GENERATION: "1" * 254}}, f"v1/Service whose {GENERATION} is longer than 253"),
        ("nodes", {"name": "n" * 254}, "Node whose name is longer than 253"),
        (
            "nodes",
            {"labels": {NODE_PREFIX + "l" * 64: "true"}},
            f"Node whose {NODE_PREFIX}{'l' * 29}… is longer than 63",
        ),
    ],
    ids=["uid", "129", "version", "namespace", "name", "bundle", "generation", "node", "node label"],
)
def test_what_is_too_long_to_be_kept_ends_the_pass_with_a_sentence(
    meddler: Meddler,
    join: Join,
    web: Web,
    caplog: pytest.LogCaptureFixture,
    path: str,
    metadata: dict[str, Any],
    said: str,
) -> None:
    bad, good = join("bad", via=meddler), join("good")
    bundle = web()
    drive_until(lambda: state(bundle, bad) == state(bundle, good) == "ready")
    good.refresh_from_db()
    before = good.observed_at
    meddler.spoil("GET", rf"/{path}\?", _list(**metadata))
    look(bad, good)
    bad.refresh_from_db()
    good.refresh_from_db()
    assert bad.last_error == f"{bad.name} sent a {said} characters"
    assert (bad.failed_probes, bad.away_since) == (0, None)
    assert good.last_error == "" and good.observed_at > before
    assert "cannot be recorded" not in caplog.text
    meddler.clear()
    look(bad)
    drive_until(lambda: state(bundle, bad) == "ready")
    bad.refresh_from_db()
    assert bad.last_error == ""


def test_what_is_too_long_in_the_answer_to_an_apply_is_no_mark(meddler: Meddler, join: Join, web: Web) -> None:
    cluster = join(via=meddler)
    meddler.spoil("PATCH", "/services/", answer(200, {"metadata": {"name": "web", "uid": HUGE, "generation": 1}}))
    bundle = web()
    drive_until(lambda: bundle.placements.get().last_error)
    placement = bundle.placements.get()
    where = f"Service {bundle.namespace}/web"
    assert placement.last_error == f"{where} was refused: sent a v1/Service whose uid is longer than 128 characters"
    assert len(json.dumps(placement.marks)) < 1000
    cluster.refresh_from_db()
    assert (cluster.failed_probes, cluster.last_error) == (0, "")
    meddler.clear()
    drive_until(lambda: state(bundle, cluster) == "ready")


def test_what_is_as_long_as_may_be_is_kept() -> None:
    meta = {"uid": "u" * 128, "resourceVersion": "1" * 128, "namespace": "n" * 253, "name": "m" * 253}
    labels = {BUNDLE: "b" * 253, NODE_PREFIX + "l" * 63: "true", "others": HUGE}
    item = wire.decode_item(json.dumps({"metadata": meta | {"labels": labels}}).encode())
    one = wire.observed("v1/ConfigMap", "metadata", item)
    assert (one.uid, one.mark, one.bundle) == (meta["uid"], f"v{meta['resourceVersion']}", labels[BUNDLE])
    assert wire.observed_node(item).labels == ("l" * 63,)
    assert wire.observed_pod(item).name == meta["name"]


def test_a_pod_with_a_long_name_is_not_read() -> None:
    item = wire.decode_item(json.dumps({"metadata": {"name": "p" * 254}}).encode())
    with pytest.raises(EdgeError, match=r"^sent a Pod whose name is longer than 253 characters$"):
        wire.observed_pod(item)


LIMIT = 100_000


def _page(size: int, more: bool) -> bytes:
    raw = json.dumps({"metadata": {"continue": "more" if more else ""}, "items": [{"metadata": {"name": "p"}}]})
    return raw.ljust(size).encode()


def _paging(pages: int, size: int) -> Callable[[Line, int], Any]:
    """So many pages of one object and so many bytes each."""

    def play(line: Line, number: int) -> None:
        for page in range(pages):
            if not line.request():
                return
            body = _page(size, more=page < pages - 1)
            line.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body), body)

    return play


async def _listed(client: Client) -> int | str:
    driver = KubernetesDriver(client, "c", page_objects=1, list_objects=50)
    try:
        return len(await driver.list_pods("ns1", "a=b"))
    except EdgeError as error:
        return str(error)


def _list_from(pages: int, size: int) -> tuple[int | str, int]:
    """What comes of the list, and after how many requests."""

    async def ask(peer: Any) -> int | str:
        async with talking(peer, limit=LIMIT) as client:
            return await _listed(client)

    with playing(_paging(pages, size)) as peer:
        return run(ask(peer)), len(peer.asked)


def test_a_list_of_few_objects_and_many_bytes_is_cut() -> None:
    most = LIST_ANSWERS * LIMIT
    assert _list_from(1000, LIMIT) == (f"lists more than {most} bytes at {PODS}", LIST_ANSWERS + 1)
    assert _list_from(1000, LIMIT // 10) == (f"lists more than {most} bytes at {PODS}", 10 * LIST_ANSWERS + 1)
    assert _list_from(LIST_ANSWERS, LIMIT) == (LIST_ANSWERS, LIST_ANSWERS)


def test_the_bytes_of_a_list_are_said_on_the_clusters_row(meddler: Meddler, join: Join, settings: Any) -> None:
    cluster = join(via=meddler)
    look(cluster)
    meddler.clear()
    meddler.spoil("GET", r"/nodes\?", answer(200, _page(1_000_000, more=True)))
    settings.OTE_LEASE_SECONDS, settings.OTE_WINDOW_SECONDS = 20, 0
    look_once(cluster)
    cluster.refresh_from_db()
    most = LIST_ANSWERS * 1024 * 1024
    assert cluster.last_error == f"{cluster.name} lists more than {most} bytes at /api/v1/nodes"
    assert sum("/nodes?" in item.path for item in meddler.asked) == LIST_ANSWERS + 1


def test_a_list_of_endless_small_pages_ends_with_the_time_of_the_pass(
    meddler: Meddler, join: Join, settings: Any
) -> None:
    cluster = join(via=meddler)
    look(cluster)
    meddler.spoil("GET", r"/nodes\?", answer(200, _page(100, more=True)))
    settings.OTE_LEASE_SECONDS, settings.OTE_WINDOW_SECONDS = 2, 0
    began = time.monotonic()
    look_once(cluster)
    assert time.monotonic() - began < 10
    cluster.refresh_from_db()
    assert cluster.last_error == f"{cluster.name} is too slow: no complete pass within 1.8 s"


def _refused(message: str) -> str:
    return str(_refusal(500, json.dumps({"message": message}).encode(), "", {"hunter2-hunter2", "t" * 2000}))


def _item(**content: Any) -> wire.Item:
    return wire.decode_item(json.dumps({"metadata": {"name": "a"}} | content).encode())


def _read_pod(message: str) -> str:
    waiting = {"state": {"waiting": {"reason": "Broken", "message": message}}}
    return wire.observed_pod(_item(status={"containerStatuses": [waiting]})).trouble


def _read_node(message: str) -> str:
    return wire.observed_node(_item(status={"nodeInfo": {"kernelVersion": message}})).kernel_version


def _read_workload(message: str) -> str:
    condition = {"type": "Progressing", "status": "False", "message": message}
    one = wire.observed("apps/v1/Deployment", "workload", _item(status={"conditions": [condition]}))
    return one.workload.stalled if one.workload else ""


@pytest.mark.parametrize(
    ("read", "before", "most"),
    [
        (_refused, "answered 500: ", 300),
        (_read_pod, "Broken: ", 292),
        (_read_node, "", 255),
        (_read_workload, "", 300),
        (wire.one_line, "", 300),
    ],
    ids=["refusal", "pod", "node", "workload", "line"],
)
def test_of_a_long_text_only_the_beginning_is_looked_at(read: Callable[[str], str], before: str, most: int) -> None:
    began = time.thread_time()
    json.loads(json.dumps({"message": LONG}))  # what it takes to make and to read it, on this machine
    plain = time.thread_time() - began
    began = time.thread_time()
    said = read(LONG)
    assert time.thread_time() - began < SOON + 2 * plain
    assert said == before + ("no such thing " * 30)[: most - 1] + "…"


class _Version:
    """A client that is answered with this, whatever it asks."""

    limits = type("_", (), {"answer_bytes": 2**25})

    def __init__(self, version: Any) -> None:
        self._raw = json.dumps({"gitVersion": version}).encode()

    async def request(self, *_: Any, **__: Any) -> tuple[int, bytes]:
        return 200, self._raw


def _probed(version: Any) -> str:
    driver = KubernetesDriver(_Version(version), "c", page_objects=1, list_objects=1)  # type: ignore[arg-type]
    try:
        return str(run(driver.probe()))
    except EdgeError as error:
        return str(error)


def test_a_version_is_a_text() -> None:
    assert _probed("v1.37.0+k3s1") == "v1.37.0+k3s1"
    assert _probed("v" * 100) == "v" * 63 + "…"
    for version in ([[]] * 2_000_000, 5, None, {"a": "b"}):
        assert _probed(version) == "answered /version with something that is no version"


# None of them ends as it begins, so a text of them has each where it was put.
SECRETS = ["abcd", "abcdef", "efab", "cdefghabcdefgh0"]


@pytest.mark.parametrize(
    "text",
    [
        "x abcdef y abcd z efab",
        "abcdefab",  # one goes on where another ends
        "xabcdefghabcdefgh0y",
        "xabcdabcdefefabcdefghabcdefgh0",
        "cdefghabcdefgh0cdefghabcdefgh0",
    ],
    ids=["apart", "overlapping", "nested", "all", "twice"],
)
def test_wherever_a_text_is_cut_no_part_of_a_secret_is_shown(text: str) -> None:
    for most in range(len(text) + 2):
        shown = masked(text, SECRETS, most)
        assert not set(shown) & set("abcdefgh0"), (most, shown)
    assert masked(text, SECRETS, len(text)) == masked(text, SECRETS, 10**6)


def test_what_is_no_secret_is_shown_up_to_the_cut() -> None:
    assert masked("the cut is here: abc", SECRETS, 17) == "the cut is here: "
    assert masked("the cut is here: abc", SECRETS, 19) == "the cut is here: ab"
    assert masked("abcd and efab", SECRETS, 100) == "*** and ***"
    assert masked("a, b", ["a", "b", ""], 100) == "a, b"


@pytest.mark.parametrize("secret", ["hunter2-hunter2", "ü" * 900, "t0ken" * 400], ids=["short", "two bytes", "long"])
@pytest.mark.parametrize("blank", [" ", "\n", "\x00"], ids=["space", "line", "zero"])
def test_a_secret_behind_many_blanks_is_not_half_shown(secret: str, blank: str) -> None:
    places = [0, *(edge - back for edge in (2000, 6000) for back in (len(secret), len(secret) - 1, 8, 4, 1, 0))]
    for place in places:
        text = "no: " + blank * max(place - 4, 0) + secret + " never"
        raw = json.dumps({"message": text}, ensure_ascii=False).encode()
        for body in (raw, text.encode()):
            said = str(_refusal(500, body, "", {secret}))
            assert secret[:1] not in said.removeprefix("answered 500: no:").replace(" never", ""), (place, said)
