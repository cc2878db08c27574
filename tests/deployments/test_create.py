"""POST /v1/deploy."""

import pytest

from clusters.models import Bundle, BundleObject, Selector
from deployments.models import Deployment, Operation
from tests.deployments import fleet

URL = "/v1/deploy"


def test_a_general_users_deployment_waits(api, member, deploy, versions, beijing, shown):
    versions()
    row = deploy(member, cluster="north", nodeLabel="gpu", comment="please")
    assert shown(member, row) == {
        "id": row.pk,
        "deployName": "web1",
        "appName": "web",
        "version": "1.0.1",
        "cluster": "north",
        "nodeLabel": "gpu",
        "deployType": 1,
        "status": 0,
        "errorMessage": '{"running": 0, "error": 0, "total": 0}',
        "comment": "please",
        "editable": False,
        "running": False,
        "createTime": int(row.created_at.timestamp()),
        "updateTime": int(row.updated_at.timestamp()),
        "auditComment": "",
    }
    assert not Bundle.objects.filter(deployment=row).exists()


def test_an_administrators_deployment_goes_on_at_once(admin, deploy, versions, beijing, harbin, shown):
    versions()
    row = deploy(admin)
    answer = shown(admin, row)
    assert (answer["status"], answer["running"], answer["editable"]) == (1, True, False)
    assert fleet.placements(row).count() == 2
    fleet.settle()
    assert shown(admin, row)["status"] == 3
    fleet.applied(row, beijing, total=2, running=1)
    assert shown(admin, row)["status"] == 4
    fleet.ready(row, beijing)
    assert shown(admin, row)["status"] == 4
    fleet.ready(row, harbin, pods=2)
    answer = shown(admin, row)
    assert (answer["status"], answer["editable"]) == (5, True)
    assert answer["errorMessage"] == '{"running": 3, "error": 0, "total": 3}'


def test_it_waits_for_an_administrator_too_where_nothing_is_approved_by_itself(
    admin, deploy, versions, beijing, shown, settings
):
    settings.OTE_ADMIN_AUTO_DEPLOY = False
    versions()
    assert shown(admin, deploy(admin))["status"] == 0


def test_both_paths_and_a_trailing_slash(api, admin, body, versions, beijing):
    versions()
    paths = ["/v1/deploy", "/v1/deploy/", "/v1/deploy/install", "/v1/deploy/install/"]
    codes = [api(admin).post(path, body(deployName=f"web{n}")).json()["code"] for n, path in enumerate(paths)]
    assert codes == [200] * 4
    assert api(admin).get("/v1/deploy/install").status_code == 405


def test_a_deployment_called_install_can_be_deleted_by_name(api, admin, deploy, versions, beijing):
    versions()
    row = deploy(admin, deployName="install")
    fleet.ready(row)
    assert api(admin).delete("/v1/deploy/install").json() == {"code": 200, "message": "success"}


@pytest.mark.parametrize(
    ("cluster", "selector", "value", "count"),
    [
        ("", Selector.ALL, "", 2),
        ("all", Selector.ALL, "", 2),
        ("north", Selector.LABEL, "north", 2),
        ("harbin", Selector.CLUSTER, "harbin", 1),
    ],
)
def test_what_cluster_means_is_fixed_at_submission(
    admin, deploy, versions, beijing, harbin, cluster, selector, value, count
):
    versions()
    row = deploy(admin, cluster=cluster)
    assert (row.selector, row.selector_value, row.cluster) == (selector, value, cluster)
    assert fleet.placements(row).count() == count


def test_a_line_means_its_newest_minor_that_is_left(api, admin, deploy, versions, beijing, shown):
    versions(3)
    newest = api(admin).get("/v1/app", version="1.0.3").json()["apps"][0]["id"]
    assert api(admin).delete("/v1/app", {"appId": [newest]}).json()["code"] == 200
    assert shown(admin, deploy(admin, version="1.0"))["version"] == "1.0.2"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("deployName", "Web"),
        ("deployName", "-web"),
        ("deployName", "web."),
        ("deployName", "web\n"),
        ("deployName", "a" * 54),
        ("deployName", ""),
        ("deployName", None),
        ("deployName", 7),
        ("appName", "nothing"),
        ("appName", ""),
        ("version", "1.0.9"),
        ("version", "9.9"),
        ("version", ""),
        ("cluster", "nowhere"),
        ("cluster", None),
        ("nodeLabel", "nowhere"),
        ("nodeLabel", None),
        ("comment", None),
        ("comment", "a" * 256),
        ("comment", "a\0b"),
        ("comment", "\ud800"),
    ],
)
def test_a_wrong_parameter_is_named_and_changes_nothing(api, admin, body, versions, beijing, field, value):
    versions()
    answer = api(admin).post(URL, body(**{field: value}))
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]
    assert not Deployment.objects.exists()


def test_without_any_cluster_there_is_nothing_to_deploy_to(api, admin, body, versions):
    versions()
    assert list(api(admin).post(URL, body()).json()["errors"]) == ["cluster"]


def test_a_node_label_of_other_clusters_is_no_choice(api, admin, body, versions, beijing, harbin):
    versions()
    assert api(admin).post(URL, body(cluster="beijing", nodeLabel="gpu")).status_code == 200
    answer = api(admin).post(URL, body(deployName="web2", cluster="harbin", nodeLabel="gpu"))
    assert list(answer.json()["errors"]) == ["nodeLabel"]


def test_nodes_narrow_nodes_never_clusters(admin, deploy, versions, beijing, harbin):
    versions()
    assert fleet.placements(deploy(admin, nodeLabel="gpu")).count() == 2


def test_a_name_is_unique_in_its_business_while_it_lives(api, admin, make_user, other, body, versions, beijing):
    versions()
    assert api(admin).post(URL, body()).status_code == 200
    answer = api(admin).post(URL, body())
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["deployName"])
    stranger = make_user(3, other)
    versions(user=stranger)
    assert api(stranger).post(URL, body()).status_code == 200


def test_an_object_that_another_deployment_holds_is_a_conflict(api, admin, deploy, body, versions, beijing):
    versions()
    row = deploy(admin)
    bundle = row.bundle
    BundleObject.objects.create(
        bundle=bundle, position=99, api_version="apps/v1", kind="Deployment", namespace=bundle.namespace, name="web2"
    )
    answer = api(admin).post(URL, body(deployName="web2"))
    assert answer.status_code == 409
    assert "web2" in answer.json()["message"]
    assert Deployment.objects.count() == 1


def test_another_business_has_other_applications(api, make_user, other, body, versions, beijing):
    versions()
    answer = api(make_user(3, other)).post(URL, body())
    assert list(answer.json()["errors"]) == ["appName"]


def test_a_system_administrator_deploys_in_the_built_in_business(api, system, deploy, versions, beijing):
    versions(user=system)
    row = deploy(system)
    assert row.business.is_system
    objects = BundleObject.objects.filter(bundle__deployment=row)
    assert {item.namespace for item in objects} == {"default"}


def test_objects_that_cannot_be_made_are_an_internal_error_with_a_sentence(
    api, member, acme, deploy, versions, beijing, shown
):
    from registry.models import ExternalRepository

    fields = {"address": "registry.example", "user": "u", "password": "p"}
    repository = ExternalRepository.objects.create(business=acme, repository_id="hub", **fields)
    versions(repositoryId="hub")
    repository.delete()
    row = deploy(member)
    answer = shown(member, row)
    assert (answer["status"], answer["editable"], answer["running"]) == (8, True, False)
    assert "hub" in answer["errorMessage"]
    assert api(member).delete(f"/v1/deploy/id/{row.pk}").status_code == 200


def test_the_pull_secret_lies_encrypted_and_apart(member, acme, deploy, versions, beijing):
    from django.db import connection

    from registry.models import ExternalRepository

    fields = {"address": "registry.example", "user": "u", "password": "S3cret-S3cret"}
    ExternalRepository.objects.create(business=acme, repository_id="hub", **fields)
    versions(repositoryId="hub")
    change = Operation.objects.get(deployment=deploy(member))
    assert "Secret" not in {item["kind"] for item in change.manifests}
    assert "dockerconfigjson" in change.secrets
    with connection.cursor() as cursor:
        cursor.execute("SELECT secrets FROM deployments_operation WHERE id = %s", [change.pk])
        assert "dockerconfigjson" not in cursor.fetchone()[0]
