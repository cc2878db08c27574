"""manage.py cluster rbac and cluster kubeconfig: what an edge's owner applies, and the login that comes of it."""

from __future__ import annotations

import base64
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
    assert failure("cluster", "kubeconfig", owner(1), "--hours", "-1").startswith("--hours is a whole number")
