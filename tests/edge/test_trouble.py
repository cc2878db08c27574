"""What an edge may answer instead of what was asked for: said in one line, tried again, over when it is over."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from django.db.models import F

from clusters.drivers.kubernetes.kubeconfig import Credentials
from clusters.engine.bundles import Wish, put
from clusters.engine.clock import db_now
from clusters.engine.drive import drive_due
from clusters.models import Bundle, Cluster, Selector
from tests.clusters.pki import Authority
from tests.edge.conftest import REQUEST_SECONDS, drive_until, look, look_once, proven, state, web_wish
from tests.edge.meddler import Meddler, Spoil, answer, failure, send

Join = Callable[..., Cluster]
Web = Callable[..., Bundle]


def _times(count: int, how: Spoil) -> Spoil:
    """Only the first requests."""
    left = [count]

    def spoil(handler: BaseHTTPRequestHandler) -> bool:
        left[0] -= 1
        return left[0] >= 0 and how(handler)

    return spoil


def _drip(handler: BaseHTTPRequestHandler) -> bool:
    """A byte now and then, without end."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    try:
        for _ in range(100):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.05)
    except OSError:
        pass
    handler.close_connection = True
    return True


def _error(bundle: Bundle) -> str:
    return str(bundle.placements.get().last_error)


def test_a_refused_apply_is_tried_again_until_it_is_taken(edge: Any, meddler: Meddler, join: Join, web: Web) -> None:
    cluster = join(via=meddler)
    calm = web(name="calm")
    drive_until(lambda: proven(calm))
    statuses = (401, 403, 409, 429, 500, 503)
    for status in statuses:
        meddler.spoil("PATCH", f"/deployments/s{status}", _times(2, failure(status, "not\nnow")))
    bundles = {status: put(None, web_wish(calm.namespace, name=f"s{status}")) for status in statuses}
    drive_due()
    for status, bundle in bundles.items():
        placement = bundle.placements.get()
        assert placement.last_error == f"Deployment {calm.namespace}/s{status} was refused: answered {status}: not now"
        assert (placement.failed, placement.ready_generation) == (False, 0)
        assert placement.next_attempt_at is not None
    cluster.refresh_from_db()
    assert (cluster.failed_probes, cluster.last_error) == (0, "")
    assert proven(calm)
    drive_until(lambda: all(proven(bundle) for bundle in bundles.values()))
    assert {(b.placements.get().last_error, b.placements.get().attempts) for b in bundles.values()} == {("", 0)}


def test_an_edge_that_asks_for_patience_gets_it(meddler: Meddler, join: Join, web: Web) -> None:
    cluster = join(via=meddler)
    bundle = web()
    drive_until(lambda: proven(bundle))
    meddler.spoil("PATCH", "/deployments/web", failure(429, "slow down", Retry_After="40"))
    bundle = put(bundle, web_wish(bundle.namespace, image="nginx:2"))
    drive_due()
    assert (bundle.placements.get().next_attempt_at - db_now()).total_seconds() > 35
    meddler.clear()
    meddler.spoil("GET", "/services", failure(429, "slow down", Retry_After="50"))
    look(cluster)
    cluster.refresh_from_db()
    assert (cluster.observe_due_at - db_now()).total_seconds() > 45
    assert "answered 429: slow down" in cluster.last_error


def test_an_immutable_field_is_named_and_the_next_change_clears_it(edge: Any, join: Join, web: Web) -> None:
    cluster = join()
    bundle = web()
    drive_until(lambda: proven(bundle))
    wish = web_wish(bundle.namespace)
    spec = wish.objects[1]["spec"]
    spec["selector"] = {"matchLabels": {"other": "x"}}
    spec["template"]["metadata"]["labels"] = {"other": "x"}
    bundle = put(bundle, wish)
    drive_until(lambda: _error(bundle))
    placement = bundle.placements.get()
    assert "spec.selector" in placement.last_error
    assert "immutable" in placement.last_error
    assert placement.failed
    assert state(bundle, cluster) == "failed"
    assert (placement.next_attempt_at - db_now()).total_seconds() > 0
    bundle = put(bundle, web_wish(bundle.namespace))
    assert _error(bundle) == ""
    drive_until(lambda: proven(bundle))


LISTS: dict[str, tuple[Spoil, str]] = {
    "401": (failure(401, "Unauthorized"), "answered 401: Unauthorized"),
    "403": (failure(403, "deployments is forbidden"), "answered 403: deployments is forbidden"),
    "404": (failure(404, "no such thing"), "answered 404: no such thing"),
    "500": (answer(500, b"<html>\x00oops\n\n</html>"), "answered 500: <html> oops </html>"),
    "503": (failure(503, "starting"), "answered 503: starting"),
    "redirect": (answer(302, b"", Location="http://127.0.0.1:1/"), "answered 302"),
    "no JSON": (answer(200, b"\xff\xfe{"), "that is no Kubernetes answer"),
    "other JSON": (answer(200, {"items": [5]}), "that is no Kubernetes answer"),
    "bad objects": (answer(200, {"items": [{"metadata": {"name": "x"}, "spec": 7}]}), "cannot be read"),
    "no text": (
        answer(200, b'{"items": [{"metadata": {"name": "x"}, "spec": {"selector": {"matchLabels": {"a": "\xff"}}}}]}'),
        "cannot be read",
    ),
    "huge": (answer(200, b'{"items": [' + b" " * 1_100_000 + b"]}"), "longer than 1048576 bytes"),
    "deep": (answer(200, b'{"items": ' + b"[" * 100_000), "that is no Kubernetes answer"),
}


def test_a_list_that_fails_proves_nothing_and_changes_nothing(
    edge: Any, meddler: Meddler, join: Join, web: Web
) -> None:
    cluster = join(via=meddler)
    bundle = web()
    drive_until(lambda: proven(bundle))
    look(cluster)
    cluster.refresh_from_db()
    before, rows = cluster.observed_at, list(bundle.placements.values())
    for name, (spoil, sentence) in LISTS.items():
        meddler.clear()
        meddler.spoil("GET", "/apis/apps/v1/deployments", spoil)
        look(cluster)
        cluster.refresh_from_db()
        assert sentence in cluster.last_error, name
        assert cluster.last_error.startswith(f"{cluster.name} ")
        assert len(cluster.last_error) <= 300
        assert cluster.last_error.isprintable()
        assert (cluster.observed_at, cluster.failed_probes, cluster.away_since) == (before, 0, None), name
        assert list(bundle.placements.values()) == rows, name
        assert not meddler.paths("PATCH") + meddler.paths("DELETE") + meddler.paths("POST"), name
    assert not [item for item in meddler.asked if item.path == "/"]
    meddler.clear()
    look(cluster)
    cluster.refresh_from_db()
    assert cluster.last_error == ""
    assert cluster.observed_at > before


@pytest.mark.parametrize("way", ["drip", "cut"])
def test_half_an_answer_is_no_answer(meddler: Meddler, join: Join, web: Web, way: str) -> None:
    cluster = join(via=meddler)
    bundle = web()
    drive_until(lambda: proven(bundle))

    def cut(handler: BaseHTTPRequestHandler) -> bool:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b'{"items": [')
        handler.close_connection = True
        return True

    meddler.spoil("GET", "/apis/apps/v1/deployments", _drip if way == "drip" else cut)
    look_once(cluster)
    cluster.refresh_from_db()
    assert "cannot be reached" in cluster.last_error
    assert cluster.failed_probes == 1
    meddler.clear()
    drive_until(lambda: Cluster.objects.filter(pk=cluster.pk, failed_probes=0, last_error="").exists())


def test_a_certificate_of_somebody_else_makes_it_away(join: Join, web: Web) -> None:
    cluster = join()
    bundle = web()
    drive_until(lambda: proven(bundle))
    right = Credentials.from_json(cluster.credentials)
    other = Authority("somebody else").pem.decode()
    wrong = Credentials(right.server, token=right.token, ca_pem=other)

    def use(credentials: Credentials) -> None:
        version = F("credentials_version") + 1
        Cluster.objects.filter(pk=cluster.pk).update(credentials=credentials.to_json(), credentials_version=version)

    use(wrong)
    look(cluster)
    drive_until(lambda: Cluster.objects.filter(pk=cluster.pk, away_since__isnull=False).exists())
    cluster.refresh_from_db()
    assert "its certificate is not accepted" in cluster.last_error
    use(right)
    drive_until(lambda: Cluster.objects.filter(pk=cluster.pk, away_since=None).exists())
    drive_until(lambda: proven(bundle))


def test_an_api_that_the_cluster_does_not_have_costs_only_what_needs_it(meddler: Meddler, join: Join, web: Web) -> None:
    cluster = join(via=meddler)
    meddler.spoil("*", "/apis/autoscaling/", answer(404, b"404 page not found\n"))
    bundle = web(name="plain")
    drive_until(lambda: proven(bundle))  # the first list asks for every kind
    wish = web_wish(bundle.namespace)
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    meta = {"name": "web", "namespace": bundle.namespace}
    scaler = {"scaleTargetRef": target, "maxReplicas": 3}
    kind = "HorizontalPodAutoscaler"
    wish.objects.append({"apiVersion": "autoscaling/v2", "kind": kind, "metadata": meta, "spec": scaler})
    scaled = put(None, wish)
    drive_until(lambda: _error(scaled))
    look(cluster)
    expected = f"HorizontalPodAutoscaler {bundle.namespace}/web was refused: {cluster.name} has no autoscaling/v2"
    assert _error(scaled) == expected
    assert scaled.placements.get().failed
    assert proven(bundle)
    cluster.refresh_from_db()
    assert cluster.last_error == ""
    meddler.clear()
    drive_until(lambda: proven(scaled))


def test_one_object_that_is_never_answered_does_not_stop_the_others(meddler: Meddler, join: Join, web: Web) -> None:
    """A dead admission webhook."""
    cluster = join(via=meddler)
    bundle = web(name="first")
    drive_until(lambda: proven(bundle))
    released = threading.Event()

    def hang(handler: BaseHTTPRequestHandler) -> bool:
        released.wait(10)
        handler.close_connection = True
        return True

    meddler.spoil("PATCH", "/deployments/slow", hang)
    slow = put(None, web_wish(bundle.namespace, name="slow"))
    other = put(None, web_wish(bundle.namespace, name="other"))
    drive_until(lambda: _error(slow) and proven(other))
    released.set()
    assert _error(slow) == f"Deployment {bundle.namespace}/slow was refused: no answer within {REQUEST_SECONDS:g} s"
    cluster.refresh_from_db()
    assert (cluster.failed_probes, cluster.away_since) == (0, None)
    meddler.clear()
    drive_until(lambda: proven(slow))


def test_what_an_edge_says_is_one_line_without_secrets(edge: Any, meddler: Meddler, join: Join, web: Web) -> None:
    cluster = join(via=meddler)
    bundle = web()
    drive_until(lambda: proven(bundle))
    token, password = edge.token(cluster.name), "hunter2-hunter2"
    encoded = base64.b64encode(password.encode()).decode()
    said = f"bad\r\n\tthing: {token} {encoded} {password} \u202e\x00" + "x" * 5000
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "pull", "namespace": bundle.namespace},
        "data": {"password": encoded},
    }
    held: Bundle | None = None
    for number, body in enumerate((failure(422, said), answer(500, said.encode()))):
        meddler.clear()
        meddler.spoil("PATCH", "/secrets/", body)
        held = put(held, Wish(bundle.namespace, [], Selector.ALL, f"secret {number}", secrets=[secret]))
        drive_due()
        text = _error(held)
        assert text.startswith(
            f"Secret {bundle.namespace}/pull was refused: answered {500 if number else 422}: bad thing:"
        )
        assert not [hidden for hidden in (token, password, encoded) if hidden[:12] in text]
        assert len(text) <= 300
        assert text.isprintable()


def test_a_proxy_that_answers_in_place_of_the_edge_deletes_and_forgets_nothing(
    edge: Any, meddler: Meddler, join: Join, web: Web
) -> None:
    """Empty lists of everything: objects look missing and are put back; ended ones need a second list."""
    cluster = join(via=meddler)
    bundle = web()
    drive_until(lambda: proven(bundle))

    def empty(handler: BaseHTTPRequestHandler) -> bool:
        return send(handler, 200, b'{"kind": "List", "items": []}')

    meddler.spoil("GET", r"/(deployments|services|namespaces)\?", empty)
    look(cluster)
    meddler.clear()
    look(cluster)
    drive_until(lambda: proven(bundle))
    assert edge.objects(cluster.name, "Deployment", bundle.namespace)[0]["metadata"]["generation"] == 1
