"""What is stored are messages with values: each reader gets them in the own language, old text as it stands."""

from __future__ import annotations

import json

import pytest
from django.db import connection

from clusters.engine.claim import Quota, claim
from clusters.engine.load import load
from clusters.engine.outcome import PassOutcome, PlacementOutcome
from clusters.engine.record import Finished, record
from clusters.models import Cluster, Placement
from deployments.settle import settle
from otestack.sentences import Sentence, bounded, packed, say, told, unpacked
from tests.deployments import fleet
from tests.deployments.conftest import _installation, beijing, body, deploy, harbin, versions  # noqa: F401


def passed(reason: str, *, error: str = "", answered: bool = True) -> None:
    """The engine made a pass over every cluster, found this wrong with each placement, and recorded it."""
    Cluster.objects.update(observe_due_at=None, lease_until=None)
    claims, now = claim(Quota(clusters=10, probes=10))
    for work in load(claims, now):
        found = {item.id: PlacementOutcome(applied=True, ready=False, reason=reason) for item in work.placements}
        record([Finished(work, PassOutcome(answered=answered, error=error, placements=found))])
    settle()


@pytest.fixture
def broken(deploy, admin, versions, beijing, harbin):  # noqa: F811
    """A deployment that no node of its clusters can run."""
    versions(1)
    row = deploy(admin)
    passed(say("no node carries label %(node_label)s", node_label="gpu"))
    return row


def seen(api, user, row, language):
    """What the API says of a deployment and of its clusters."""
    shown = api(user, language=language).get(f"/v1/deploy/id/{row.pk}").json()["data"]
    rows = api(user, language=language).get(f"/v1/deploy/id/{row.pk}/clusters").json()["data"]
    return json.loads(shown["errorMessage"])["reason"], {each["lastError"] for each in rows}


def test_each_reader_has_the_reasons_in_the_own_language(api, admin, broken):
    english = ("2 clusters: beijing: no node carries label gpu, …", {"no node carries label gpu"})
    assert seen(api, admin, broken, None) == english
    assert seen(api, admin, broken, "zh-CN") == (
        "2 个集群：beijing: 没有节点带有标签 gpu 等",
        {"没有节点带有标签 gpu"},
    )
    assert seen(api, admin, broken, "en") == english


def test_the_column_holds_the_message_and_its_values(broken):
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT last_error FROM clusters_placement WHERE last_error <> ''")
        (held,) = [json.loads(row[0][1:-1]) for row in cursor.fetchall()]
    assert held == ["no node carries label %(node_label)s", {"node_label": "gpu"}]
    row = Placement.objects.exclude(last_error="").values_list("last_error", flat=True)[0]
    assert (row, type(row)) == ("no node carries label gpu", Sentence)


def test_text_of_before_is_shown_as_it_stands(api, admin, broken):
    fleet.failed(broken, why="no node carries label arm")
    reason, errors = seen(api, admin, broken, "zh-CN")
    assert errors == {"no node carries label arm"}
    assert reason == "2 个集群：beijing: no node carries label arm 等"


def test_a_reason_that_stays_is_not_written_again(broken):
    before = list(Placement.objects.order_by("pk").values_list("pk", "last_error", "ready_generation"))
    passed(say("no node carries label %(node_label)s", node_label="gpu"))
    assert list(Placement.objects.order_by("pk").values_list("pk", "last_error", "ready_generation")) == before


def test_an_away_cluster_says_so_in_both(api, admin, broken):
    away = say("%(name)s cannot be reached: %(error)s", name="beijing", error=say("no answer within the time"))
    Cluster.objects.filter(name="beijing").update(away_since="2026-01-02T03:04:05Z", last_error=away)
    _, errors = seen(api, admin, broken, None)
    start = "The cluster has not answered since 2026-01-02 03:04:05 UTC: "
    assert f"{start}beijing cannot be reached: no answer within the time" in errors
    _, errors = seen(api, admin, broken, "zh-CN")
    assert "集群自 2026-01-02 03:04:05 UTC 起没有响应：无法连接 beijing：响应超时" in errors


def test_a_sentence_is_its_english_text():
    made = say("There is no cluster %(cluster_name)s.", cluster_name="'b'")
    assert made == "There is no cluster 'b'." and f"{made}" == made and json.dumps([made]) == f'["{made}"]'
    assert told(made) == made
    assert hash(made) == hash(str(made))


@pytest.mark.parametrize(
    "text",
    [
        "", "plain", "\x02", "\x02\x03", "\x02[]\x03", '\x02["a %(b)s", {}]\x03', '\x02["%(b)d", {"b": "x"}]\x03',
        "\x02[1, 2]\x03", "a\x02null\x03b",
    ],
)  # fmt: skip
def test_what_only_looks_stored_harms_nobody(text):
    assert isinstance(unpacked(text), str)
    assert isinstance(told(unpacked(text)), str)


def test_what_is_stored_comes_back_whole():
    inner = say("no node carries label %(node_label)s", node_label="\x02[%(x)s]\x03 100% 集群")
    whole = say("%(number)s clusters: %(first)s, …", number=3, first=inner)
    back = unpacked(packed(whole))
    assert (back, back.message, back.values) == (whole, whole.message, whole.values)
    around = unpacked(f"beijing: {packed(inner)}")
    assert around == f"beijing: {inner}" and "没有节点带有标签" not in around


@pytest.mark.parametrize("length", [0, 100, 260, 290, 300, 400])
def test_a_bounded_sentence_is_cut_as_text_is(length):
    error = "x" * length
    for made in (
        say("%(name)s cannot be reached: %(error)s", name="beijing", error=error),
        say("%(cluster)s %(error)s", cluster="b", error=say("answered %(status)s: %(said)s", status=500, said=error)),
        say("The certificate of %(host)s is not trusted: %(verify)s.", host="h", verify=error),
    ):
        cut = str(made)[:299] + "…" if len(made) > 300 else str(made)
        assert bounded(made, 300, "…") == cut
        assert bounded(made, 300) == str(made)[:300]
    assert isinstance(bounded(say("%(name)s cannot be reached: %(error)s", name="b", error=error), 300), Sentence)
