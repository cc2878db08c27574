"""Server-side apply and patches, as pure functions."""

import pytest

from clusters.simulator.merge import managers as managed
from clusters.simulator.merge.apply import ApplyConflict, BadConfiguration, apply
from clusters.simulator.merge.fieldset import compare, difference, intersection, owned, paths, union
from clusters.simulator.merge.patches import BadPatch, json_patch, merge_patch, strategic_patch
from clusters.simulator.schema.decode import Mismatch, decode
from clusters.simulator.schema.types import type_named

DEPLOYMENT, SERVICE, MAP = (type_named(name) for name in ("apps.v1.Deployment", "core.v1.Service", "core.v1.ConfigMap"))
NODE = type_named("core.v1.Node")


def writer(name, operation="Apply"):
    return managed.Writer(name, operation, "apps/v1")


def pods(*containers, **spec):
    return {"spec": {"template": {"spec": {"containers": list(containers)} | spec}}}


def run(live, config, known=None, name="me", force=False, typ=DEPLOYMENT):
    return apply(live, config, typ, known or {}, writer(name), force=force, now="now")


def test_owned_fields_are_leaves_items_and_atoms():
    config = pods({"name": "a", "command": ["x"], "ports": [{"containerPort": 80}]}, nodeSelector={"b": "c"})
    spec = owned(config, DEPLOYMENT)["f:spec"]["f:template"]["f:spec"]
    assert spec == {
        "f:containers": {
            'k:{"name":"a"}': {
                ".": {},
                "f:name": {},
                "f:command": {},
                "f:ports": {'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}},
            }
        },
        "f:nodeSelector": {},
    }


def test_sets_of_fields():
    left = {"f:a": {".": {}, "f:b": {}, "f:c": {}}, "f:d": {}}
    right = {"f:a": {"f:b": {}}}
    assert difference(left, right) == {"f:a": {".": {}, "f:c": {}}, "f:d": {}}
    assert difference(left, left) == {}
    assert intersection(left, right) == right
    assert union({"f:a": {}}, right) == {"f:a": {".": {}, "f:b": {}}}
    assert paths({'k:{"name":"a"}': {"f:image": {}}}) == ['[name="a"].image']


def test_compare_tells_set_from_removed():
    old = {"data": {"a": "1", "b": "2"}}
    changed, removed = compare(old, {"data": {"a": "9", "c": "3"}}, MAP)
    assert changed == {"f:data": {"f:a": {}, "f:c": {}}}
    assert removed == {"f:data": {"f:b": {}}}


def test_maps_and_lists_of_different_managers_are_joined():
    first, known = run({}, pods({"name": "a", "image": "a:1"}), name="one")
    both, known = run(first, pods({"name": "b", "image": "b:1"}), known, name="two")
    assert [one["name"] for one in both["spec"]["template"]["spec"]["containers"]] == ["a", "b"]
    left, _ = run(both, {"spec": {"replicas": 1}}, known, name="two")
    assert left == pods({"name": "a", "image": "a:1"}) | {"spec": left["spec"]}
    assert left["spec"]["replicas"] == 1


def test_atomic_values_are_replaced_whole():
    first, known = run({}, pods({"name": "a", "args": ["x", "y"]}, nodeSelector={"a": "1"}))
    second, _ = run(first, pods({"name": "a", "args": ["z"]}, nodeSelector={"b": "2"}), known)
    spec = second["spec"]["template"]["spec"]
    assert (spec["containers"][0]["args"], spec["nodeSelector"]) == (["z"], {"b": "2"})


def test_conflicts_only_where_the_value_changes():
    first, known = run({}, {"spec": {"replicas": 1}}, name="one")
    _, shared = run(first, {"spec": {"replicas": 1}}, known, name="two")
    assert set(shared) == {writer("one"), writer("two")}
    with pytest.raises(ApplyConflict) as caught:
        run(first, {"spec": {"replicas": 2}}, known, name="two")
    assert caught.value.found == [(writer("one"), ".spec.replicas")]
    _, taken = run(first, {"spec": {"replicas": 2}}, known, name="two", force=True)
    assert set(taken) == {writer("two")}


def test_many_conflicts_are_listed_by_manager():
    first, known = run({}, {"spec": {"replicas": 1, "minReadySeconds": 1}}, name="one")
    with pytest.raises(ApplyConflict) as caught:
        run(first, {"spec": {"replicas": 2, "minReadySeconds": 2}}, known, name="two")
    assert str(caught.value) == (
        'Apply failed with 2 conflicts: conflicts with "one":\n- .spec.minReadySeconds\n- .spec.replicas'
    )


def test_fields_that_nobody_applied_stay():
    first, known = run({}, pods({"name": "a", "image": "a:1", "tty": True}))
    first["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "Always"
    second, _ = run(first, pods({"name": "a", "image": "a:1"}), known)
    assert second["spec"]["template"]["spec"]["containers"] == [
        {"name": "a", "image": "a:1", "imagePullPolicy": "Always"}
    ]


def test_a_status_is_nobodys_through_the_main_door():
    _, known = run({}, {"status": {"replicas": 1}, "spec": {"replicas": 1}})
    assert known[writer("me")].fields == {"f:spec": {"f:replicas": {}}}


def test_items_that_cannot_be_told_apart():
    with pytest.raises(BadConfiguration, match="duplicate entries for key"):
        run({}, {"spec": {"ports": [{"port": 1}, {"port": 1, "protocol": "TCP"}]}}, typ=SERVICE)


def test_updates_move_ownership():
    first, known = run({}, {"spec": {"replicas": 1, "minReadySeconds": 5}})
    second = {"spec": {"replicas": 2}}
    after = managed.track_update(first, second, DEPLOYMENT, known, writer("you", "Update"), "later", False)
    assert {one.manager: entry.fields for one, entry in after.items()} == {"you": {"f:spec": {"f:replicas": {}}}}


def test_managers_survive_their_encoding():
    _, known = run({}, {"spec": {"replicas": 1}})
    assert managed.decode(managed.encode(known)) == known


def test_merge_patch():
    assert merge_patch({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": None}, "d": [2]}) == {"a": {"c": 2}, "d": [2]}


def test_json_patch():
    document = {"a": [1, 2], "b/c": {"d": 1}}
    operations = [
        {"op": "add", "path": "/a/1", "value": 9},
        {"op": "add", "path": "/a/-", "value": 3},
        {"op": "replace", "path": "/b~1c/d", "value": 2},
        {"op": "copy", "from": "/a/0", "path": "/e"},
        {"op": "move", "from": "/e", "path": "/f"},
        {"op": "test", "path": "/f", "value": 1},
    ]
    assert json_patch(document, operations) == {"a": [1, 9, 2, 3], "b/c": {"d": 2}, "f": 1}
    assert document == {"a": [1, 2], "b/c": {"d": 1}}
    for bad in ({"op": "remove", "path": "/no"}, {"op": "test", "path": "/a", "value": 0}, {"op": "jump", "path": ""}):
        with pytest.raises(BadPatch):
            json_patch(document, [bad])


def test_strategic_patch_merges_by_key():
    live = pods({"name": "a", "image": "a:1", "env": [{"name": "X", "value": "1"}]}, {"name": "b", "image": "b:1"})
    patch = pods({"name": "a", "env": [{"name": "Y", "value": "2"}]}, {"name": "b", "$patch": "delete"})
    found = strategic_patch(live, patch, DEPLOYMENT)["spec"]["template"]["spec"]["containers"]
    assert found == [{"name": "a", "image": "a:1", "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]}]


def test_strategic_patch_directives():
    live = {"metadata": {"finalizers": ["a", "b"], "labels": {"x": "1", "y": "2"}}}
    patch = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c"], "labels": {"x": None}}}
    assert strategic_patch(live, patch, NODE) == {"metadata": {"finalizers": ["b", "c"], "labels": {"y": "2"}}}
    live = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    assert strategic_patch(live, patch, DEPLOYMENT) == {"spec": {"strategy": {"type": "Recreate"}}}
    live = pods({"name": "a"}, {"name": "b"})
    order = {"spec": {"template": {"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}}}}
    found = strategic_patch(live, order, DEPLOYMENT)["spec"]["template"]["spec"]["containers"]
    assert found == [{"name": "b"}, {"name": "a"}]


def test_decode_drops_nulls_and_names_unknown_fields():
    body = pods({"name": "a", "image": None, "colour": "red"}) | {"metadata": {"labels": {}, "name": "x"}}
    found, unknown = decode(body, DEPLOYMENT)
    assert found == pods({"name": "a"}) | {"metadata": {"name": "x"}}
    assert unknown == ["spec.template.spec.containers[0].colour"]


@pytest.mark.parametrize("value", ["1", True, [], 1.5])
def test_decode_refuses_wrong_types(value):
    with pytest.raises(Mismatch):
        decode({"spec": {"replicas": value}}, DEPLOYMENT)
