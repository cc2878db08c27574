"""A system administrator acts in the built-in business, whichever it belongs to."""

import pytest

from apps.models import AppVersion
from deployments.models import Deployment
from tests.apps.bodies import small
from tests.deployments import fleet


@pytest.fixture
def root(make_user, acme):
    """A system administrator that was a user of acme."""
    return make_user(4, acme, "root")


def test_its_applications_and_deployments_are_the_systems(api, root, acme, body, beijing):
    assert api(root).post("/v1/app", small(appName="web")).status_code == 200
    assert AppVersion.objects.get().business.is_system
    assert api(root).post("/v1/deploy", body()).status_code == 200
    assert Deployment.objects.get().business.is_system


def test_it_finds_applications_by_name_in_the_system_only(api, root, admin, body, versions, beijing):
    versions()
    answer = api(root).post("/v1/deploy", body())
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["appName"])


def test_it_deletes_by_name_in_the_system_only(api, root, admin, deploy, versions, beijing):
    versions()
    row = deploy(admin)
    fleet.ready(row)
    assert api(root).delete("/v1/deploy/web1").status_code == 404
    assert api(root).delete(f"/v1/deploy/id/{row.pk}").status_code == 200
