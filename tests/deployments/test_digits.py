"""Names that start with a digit: a Service may not have one on every Kubernetes in use."""

import pytest

from tests.deployments import fleet

SENTENCE = "It must start with a letter, because the version has ports and so gets a Service of this name."
ON_CHANGE = (
    "Version {} has ports, so it gets a Service of the deployment's name '1web', which must start with a letter."
)


@pytest.fixture
def started(deploy, admin, versions, beijing):
    """1web in version 1.0.1, without ports; 1.0.2 has one, 1.0.3 has none."""
    versions()
    versions(port=[{"port": 80}])
    versions()
    row = deploy(admin, deployName="1web")
    fleet.ready(row)
    return row


def test_with_ports_it_is_refused(api, admin, body, versions, beijing):
    versions(port=[{"port": 80}])
    answer = api(admin).post("/v1/deploy", body(deployName="1web"))
    assert (answer.status_code, answer.json()["errors"]) == (422, {"deployName": [SENTENCE]})
    assert api(admin).get("/v1/deploy").json()["total"] == 0
    assert api(admin).post("/v1/deploy", body(deployName="web1")).status_code == 200


def test_without_ports_it_is_allowed(started):
    assert started.name == "1web"


def test_an_upgrade_to_ports_is_refused(api, admin, started):
    answer = api(admin).post(f"/v1/deploy/id/{started.pk}", {"version": "1.0.2"})
    assert (answer.status_code, answer.json()["errors"]) == (422, {"version": [ON_CHANGE.format("1.0.2")]})
    assert api(admin).post(f"/v1/deploy/id/{started.pk}", {"version": "1.0.3"}).status_code == 200


def test_a_rollback_to_ports_is_refused(api, admin, deploy, body, versions, beijing):
    from deployments.models import Deployment

    versions(port=[{"port": 80}])
    versions()
    row = deploy(admin, deployName="web1")
    fleet.ready(row)
    assert api(admin).post(f"/v1/deploy/id/{row.pk}", {"version": "1.0.2"}).status_code == 200
    fleet.ready(row)
    Deployment.objects.filter(pk=row.pk).update(name="1web")  # one from before the rule
    answer = api(admin).put(f"/v1/deploy/id/{row.pk}", {"version": "1.0.1", "comment": ""})
    assert (answer.status_code, answer.json()["errors"]) == (422, {"version": [ON_CHANGE.format("1.0.1")]})
