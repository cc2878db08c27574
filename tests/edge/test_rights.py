"""A right that is missing at an edge is named: the verb, the resource, the cluster; admission speaks for itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from clusters.engine.bundles import put
from clusters.models import Bundle, Cluster
from tests.edge.conftest import drive_until, look, proven, web_wish
from tests.edge.meddler import Meddler, failure

Join = Callable[..., Cluster]
Web = Callable[..., Bundle]
WHO = 'User "system:serviceaccount:otestack-system:otestack"'


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (
            f'deployments.apps "late" is forbidden: {WHO} cannot patch resource "deployments" in API group "apps" '
            'in the namespace "ns1"',
            "the credentials of {} may not patch deployments.apps in namespace ns1",
        ),
        (
            f'deployments.apps is forbidden: {WHO} cannot create resource "deployments" in API group "apps" '
            "at the cluster scope: the webhook says no",
            "the credentials of {} may not create deployments.apps",
        ),
        ('deployments.apps "late" is forbidden: exceeded quota: few', None),
        ("deployments.apps \"late\" is forbidden: ValidatingAdmissionPolicy 'few' denied request: too many", None),
    ],
)
def test_what_may_not_be_applied(meddler: Meddler, join: Join, web: Web, message: str, sentence: str | None) -> None:
    cluster = join(via=meddler)
    bundle = web()
    drive_until(lambda: proven(bundle))
    meddler.spoil("PATCH", "/deployments/late", failure(403, message, "Forbidden"))
    late = put(None, web_wish(bundle.namespace, name="late"))
    drive_until(lambda: late.placements.get().last_error)
    expected = message if sentence is None else sentence.format(cluster.name)
    where = f"Deployment {bundle.namespace}/late was refused"
    assert late.placements.get().last_error == f"{where}: answered 403: {expected}"
    assert proven(bundle)


def test_what_may_not_be_listed(meddler: Meddler, join: Join, web: Web) -> None:
    cluster = join(via=meddler)
    bundle = web()
    drive_until(lambda: proven(bundle))
    said = f'services is forbidden: {WHO} cannot list resource "services" in API group "" at the cluster scope'
    meddler.spoil("GET", "/api/v1/services", failure(403, said, "Forbidden"))
    look(cluster)
    cluster.refresh_from_db()
    assert cluster.last_error == f"{cluster.name} answered 403: the credentials of {cluster.name} may not list services"
