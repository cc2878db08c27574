"""manage.py cluster rbac and cluster kubeconfig: what an edge's owner applies, and the login that comes of it."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import pytest
import yaml

from clusters.drivers.kubernetes.kinds import KINDS
from clusters.drivers.kubernetes.kubeconfig import parse
from tests.clusters.hostile import Hostile, serving
from tests.clusters.kubeconfigs import TOKEN, text
from tests.clusters.pki import Authority
from tests.commands.test_cluster import failure, run

AUTHORITY = Authority()
SERVER = AUTHORITY.issue("edge.example")
SPACE = "/api/v1/namespaces/otestack-system"


@pytest.fixture
def owner(tmp_path: Path) -> Any:
    """owner(port): the path of a kubeconfig of the cluster's owner."""

    def write(port: int) -> str:
        entry = {"certificate-authority-data": AUTHORITY.pem64}
        path = tmp_path / "owner.yaml"
        path.write_text(text(f"https://127.0.0.1:{port}", cluster=entry))
        return str(path)

    return write


def test_the_role_holds_each_kind_that_we_may_apply_and_nothing_that_gives_rights() -> None:
    documents = list(yaml.safe_load_all(run("cluster", "rbac", "--namespace", "fleet")))
    kinds = [item["kind"] for item in documents]
    assert kinds == ["Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Secret"]
    (role,) = [item for item in documents if item["kind"] == "ClusterRole"]
    granted = {
        (group, resource): set(rule["verbs"])
        for rule in role["rules"]
        for group in rule.get("apiGroups", ())
        for resource in rule.get("resources", ())
    }
    for kind in KINDS.values():
        group = "" if kind.api == "/api/v1" else kind.api.split("/")[2]
        assert granted.pop((group, kind.plural)) == {"create", "delete", "get", "list", "patch"}
    assert granted == {("", "nodes"): {"list", "patch"}, ("", "pods"): {"list", "delete"}}
    (binding,) = [item for item in documents if item["kind"] == "ClusterRoleBinding"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "otestack", "namespace": "fleet"}]
    places = {item["metadata"].get("namespace", "fleet") for item in documents}
    assert places == {"fleet"}


def test_service_accounts_of_two_namespaces_do_not_share_what_is_the_whole_clusters() -> None:
    """Whoever applies the second would take the first one's rights away."""

    def of_the_cluster(*words: str) -> dict[str, str]:
        documents = yaml.safe_load_all(run("cluster", "rbac", *words))
        return {item["kind"]: item["metadata"]["name"] for item in documents if "namespace" not in item["metadata"]}

    first, second, usual = of_the_cluster("--namespace", "a"), of_the_cluster("--namespace", "b"), of_the_cluster()
    for kind in ("Namespace", "ClusterRole", "ClusterRoleBinding"):
        assert len({first[kind], second[kind], usual[kind]}) == 3
    assert usual == {"Namespace": "otestack-system", "ClusterRole": "otestack", "ClusterRoleBinding": "otestack"}
    for words in (("--namespace", "a"), ()):
        *_, role, binding, _ = yaml.safe_load_all(run("cluster", "rbac", *words))
        assert binding["roleRef"]["name"] == role["metadata"]["name"]


@pytest.mark.parametrize("name", ["", "A", "a b", "../kube-system", "a" * 64, "-a", "a.b"])
def test_a_namespace_that_cannot_be_is_refused(owner: Any, name: str) -> None:
    for words in (("rbac",), ("kubeconfig", owner(1))):
        assert failure("cluster", *words, f"--namespace={name}").startswith("--namespace: A namespace is 1 to 63 ")


@pytest.mark.parametrize("hours", [0, 24])
def test_the_login_is_the_service_accounts_and_goes_where_the_owners_does(owner: Any, hours: int) -> None:
    secret = {"data": {"token": base64.b64encode(b"lasting-token").decode()}}
    answers = {
        f"{SPACE}/secrets/otestack-token": (200, secret),
        f"{SPACE}/serviceaccounts/otestack/token": (201, {"status": {"token": "brief-token"}}),
    }
    with serving(Hostile(answers), SERVER) as edge:
        printed = run("cluster", "kubeconfig", owner(edge.port), "--hours", str(hours))
        assert [path for path, _ in edge.asked] == [list(answers)[bool(hours)]]
    found = parse(printed)
    assert found.token == ("brief-token" if hours else "lasting-token")
    assert (found.server, found.ca_pem) == (f"https://127.0.0.1:{edge.port}", AUTHORITY.pem.decode())
    assert TOKEN not in printed


@pytest.mark.parametrize("answer", [(404, {"kind": "Status"}), (200, {}), (200, {"data": {"token": "\u00e9"}})])
def test_without_a_token_it_says_what_comes_first(owner: Any, answer: Any) -> None:
    with serving(Hostile({f"{SPACE}/secrets/otestack-token": answer}), SERVER) as edge:
        said = failure("cluster", "kubeconfig", owner(edge.port))
    assert said.endswith(
        "There is no token of otestack-system/otestack there yet; apply what `cluster rbac` prints first."
    )


def test_an_owner_who_may_not_is_told_what(owner: Any) -> None:
    with serving(Hostile({f"{SPACE}/secrets/otestack-token": (403, {})}), SERVER) as edge:
        said = failure("cluster", "kubeconfig", owner(edge.port))
    assert said.endswith("these credentials may not get the secret otestack-system/otestack-token.")


@pytest.mark.parametrize("hours", ["-1", "1193047", "9" * 30])
def test_a_life_that_no_cluster_gives_is_refused_before_it_is_asked(owner: Any, hours: str) -> None:
    said = failure("cluster", "kubeconfig", owner(1), "--hours", hours)
    assert said == (
        "--hours: It is a whole number from 1 to 1193046, the most that Kubernetes takes, or 0 for a token that lasts; "
        "a cluster may allow less."
    )


def test_a_life_that_the_cluster_cuts_short_is_said(owner: Any) -> None:
    status = {"token": "brief-token", "expirationTimestamp": "2030-01-01T01:00:00Z"}
    answer = (201, {"spec": {"expirationSeconds": 3600}, "status": status})
    errors = io.StringIO()
    with serving(Hostile({f"{SPACE}/serviceaccounts/otestack/token": answer}), SERVER) as edge:
        printed = run("cluster", "kubeconfig", owner(edge.port), "--hours", "24", errors=errors)
    assert parse(printed).token == "brief-token"
    assert errors.getvalue() == "Warning: the cluster cut the token's life short, to 60 minutes.\n"
