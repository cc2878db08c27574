"""Tokens that are revoked, tokens and certificates that expire, at a real API server. TEST_EDGE=kubernetes only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from clusters import services
from clusters.drivers.kubernetes import rbac
from clusters.engine.bundles import put
from clusters.engine.drive import drive_due
from clusters.models import Bundle, Cluster
from otestack.errors import Invalid
from tests.edge.conftest import drive_until, proven, web_wish
from tests.edge.kube import core

Join = Callable[..., Cluster]
Web = Callable[..., Bundle]
ACCOUNT = f"/api/v1/namespaces/{rbac.NAMESPACE}/serviceaccounts"
BINDING = f"/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/{rbac.NAME}"
LIFE = 15  # seconds


def _let_in(edge: Any, cluster: Cluster) -> None:
    """A user of certificates gets the rights too."""
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "fleet"}
    account = {"kind": "ServiceAccount", "name": rbac.NAME, "namespace": rbac.NAMESPACE}
    edge.plane(cluster.name).call("PATCH", BINDING, {"subjects": [account, subject]}, kind="merge")


def _login_with(edge: Any, cluster: Cluster, **user: str) -> str:
    document = yaml.safe_load(edge.kubeconfig(cluster.name))
    document["users"][0]["user"] = {key.replace("_", "-"): value for key, value in user.items()}
    return yaml.safe_dump(document)


def test_a_token_that_was_revoked_is_said_and_a_new_one_brings_it_back(edge: Any, join: Join, web: Web) -> None:
    cluster = join()
    bundle = web()
    drive_until(lambda: proven(bundle))
    plane = edge.plane(cluster.name)
    # A bound token dies with the object that it is bound to.
    plane.call("POST", core("secrets", rbac.NAMESPACE), {"metadata": {"name": "bound"}})
    secret = plane.call("GET", core("secrets", rbac.NAMESPACE, "bound"))
    reference = {"kind": "Secret", "apiVersion": "v1", "name": "bound", "uid": secret["metadata"]["uid"]}
    body = {"spec": {"expirationSeconds": 3600, "boundObjectRef": reference}}
    token = plane.call("POST", f"{ACCOUNT}/{rbac.NAME}/token", body)["status"]["token"]
    services.update_credentials(cluster, _login_with(edge, cluster, token=token))
    bundle = put(bundle, web_wish(bundle.namespace, image="nginx:2"))
    drive_until(lambda: proven(bundle))
    plane.call("DELETE", core("secrets", rbac.NAMESPACE, "bound"))
    drive_until(lambda: "answered 401: Unauthorized" in Cluster.objects.get(pk=cluster.pk).last_error)
    with pytest.raises(Invalid, match="the token is not accepted"):
        services.check(cluster)
    bundle = put(bundle, web_wish(bundle.namespace, image="nginx:3"))
    drive_due()
    assert not proven(bundle)
    services.update_credentials(cluster, edge.kubeconfig(cluster.name))
    drive_until(lambda: proven(bundle) and not Cluster.objects.get(pk=cluster.pk).last_error)


def test_client_certificates_are_taken_and_one_that_expired_says_when(edge: Any, join: Join, web: Web) -> None:
    cluster = join()
    bundle = web()
    drive_until(lambda: proven(bundle))
    _let_in(edge, cluster)
    good, old = edge.authority.issue("fleet"), edge.authority.issue("fleet", days=-1)

    def login(pair: Any) -> str:
        return _login_with(edge, cluster, client_certificate_data=pair.cert64, client_key_data=pair.key64)

    services.update_credentials(cluster, login(good))
    bundle = put(bundle, web_wish(bundle.namespace, image="nginx:2"))
    drive_until(lambda: proven(bundle))
    with pytest.raises(Invalid) as caught:
        services.update_credentials(cluster, login(old))
    assert "the client certificate expired on 20" in str(caught.value)
    drive_until(lambda: proven(bundle))


def test_a_token_and_a_certificate_that_expire_while_they_are_used(edge: Any, join: Join, web: Web) -> None:
    with_token, with_certificate = join("token"), join("certificate")
    bundle = web(replicas=1)
    drive_until(lambda: proven(bundle))
    _let_in(edge, with_certificate)
    token = edge.token_that_ends(with_token.name, LIFE)
    services.update_credentials(with_token, _login_with(edge, with_token, token=token))
    pair = edge.authority.issue("fleet", days=LIFE / 86400)
    login = {"client_certificate_data": pair.cert64, "client_key_data": pair.key64}
    services.update_credentials(with_certificate, _login_with(edge, with_certificate, **login))

    def refused(cluster: Cluster) -> bool:
        return "answered 401: Unauthorized" in Cluster.objects.get(pk=cluster.pk).last_error

    drive_until(lambda: refused(with_token) and refused(with_certificate), seconds=LIFE + 20)
    with pytest.raises(Invalid, match="the token is not accepted"):
        services.check(with_token)
    with pytest.raises(Invalid, match="the client certificate expired on 20"):
        services.check(with_certificate)
    bundle = put(bundle, web_wish(bundle.namespace, image="nginx:2", replicas=1))
    drive_due()
    assert not proven(bundle)
    for cluster in (with_token, with_certificate):
        services.update_credentials(cluster, edge.kubeconfig(cluster.name))
    drive_until(lambda: proven(bundle))
    assert not Cluster.objects.exclude(last_error="").exists()
