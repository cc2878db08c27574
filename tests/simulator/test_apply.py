"""Server-side apply over HTTP: owners, conflicts, what disappears."""

from .conftest import config_map, workload


def managers(obj):
    return {(one["manager"], one["operation"]): one["fieldsV1"] for one in obj["metadata"]["managedFields"]}


def test_create_is_201_and_the_same_again_changes_nothing(api, space):
    path = f"{space.apps}/deployments/web"
    first = api.apply(path, workload(replicas=0))
    assert first.status_code == 201
    second = api.apply(path, workload(replicas=0))
    assert second.status_code == 200
    assert second.json()["metadata"]["generation"] == first.json()["metadata"]["generation"]
    assert second.json()["metadata"]["uid"] == first.json()["metadata"]["uid"]


def test_the_same_again_is_no_new_version(api, space):
    path = f"{space.core}/configmaps/settings"  # no controller writes to it meanwhile
    first = api.apply(path, config_map(colour="blue")).json()
    assert api.apply(path, config_map(colour="blue")).json() == first
    assert api.read(path) == first
    changed = api.apply(path, config_map(colour="red")).json()
    assert changed["metadata"]["resourceVersion"] != first["metadata"]["resourceVersion"]


def test_a_version_is_a_precondition_only_where_something_is(api, space):
    path = f"{space.core}/configmaps/settings"
    wanted = config_map(colour="blue") | {"metadata": {"name": "settings", "resourceVersion": "1"}}
    first = api.apply(path, wanted)
    assert first.status_code == 201
    again = api.apply(path, wanted, force="true")
    assert (again.status_code, again.json()["reason"]) == (409, "Conflict")
    assert "the object has been modified" in again.json()["message"]
    assert api.read(path) == first.json()
    nobody = api.apply(path + "-2", config_map() | {"metadata": {"name": "settings-2", "uid": "1-2-3"}})
    assert nobody.status_code == 409
    assert "uid mismatch" in nobody.json()["message"]


def test_conflicts_name_manager_and_field(api, space):
    path = f"{space.core}/configmaps/settings"
    api.apply(path, config_map(a="1"), "first")
    response = api.apply(path, config_map(a="2"), "second")
    assert (response.status_code, response.json()["reason"]) == (409, "Conflict")
    assert response.json()["message"] == 'Apply failed with 1 conflict: conflict with "first": .data.a'
    assert response.json()["details"]["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "first"', "field": ".data.a"}
    ]
    forced = api.apply(path, config_map(a="2"), "second", force="true").json()
    assert forced["data"] == {"a": "2"}
    assert managers(forced) == {("second", "Apply"): {"f:data": {"f:a": {}}}}


def test_same_value_is_shared(api, space):
    path = f"{space.core}/configmaps/settings"
    api.apply(path, config_map(a="1"), "first")
    shared = api.apply(path, config_map(a="1"), "second")
    assert shared.status_code == 200
    assert set(managers(shared.json())) == {("first", "Apply"), ("second", "Apply")}
    kept = api.apply(path, config_map(), "first").json()
    assert kept["data"] == {"a": "1"}
    gone = api.apply(path, config_map(), "second").json()
    assert "data" not in gone


def test_what_is_no_longer_applied_disappears(api, space):
    path = f"{space.apps}/deployments/web"
    body = workload(replicas=0)
    container = body["spec"]["template"]["spec"]["containers"][0]
    container |= {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}], "args": ["x"]}
    body["metadata"]["labels"] = {"a": "1"}
    api.apply(path, body)
    api.patch(path, {"metadata": {"labels": {"mine": "1"}}})
    container["env"].pop()
    del container["args"], body["metadata"]["labels"]
    found = api.apply(path, body).json()
    after = found["spec"]["template"]["spec"]["containers"][0]
    assert after["env"] == [{"name": "A", "value": "1"}]
    assert "args" not in after
    assert after["imagePullPolicy"] == "IfNotPresent"
    assert found["metadata"]["labels"] == {"mine": "1"}


def test_an_update_takes_fields_over(api, space):
    path = f"{space.apps}/deployments/web"
    api.apply(path, workload(replicas=1), "first")
    api.patch(path, {"spec": {"replicas": 0}}, fieldManager="editor")
    response = api.apply(path, workload(replicas=1), "first")
    assert response.status_code == 409
    assert 'conflict with "editor" using apps/v1: .spec.replicas' in response.json()["message"]
    assert api.apply(path, workload(), "first").json()["spec"]["replicas"] == 0


def test_an_autoscaler_owns_replicas_through_scale(api, space, simulator):
    path = f"{space.apps}/deployments/web"
    api.apply(path, workload(replicas=1), "otestack")
    autoscaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {
            "maxReplicas": 3,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        },
    }
    scalers = f"/apis/autoscaling/v2/namespaces/{space.name}/horizontalpodautoscalers"
    assert api.apply(f"{scalers}/web", autoscaler).status_code == 201
    simulator.autoscale("edge", space.name, "web", 2)
    refused = api.apply(path, workload(replicas=1), "otestack")
    assert refused.status_code == 409
    assert refused.json()["details"]["causes"][0]["message"] == (
        'conflict with "kube-controller-manager" with subresource "scale" using apps/v1'
    )
    assert api.apply(path, workload(), "otestack").json()["spec"]["replicas"] == 2


def test_ports_are_told_apart_by_port_and_protocol(api, space):
    path = f"{space.core}/services/web"
    body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}}
    ports = [{"name": "a", "port": 53, "protocol": "TCP"}, {"name": "b", "port": 53, "protocol": "UDP"}]
    api.apply(path, body | {"spec": {"ports": ports}})
    found = api.apply(path, body | {"spec": {"ports": ports[1:]}}).json()
    assert [one["name"] for one in found["spec"]["ports"]] == ["b"]
    twice = api.apply(path, body | {"spec": {"ports": [{"port": 1}, {"port": 1}]}})
    assert "duplicate entries for key" in twice.json()["message"]


def test_unknown_fields_are_refused(api, space):
    response = api.apply(f"{space.apps}/deployments/web", workload(surplus=1))
    assert response.status_code == 500
    assert ".spec.surplus: field not declared in schema" in response.json()["message"]
