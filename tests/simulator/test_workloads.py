"""What controllers make of workloads: pods come, roll over, fail and go."""

import pytest

from .conftest import CLUSTER, NODES, config_map, pod_spec, wait_for, workload


def conditions(obj):
    return {one["type"]: (one["status"], one["reason"]) for one in obj.get("status", {}).get("conditions", ())}


def waiting(pod):
    states = [one["state"] for one in pod["status"].get("containerStatuses", ())]
    return next((state["waiting"]["reason"] for state in states if "waiting" in state), None)


def test_a_deployment_comes_up_and_owns_its_pods(api, space):
    api.apply(f"{space.apps}/deployments/web", workload(replicas=2))
    wait_for(space.is_rolled_out, "two replicas")
    found = space.deployment()
    assert conditions(found)["Available"] == ("True", "MinimumReplicasAvailable")
    wait_for(lambda: conditions(space.deployment())["Progressing"][1] == "NewReplicaSetAvailable", "progressed")
    sets = api.read(f"{space.apps}/replicasets")["items"]
    assert sets[0]["metadata"]["ownerReferences"][0]["uid"] == found["metadata"]["uid"]
    pods = space.pods(labelSelector="app=web")
    assert {pod["metadata"]["ownerReferences"][0]["kind"] for pod in pods} == {"ReplicaSet"}
    assert len({pod["spec"]["nodeName"] for pod in pods}) == 2
    assert all(pod["status"]["podIP"] for pod in pods)
    assert len(api.read(f"{space.core}/pods", fieldSelector="status.phase=Running")["items"]) == 2


def test_a_rolling_update_takes_steps_and_keeps_its_bounds(api, space):
    rolling = {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}
    path = f"{space.apps}/deployments/web"
    api.apply(path, workload(replicas=4, strategy=rolling))
    wait_for(space.is_rolled_out, "four replicas")
    api.apply(path, workload(replicas=4, strategy=rolling, image="nginx:1.28"))
    seen = []

    def step():
        status = space.deployment()["status"]
        seen.append((status.get("updatedReplicas", 0), status.get("replicas", 0), status.get("availableReplicas", 0)))
        return space.is_rolled_out()

    wait_for(step, "the new image everywhere")
    assert max(total for _, total, _ in seen) <= 5
    assert min(available for _, _, available in seen) >= 3
    assert len({updated for updated, _, _ in seen}) >= 3
    assert {
        pod["spec"]["containers"][0]["image"] for pod in space.pods() if "deletionTimestamp" not in pod["metadata"]
    } == {"nginx:1.28"}
    revisions = {
        one["metadata"]["annotations"]["deployment.kubernetes.io/revision"]
        for one in api.read(f"{space.apps}/replicasets")["items"]
    }
    assert revisions == {"1", "2"}


def test_recreate_stops_the_old_pods_first(api, space):
    path = f"{space.apps}/deployments/web"
    api.apply(path, workload(replicas=2, strategy={"type": "Recreate"}))
    wait_for(space.is_rolled_out, "two replicas")
    api.apply(path, workload(replicas=2, strategy={"type": "Recreate"}, image="nginx:2"))
    wait_for(space.is_rolled_out, "two new replicas")


def test_an_image_that_never_comes(api, space):
    api.apply(f"{space.apps}/deployments/web", workload(image="shop/web:never", progressDeadlineSeconds=1))
    pod = wait_for(
        lambda: next((pod for pod in space.pods() if waiting(pod) == "ImagePullBackOff"), None), "ImagePullBackOff"
    )
    assert (
        'Back-off pulling image "shop/web:never"'
        in pod["status"]["containerStatuses"][0]["state"]["waiting"]["message"]
    )
    assert pod["status"]["phase"] == "Pending"
    wait_for(
        lambda: conditions(space.deployment()).get("Progressing") == ("False", "ProgressDeadlineExceeded"), "deadline"
    )
    assert conditions(space.deployment())["Available"] == ("False", "MinimumReplicasUnavailable")


def test_a_bad_update_keeps_the_old_pods(api, space):
    path = f"{space.apps}/deployments/web"
    api.apply(path, workload(replicas=4))
    wait_for(space.is_rolled_out, "four replicas")
    api.apply(path, workload(replicas=4, image="web:never"))
    wait_for(lambda: any(waiting(pod) == "ImagePullBackOff" for pod in space.pods()), "ImagePullBackOff")
    assert space.deployment()["status"]["availableReplicas"] == 3
    api.apply(path, workload(replicas=4))
    wait_for(space.is_rolled_out, "the old image again")


def test_a_crashing_container(api, space):
    api.apply(f"{space.apps}/deployments/web", workload(image="web:crash"))
    pod = wait_for(lambda: next((one for one in space.pods() if waiting(one) == "CrashLoopBackOff"), None), "crash")
    assert pod["status"]["containerStatuses"][0]["restartCount"] >= 1


def test_min_ready_seconds(api, space):
    # An hour, not a second: however slow the reader is, it sees the pod ready and not yet available.
    api.apply(f"{space.apps}/deployments/web", workload(minReadySeconds=3600, progressDeadlineSeconds=7200))
    wait_for(lambda: space.deployment()["status"].get("readyReplicas") == 1, "ready")
    assert space.deployment()["status"].get("availableReplicas", 0) == 0
    api.apply(f"{space.apps}/deployments/web", workload(minReadySeconds=1))
    wait_for(lambda: space.deployment()["status"].get("availableReplicas") == 1, "available")


def test_a_pod_that_fits_nowhere_waits(api, space):
    api.apply(f"{space.apps}/deployments/web", workload(pod={"nodeSelector": {"disk": "fast"}}))

    def why():
        found = [
            one for pod in space.pods() for one in pod["status"].get("conditions", ()) if one["type"] == "PodScheduled"
        ]
        return found and found[0]

    condition = wait_for(why, "PodScheduled")
    assert (condition["status"], condition["reason"]) == ("False", "Unschedulable")
    assert condition["message"].startswith(
        f"0/{NODES} nodes are available: {NODES} node(s) didn't match Pod's node affinity/selector."
    )
    node = api.read("/api/v1/nodes")["items"][1]["metadata"]["name"]
    api.patch(f"/api/v1/nodes/{node}", {"metadata": {"labels": {"disk": "fast"}}})
    wait_for(space.is_rolled_out, "a pod on the labelled node")
    api.patch(f"/api/v1/nodes/{node}", {"metadata": {"labels": {"disk": None}}})
    assert [pod["spec"]["nodeName"] for pod in space.pods()] == [node]


@pytest.mark.parametrize(
    ("resources", "reason"),
    [({"cpu": "100"}, "Insufficient cpu"), ({"nvidia.com/gpu": "2"}, "Insufficient nvidia.com/gpu")],
)
def test_resources_must_fit(api, space, resources, reason):
    body = workload()
    body["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": resources}
    api.apply(f"{space.apps}/deployments/web", body)
    pod = wait_for(lambda: next((one for one in space.pods() if one["status"].get("conditions")), None), "a condition")
    assert f"{NODES} {reason}" in pod["status"]["conditions"][0]["message"]


def test_a_deleted_pod_comes_again(api, space):
    api.apply(f"{space.apps}/deployments/web", workload())
    wait_for(space.is_rolled_out, "a replica")
    old = space.pods()[0]["metadata"]
    evicted = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": old["name"]}}
    assert api.post(f"{space.core}/pods/{old['name']}/eviction", evicted).status_code == 201
    wait_for(
        lambda: [pod["metadata"]["uid"] for pod in space.pods()] not in ([], [old["uid"]]) and len(space.pods()) == 1,
        "another pod",
    )
    wait_for(space.is_rolled_out, "a replica")


def test_a_daemon_set_follows_the_labels_of_nodes(api, space):
    path = f"{space.apps}/daemonsets/agent"
    api.apply(path, workload("DaemonSet", "agent", pod={"nodeSelector": {"agent": "yes"}}))

    def counts():
        status = api.read(path)["status"]
        return status["desiredNumberScheduled"], status["numberReady"], status.get("numberAvailable", 0)

    wait_for(lambda: api.read(path)["status"].get("observedGeneration") == 1, "observed")
    assert counts() == (0, 0, 0)
    node = api.read("/api/v1/nodes")["items"][0]["metadata"]["name"]
    api.patch(f"/api/v1/nodes/{node}", {"metadata": {"labels": {"agent": "yes"}}})
    wait_for(lambda: counts() == (1, 1, 1), "a pod on the labelled node")
    assert [pod["spec"]["nodeName"] for pod in space.pods()] == [node]
    api.patch(f"/api/v1/nodes/{node}", {"metadata": {"labels": {"agent": None}}})
    wait_for(lambda: counts() == (0, 0, 0) and not space.pods(), "no pod without the label")


def test_a_daemon_set_rolls_over(api, space):
    path = f"{space.apps}/daemonsets/agent"
    api.apply(path, workload("DaemonSet", "agent"))

    def done():
        found = api.read(path)
        status = found["status"]
        keys = ("updatedNumberScheduled", "numberAvailable", "desiredNumberScheduled")
        return (
            status.get("observedGeneration") == found["metadata"]["generation"]
            and [status.get(key) for key in keys] == [NODES] * 3
        )

    wait_for(done, "a pod on every node")
    api.apply(path, workload("DaemonSet", "agent", image="nginx:1.28"))
    wait_for(done, "the new image on every node")
    assert {pod["spec"]["containers"][0]["image"] for pod in space.pods()} == {"nginx:1.28"}


def test_a_stateful_set_starts_in_order(api, space):
    path = f"{space.apps}/statefulsets/db"
    api.apply(path, workload("StatefulSet", "db", replicas=3, serviceName="db"))
    wait_for(lambda: api.read(path)["status"].get("readyReplicas") == 3, "three replicas")
    pods = space.pods()
    assert [pod["metadata"]["name"] for pod in pods] == ["db-0", "db-1", "db-2"]
    versions = [pod["metadata"]["creationTimestamp"] for pod in pods]
    assert versions == sorted(versions)
    api.apply(path, workload("StatefulSet", "db", replicas=3, serviceName="db", image="nginx:2"))
    wait_for(lambda: {pod["spec"]["containers"][0]["image"] for pod in space.pods()} == {"nginx:2"}, "the new image")


def test_a_job_completes(api, space):
    body = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "once"},
        "spec": {"completions": 2, "template": {"spec": pod_spec(restartPolicy="Never")}},
    }
    path = f"/apis/batch/v1/namespaces/{space.name}/jobs/once"
    assert api.apply(path, body).status_code == 201
    wait_for(lambda: api.read(path)["status"].get("succeeded") == 2, "two completions")
    assert conditions(api.read(path))["Complete"][0] == "True"
    body["spec"]["template"]["spec"]["containers"][0]["image"] = "other:1"
    refused = api.apply(path, body)
    assert refused.status_code == 422
    assert refused.json()["details"]["causes"][0]["field"] == "spec.template"


@pytest.mark.parametrize("policy", ["Background", "Foreground"])
def test_what_a_deployment_owned_goes_with_it(api, space, policy):
    path = f"{space.apps}/deployments/web"
    api.apply(path, workload(replicas=2))
    wait_for(space.is_rolled_out, "two replicas")
    answer = api.delete(path, {"propagationPolicy": policy}).json()
    assert answer["kind"] == ("Status" if policy == "Background" else "Deployment")
    wait_for(lambda: not space.pods() and api.get(path).status_code == 404, "everything gone")
    assert api.read(f"{space.apps}/replicasets")["items"] == []


def test_an_object_whose_owner_never_was_goes(api, space):
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "none", "uid": "00000000-0000-4000-8000-000000000000"}
    body = config_map("owned")
    body["metadata"]["ownerReferences"] = [owner]
    assert api.post(f"{space.core}/configmaps", body).status_code == 201
    wait_for(lambda: api.get(f"{space.core}/configmaps/owned").status_code == 404, "the garbage collector")


def test_orphans_stay(api, space):
    path = f"{space.apps}/deployments/web"
    api.apply(path, workload())
    wait_for(space.is_rolled_out, "a replica")
    api.delete(path, propagationPolicy="Orphan")
    wait_for(lambda: api.get(path).status_code == 404, "the deployment gone")
    sets = api.read(f"{space.apps}/replicasets")["items"]
    assert "ownerReferences" not in sets[0]["metadata"]
    assert len(space.pods()) == 1


def test_a_namespace_ends_with_its_contents(api, space):
    api.apply(f"{space.apps}/deployments/web", workload())
    wait_for(space.is_rolled_out, "a replica")
    path = f"/api/v1/namespaces/{space.name}"
    assert api.read(path)["spec"]["finalizers"] == ["kubernetes"]
    assert api.read(f"{space.core}/configmaps/kube-root-ca.crt")["data"]["ca.crt"].startswith("-----BEGIN")
    assert api.delete(path).json()["status"]["phase"] == "Terminating"
    refused = api.post(f"{space.core}/configmaps", config_map())
    assert (refused.status_code, refused.json()["reason"]) == (403, "Forbidden")
    assert refused.json()["details"]["causes"][0]["reason"] == "NamespaceTerminating"
    wait_for(lambda: api.get(path).status_code == 404, "the namespace gone")
    assert api.read(f"{space.apps}/deployments")["items"] == []
    assert api.delete("/api/v1/namespaces/default").status_code == 403


def test_a_lost_node(api, space, simulator):
    api.apply(f"{space.apps}/daemonsets/agent", workload("DaemonSet", "agent"))
    path = f"{space.apps}/daemonsets/agent"
    wait_for(lambda: api.read(path)["status"].get("numberReady") == NODES, "a pod on every node")
    node = api.read("/api/v1/nodes")["items"][-1]["metadata"]["name"]
    simulator.set_node_ready(CLUSTER, node, False)
    try:
        wait_for(lambda: api.read(path)["status"].get("numberReady") == NODES - 1, "one pod lost")
    finally:
        simulator.set_node_ready(CLUSTER, node, True)
    wait_for(lambda: api.read(path)["status"].get("numberReady") == NODES, "all back")


def test_logs_and_events(api, space):
    api.apply(f"{space.apps}/deployments/web", workload())
    wait_for(space.is_rolled_out, "a replica")
    name = space.pods()[0]["metadata"]["name"]
    assert "main started from nginx:1.27" in api.get(f"{space.core}/pods/{name}/log").text
    events = api.read(f"{space.core}/events", fieldSelector=f"involvedObject.name={name}")["items"]
    assert {"Scheduled", "Pulled", "Started"} <= {event["reason"] for event in events}
