"""Pull secrets where nodes read them: on the clusters' own APIs."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from business.models import Business, Status
from business.services import approve
from clusters.models import Cluster, Installation
from deployments.models import Deployment
from deployments.settle import settle
from tests.apps.bodies import small
from tests.edge.conftest import drive_until
from tests.edge.kube import core
from tests.registry.harbor import harbor, shared_harbor  # noqa: F401
from tests.registry.tenants import HARBOR_PASSWORD, SUCCESS, THIRD, USER, configure

Join = Callable[..., Cluster]
NEW = "Another0Passw0rd"


@pytest.fixture
def shop(
    api: Any,
    make_user: Any,
    make_business: Any,
    settle_quickly: None,
    settings: Any,
    harbor: Any,  # noqa: F811
) -> Any:
    """The API client of a business with a namespace on the edge and an account in the registry 'registry.local'."""
    Installation.objects.get_or_create(pk=1)
    configure(settings, harbor)
    settings.OTE_REGISTRY_DOMAIN = "registry.local"
    owner = make_user(1)
    approve(
        make_business("shop", status=Status.PENDING, applicant=owner),
        by=make_user(4, Business.objects.get(is_system=True)),
    )
    owner.refresh_from_db()
    client = api(owner)
    assert client.post(USER, {"user": "shop", "password": HARBOR_PASSWORD}).json() == SUCCESS
    return client


def deploy(client: Any, **app: Any) -> Deployment:
    assert client.post("/v1/app", small(appName="web", version="1.0", **app)).json()["code"] == 200
    body = {"deployName": "web1", "appName": "web", "version": "1.0.1", "cluster": "", "nodeLabel": "", "comment": ""}
    assert client.post("/v1/deploy", body).json() == SUCCESS
    return Deployment.objects.latest("pk")


def status(client: Any, row: Deployment) -> int:
    settle()
    return int(client.get(f"/v1/deploy/id/{row.pk}").json()["data"]["status"])


def login_at(kube: Any, cluster: Cluster, row: Deployment) -> dict[str, Any]:
    """What the cluster's nodes would log in with."""
    secret = kube(cluster).get(core("secrets", row.business.namespace, "web1-pull"))
    assert secret["type"] == "kubernetes.io/dockerconfigjson"
    auths: dict[str, Any] = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))["auths"]
    return {address: entry["password"] for address, entry in auths.items()}


def test_a_new_password_reaches_every_cluster_and_green_means_that_it_did(shop: Any, join: Join, kube: Any) -> None:
    clusters = [join("a"), join("b")]
    row = deploy(shop, image="registry.local/shop/web:1")
    drive_until(lambda: status(shop, row) == 5)
    assert [login_at(kube, cluster, row) for cluster in clusters] == [{"registry.local": HARBOR_PASSWORD}] * 2
    pods = row.bundle and list(row.bundle.placements.values_list("total", flat=True))
    assert shop.put(USER, {"password": NEW}).json() == SUCCESS
    assert status(shop, row) == 6
    seen: list[int] = []

    def green() -> bool:
        seen.append(status(shop, row))
        return seen[-1] == 5

    drive_until(green)
    assert set(seen[:-1]) <= {6}
    assert [login_at(kube, cluster, row) for cluster in clusters] == [{"registry.local": NEW}] * 2
    assert row.bundle and list(row.bundle.placements.values_list("total", flat=True)) == pods


def test_a_cluster_that_was_away_gets_the_new_password_when_it_is_back(
    shop: Any, join: Join, kube: Any, edge: Any
) -> None:
    here, gone = join("here"), join("gone")
    row = deploy(shop, image="registry.local/shop/web:1")
    drive_until(lambda: status(shop, row) == 5)
    edge.set_away(gone.name, "refuse")
    drive_until(lambda: Cluster.objects.filter(pk=gone.pk, away_since__isnull=False).exists())
    assert shop.put(USER, {"password": NEW}).json() == SUCCESS
    drive_until(lambda: login_at(kube, here, row) == {"registry.local": NEW})
    assert status(shop, row) == 6
    edge.set_away(gone.name, False)
    assert login_at(kube, gone, row) == {"registry.local": HARBOR_PASSWORD}
    drive_until(lambda: status(shop, row) == 5)
    assert login_at(kube, gone, row) == {"registry.local": NEW}


def test_a_cluster_that_joins_after_the_record_went_can_pull(shop: Any, join: Join, kube: Any) -> None:
    sent = {"repositoryId": "hub", "address": "hub.example.com", "user": "u", "password": "p"}
    assert shop.post(THIRD, sent).json() == SUCCESS
    join("a")
    row = deploy(shop, image="hub.example.com/web:1", repositoryId="hub")
    drive_until(lambda: status(shop, row) == 5)
    assert shop.delete(THIRD, {"repositoryId": ["hub"]}).json() == SUCCESS
    late = join("late")
    assert status(shop, row) == 6
    drive_until(lambda: status(shop, row) == 5)
    assert login_at(kube, late, row) == {"hub.example.com": "p"}
