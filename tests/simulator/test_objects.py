"""Create, read, update, delete, and the errors of each."""

import pytest
import requests

from .conftest import APPLY, JSON_PATCH, STRATEGIC, config_map, wait_for, workload


def test_a_new_cluster_has_its_namespaces_and_nodes(api, simulator):
    names = {one["metadata"]["name"] for one in api.read("/api/v1/namespaces")["items"]}
    assert {"default", "kube-system", "kube-public", "kube-node-lease"} <= names
    assert api.read("/api/v1/namespaces/kube-system")["metadata"]["uid"] == simulator.uid("edge")
    assert simulator.uid("edge") != simulator.uid("other")
    nodes = api.read("/api/v1/nodes")["items"]
    assert [node["status"]["nodeInfo"]["operatingSystem"] for node in nodes] == ["linux"] * 3
    assert [node["status"]["capacity"].get("nvidia.com/gpu") for node in nodes] == [None, None, "1"]


def test_without_a_token_is_401(api, simulator):
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        response = requests.get(api.url + "/api/v1/pods", headers=headers, verify=str(simulator.ca_file), timeout=5)
        assert response.status_code == 401
        assert response.json()["reason"] == "Unauthorized"
    assert requests.get(api.url + "/healthz", verify=str(simulator.ca_file), timeout=5).text == "ok"


def test_what_is_not_there_is_404(api, space):
    body = api.get(f"{space.apps}/deployments/none").json()
    assert (body["code"], body["reason"]) == (404, "NotFound")
    assert body["message"] == 'deployments.apps "none" not found'
    assert body["details"] == {"name": "none", "group": "apps", "kind": "deployments"}
    assert api.get("/apis/apps/v1beta1/deployments").status_code == 404
    assert api.get(f"{space.apps}/nothings").json()["message"] == "the server could not find the requested resource"
    missing = api.post("/api/v1/namespaces/nowhere/configmaps", config_map())
    assert (missing.status_code, missing.json()["message"]) == (404, 'namespaces "nowhere" not found')


def test_a_second_create_is_409(api, space):
    path = f"{space.core}/configmaps"
    assert api.post(path, config_map(a="1")).status_code == 201
    again = api.post(path, config_map(a="1"))
    assert (again.status_code, again.json()["reason"]) == (409, "AlreadyExists")


def test_update_needs_the_version_it_read(api, space):
    path = f"{space.core}/configmaps"
    first = api.post(path, config_map(a="1")).json()
    second = api.put(f"{path}/settings", first | {"data": {"a": "2"}})
    assert second.status_code == 200
    stale = api.put(f"{path}/settings", first | {"data": {"a": "3"}})
    assert (stale.status_code, stale.json()["reason"]) == (409, "Conflict")
    assert "the object has been modified" in stale.json()["message"]
    same = api.put(f"{path}/settings", second.json()).json()
    assert same["metadata"]["resourceVersion"] == second.json()["metadata"]["resourceVersion"]


def test_generation_counts_changes_of_the_spec_only(api, space):
    path = f"{space.apps}/deployments"
    api.post(path, workload(replicas=0))
    labelled = api.patch(f"{path}/web", {"metadata": {"labels": {"a": "b"}}}).json()
    assert labelled["metadata"]["generation"] == 1
    scaled = api.patch(f"{path}/web", {"spec": {"replicas": 1}}).json()
    assert scaled["metadata"]["generation"] == 2
    wait_for(lambda: space.deployment()["status"].get("observedGeneration") == 2, "observedGeneration 2")


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"metadata": {"name": "Not_A_Name"}}, "metadata.name", "lowercase RFC 1123 subdomain"),
        ({"metadata": {"name": "a", "labels": {"a": "no spaces"}}}, "metadata.labels", "a valid label must be"),
    ],
)
def test_names_and_labels_are_checked(api, space, change, field, message):
    response = api.post(f"{space.core}/configmaps", change)
    assert (response.status_code, response.json()["reason"]) == (422, "Invalid")
    causes = response.json()["details"]["causes"]
    assert causes[0]["field"] == field
    assert message in causes[0]["message"]


def test_deployments_are_validated(api, space):
    path = f"{space.apps}/deployments"
    body = workload()
    body["spec"]["selector"] = {"matchLabels": {"app": "another"}}
    response = api.post(path, body)
    assert response.status_code == 422
    assert response.json()["message"] == (
        'Deployment.apps "web" is invalid: spec.template.metadata.labels: Invalid value: {"app":"web"}: '
        "`selector` does not match template `labels`"
    )
    still = workload(strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}})
    causes = api.post(path, still).json()["details"]["causes"]
    assert causes[0]["field"] == "spec.strategy.rollingUpdate.maxUnavailable"
    image = workload()
    del image["spec"]["template"]["spec"]["containers"][0]["image"]
    assert api.post(path, image).json()["details"]["causes"][0]["field"] == "spec.template.spec.containers[0].image"
    daemon = workload("DaemonSet", updateStrategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}})
    assert api.post(f"{space.apps}/daemonsets", daemon).status_code == 422


def test_wrong_types_are_400(api, space):
    response = api.post(f"{space.apps}/deployments", workload(replicas="three"))
    assert response.status_code == 400
    assert "cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32" in response.text
    response = api.post(f"{space.apps}/deployments", workload(surplus=1), fieldValidation="Strict")
    assert 'strict decoding error: unknown field "spec.surplus"' in response.json()["message"]
    response = api.post(f"{space.apps}/deployments", workload(surplus=1, replicas=0))
    assert 'unknown field \\"spec.surplus\\"' in response.headers["Warning"]


def test_immutable_fields_are_422(api, space):
    api.post(f"{space.apps}/deployments", workload(replicas=0))
    body = workload(replicas=0)
    body["spec"]["selector"] = {"matchLabels": {"app": "web", "more": "x"}}
    body["spec"]["template"]["metadata"]["labels"]["more"] = "x"
    response = api.apply(f"{space.apps}/deployments/web", body, force="true")
    assert response.status_code == 422
    assert response.json()["details"]["causes"][0]["field"] == "spec.selector"
    assert "field is immutable" in response.json()["message"]
    api.post(f"{space.core}/secrets", {"metadata": {"name": "key"}, "stringData": {"a": "b"}})
    response = api.patch(f"{space.core}/secrets/key", {"type": "other"})
    assert response.json()["details"]["causes"][0]["field"] == "type"


def test_defaults_are_filled_in(api, space):
    spec = api.post(f"{space.apps}/deployments", workload()).json()["spec"]
    assert (spec["replicas"], spec["progressDeadlineSeconds"], spec["revisionHistoryLimit"]) == (1, 600, 10)
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": "25%", "maxUnavailable": "25%"}
    assert spec["template"]["spec"]["containers"][0]["imagePullPolicy"] == "IfNotPresent"
    service = {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}], "type": "NodePort"}}
    spec = api.post(f"{space.core}/services", service).json()["spec"]
    assert spec["clusterIP"].startswith("10.96.")
    assert spec["ports"][0]["targetPort"] == 80
    assert spec["ports"][0]["nodePort"] >= 30000
    secret = api.post(f"{space.core}/secrets", {"metadata": {"name": "s"}, "stringData": {"a": "b"}}).json()
    assert (secret["data"], secret["type"]) == ({"a": "Yg=="}, "Opaque")


def test_the_four_patches(api, space):
    path = f"{space.apps}/deployments/web"
    api.post(f"{space.apps}/deployments", workload(replicas=0))
    merged = api.patch(path, {"metadata": {"labels": {"a": "1", "b": "2"}}})
    assert merged.json()["metadata"]["labels"] == {"a": "1", "b": "2"}
    added = {"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "side:1"}]}}}}
    strategic = api.patch(path, added, STRATEGIC).json()
    assert [one["name"] for one in strategic["spec"]["template"]["spec"]["containers"]] == ["main", "side"]
    operations = [{"op": "remove", "path": "/metadata/labels/a"}, {"op": "test", "path": "/spec/replicas", "value": 0}]
    assert api.patch(path, operations, JSON_PATCH).json()["metadata"]["labels"] == {"b": "2"}
    refused = api.patch(path, [{"op": "test", "path": "/spec/replicas", "value": 5}], JSON_PATCH)
    assert refused.status_code == 422
    applied = api.apply(path, "apiVersion: apps/v1\nkind: Deployment\nmetadata: {labels: {c: '3'}}\n")
    assert applied.json()["metadata"]["labels"] == {"b": "2", "c": "3"}
    assert api.patch(path, {}, "text/plain").status_code == 415


def test_dry_run_changes_nothing(api, space):
    path = f"{space.core}/configmaps"
    assert api.post(path, config_map(a="1"), dryRun="All").status_code == 201
    assert api.get(f"{path}/settings").status_code == 404
    api.post(path, config_map(a="1"))
    assert api.patch(f"{path}/settings", {"data": {"a": "2"}}, dryRun="All").json()["data"] == {"a": "2"}
    api.delete(f"{path}/settings", dryRun="All")
    assert api.read(f"{path}/settings")["data"] == {"a": "1"}


def test_status_is_a_subresource(api, space):
    api.post(f"{space.apps}/deployments", workload(replicas=0))
    path = f"{space.apps}/deployments/web"
    assert "replicas" not in api.patch(path, {"status": {"replicas": 9}}).json().get("status", {})
    changed = api.patch(f"{path}/status", {"status": {"collisionCount": 9}, "spec": {"replicas": 3}}).json()
    assert changed["spec"]["replicas"] == 0


def test_scale_is_a_subresource(api, space):
    api.post(f"{space.apps}/deployments", workload(replicas=1))
    path = f"{space.apps}/deployments/web/scale"
    scale = api.read(path)
    assert (scale["kind"], scale["status"]["selector"]) == ("Scale", "app=web")
    scale["spec"]["replicas"] = 2
    del scale["metadata"]["resourceVersion"]  # the controller may have written the status since
    assert api.put(path, scale).json()["spec"]["replicas"] == 2
    owners = space.deployment()["metadata"]["managedFields"]
    assert any(
        one.get("subresource") == "scale" and one["fieldsV1"] == {"f:spec": {"f:replicas": {}}} for one in owners
    )


def test_large_bodies_are_413(api, space):
    response = api.post(f"{space.core}/configmaps", config_map(a="x" * (3 * 1024 * 1024)))
    assert (response.status_code, response.json()["reason"]) == (413, "RequestEntityTooLarge")


def test_methods_that_do_not_fit_are_405(api, space):
    assert api.post(f"{space.core}/configmaps/a", config_map()).status_code == 405
    assert api.call("PUT", f"{space.core}/configmaps", config_map()).status_code == 405


def test_delete_checks_its_preconditions(api, space):
    path = f"{space.core}/configmaps/settings"
    created = api.post(f"{space.core}/configmaps", config_map()).json()
    wrong = api.delete(path, {"preconditions": {"uid": "another"}})
    assert (wrong.status_code, wrong.json()["reason"]) == (409, "Conflict")
    right = api.delete(path, {"preconditions": {"uid": created["metadata"]["uid"]}}).json()
    assert (right["kind"], right["status"], right["details"]["uid"]) == (
        "Status",
        "Success",
        created["metadata"]["uid"],
    )
    assert api.delete(path).status_code == 404


def test_finalizers_hold_an_object(api, space):
    body = config_map() | {"metadata": {"name": "held", "finalizers": ["example.com/hold"]}}
    api.post(f"{space.core}/configmaps", body)
    path = f"{space.core}/configmaps/held"
    assert "deletionTimestamp" in api.delete(path).json()["metadata"]
    assert api.get(path).status_code == 200
    api.patch(path, {"metadata": {"finalizers": None}})
    assert api.get(path).status_code == 404


def test_apply_needs_a_manager(api, space):
    path = f"{space.core}/configmaps/settings"
    response = api.call("PATCH", path, config_map(), APPLY)
    assert response.status_code == 422
    assert "fieldManager: Required value: is required for apply patch" in response.json()["message"]
