"""The calls of tests/contract/test_pairs.py: for each kind of object, what changes it, and what there is before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from accounts import services as accounts
from accounts.models import User
from business import services as business
from business.models import Business
from clusters import services as clusters
from clusters.models import Cluster, ClusterLabel, Node
from deployments.models import Deployment, Operation
from registry.models import ExternalRepository
from tests.apps.bodies import small
from tests.contract.pairs import OTHER, PASSWORD, THIRD, Call, World

Calls = dict[str, Callable[[World], Call]]
USER = {"password": PASSWORD, "phone": "12345", "realName": "r", "isAdmin": False}
APPLICATION = {"introduce": "i", "objective": "o", "scale": "s"}
REPOSITORY = {"repositoryId": "r1", "address": "one.example.com", "user": "u", "password": "p"}


def nothing(world: World) -> None:
    """What the world has is enough."""


def end_business(w: World) -> Call:
    return w.do(lambda: business.delete(w.business))


def deploy(**changes: Any) -> Callable[[World], Call]:
    return lambda w: w.ask(w.admin, "post", "/v1/deploy", w.deploy_body(**changes))


def of(w: World) -> Deployment:
    return Deployment.objects.get(business=w.business, name="web1")


def change(who: str, method: str, version: str = "") -> Callable[[World], Call]:
    """A change of web1."""

    def call(w: World) -> Call:
        body = {"version": version, "comment": version} if version else None
        return w.ask(getattr(w, who), method, f"/v1/deploy/id/{of(w).pk}", body)

    return call


# A user of a business.


def member(method: str, body: dict[str, Any] | None = None, *, who: str = "root", path: str = "") -> Any:
    return lambda w: w.ask(getattr(w, who), method, f"/v1/admin/user/{w.member.pk}{path}", body)


USERS: Calls = {
    "delete": member("delete", who="admin"),
    "forbid": member("put", {"status": 3}),
    "approve": member("put", {"status": 1}),
    "make wait": member("put", {"status": 0}),
    "reset password": member("put", {"password": OTHER}, who="admin", path="/password"),
    "change password": lambda w: w.ask(w.member, "put", "/v1/user", {"oldPassword": PASSWORD, "password": THIRD}),
    "create a namesake": lambda w: w.ask(w.admin, "post", "/v1/admin/user", USER | {"user": w.name("member").upper()}),
    "make system administrator": lambda w: w.do(lambda: accounts.make_system_admin(w.member)),
    "end business": end_business,
}


# A user without a business, who has applied for one.


def applied(w: World) -> None:
    body = APPLICATION | {"name": w.name("new")}
    assert w.ask(w.loner, "post", "/v1/business", body)() == 200
    w.user("rival", None, is_admin=True)


def application(status: int) -> Callable[[World], Call]:
    def call(w: World) -> Call:
        found = Business.objects.get(name=w.name("new"), applicant=w.loner)
        return w.ask(w.root, "put", f"/v1/business/id/{found.pk}", {"status": status, "comment": str(status)})

    return call


APPLICATIONS: Calls = {
    "approve": application(1),
    "refuse": application(2),
    "apply again": lambda w: w.ask(w.loner, "post", "/v1/business", APPLICATION | {"name": w.name("newer")}),
    "apply for the same name": lambda w: w.ask(
        User.objects.get(username=w.name("rival")), "post", "/v1/business", APPLICATION | {"name": w.name("new")}
    ),
    "delete the applicant": lambda w: w.ask(w.root, "delete", f"/v1/admin/user/{w.loner.pk}"),
    "forbid the applicant": lambda w: w.ask(w.root, "put", f"/v1/admin/user/{w.loner.pk}", {"status": 3}),
    "put the applicant into another": lambda w: w.do(lambda: accounts.set_business(w.loner, w.business)),
}


# A business with a deployment that runs and one that waits.


def busy(w: World) -> None:
    w.running(1)
    w.deploy(w.member, deployName="waits")


BUSINESSES: Calls = {
    "end business": end_business,
    "create user": lambda w: w.ask(w.admin, "post", "/v1/admin/user", USER | {"user": w.name("sub")}),
    "put a user into it": lambda w: w.do(lambda: accounts.set_business(w.loner, w.business)),
    "create application": lambda w: w.ask(w.admin, "post", "/v1/app", small(appName="web")),
    "create repository": lambda w: w.ask(w.admin, "post", "/v1/repository/third", REPOSITORY),
    "deploy": deploy(deployName="late"),
    "upgrade": change("admin", "post", "1.0.2"),
    "end deployment": change("admin", "delete"),
    "approve what waits": lambda w: decide("admin", 1, "waits")(w),
    "refuse what waits": lambda w: decide("admin", 2, "waits")(w),
}


# A label of clusters that a deployment is placed by.


def blue(w: World) -> None:
    Cluster.objects.create(name=w.name("d"), server="s", credentials="{}", uid=w.name("d"))
    ClusterLabel.objects.create(cluster=w.cluster, label=w.name("blue"))
    w.running(1, label=w.name("blue"))


def label(method: str, *names: str) -> Callable[[World], Call]:
    def call(w: World) -> Call:
        body = {"clusterName": [w.name(name) for name in names], "clusterLabel": w.name("blue")}
        return w.ask(w.root, method, "/v1/cluster/label", body)

    return call


def remove(w: World) -> Call:
    return w.do(lambda: clusters.remove(w.cluster))


CLUSTER_LABELS: Calls = {
    "add": label("post", "d"),
    "delete": label("delete", "c"),
    "delete from both": label("delete", "c", "d"),
    "deploy by it": lambda w: deploy(deployName="web2", cluster=w.name("blue"))(w),
    "end deployment": change("admin", "delete"),
    "remove cluster": remove,
    "forget cluster": lambda w: w.do(lambda: clusters.remove(w.cluster, force=True)),
}


# A label of nodes that a deployment selects.


def gpu(w: World) -> None:
    Node.objects.create(cluster=w.cluster, name="n2", ready=True)
    w.running(1, node_label="gpu")


def node_label(method: str, *names: str, **more: Any) -> Callable[[World], Call]:
    def call(w: World) -> Call:
        body = {"clusterName": w.cluster.name, "nodeName": list(names), "nodeLabel": "gpu"} | more
        return w.ask(w.root, method, "/v1/node/label", body)

    return call


NODE_LABELS: Calls = {
    "add": node_label("post", "n2"),
    "add to both": node_label("post", "n2", "n1"),
    "delete": node_label("delete", "n1"),
    "delete with pods": node_label("delete", "n1", "n2", deleteDeploy=True),
    "end deployment": change("admin", "delete"),
    "remove cluster": remove,
}


# Versions of an application; the third runs.


def third_runs(w: World) -> None:
    w.running(3)


def delete_versions(*positions: int) -> Callable[[World], Call]:
    return lambda w: w.ask(w.admin, "delete", "/v1/app", {"appId": [w.versions[n - 1].pk for n in positions]})


VERSIONS: Calls = {
    "create": lambda w: w.ask(w.admin, "post", "/v1/app", small(appName="web")),
    "delete two": delete_versions(2, 1),
    "delete what runs": delete_versions(3),
    "deploy the first": deploy(deployName="web2", version="1.0.1"),
    "upgrade to the first": change("admin", "post", "1.0.1"),
    "submit an upgrade to the first": change("member", "post", "1.0.1"),
    "end deployment": change("admin", "delete"),
}


# A deployment that has run two versions.


def upgraded(w: World) -> None:
    w.running(1, 2)


DEPLOYMENTS: Calls = {
    "upgrade": change("admin", "post", "1.0.3"),
    "submit an upgrade": change("member", "post", "1.0.3"),
    "roll back": change("admin", "put", "1.0.1"),
    "end": change("admin", "delete"),
    "end by name": lambda w: w.ask(w.admin, "delete", "/v1/deploy/web1"),
    "submit its end": change("member", "delete"),
    "deploy one of its name": deploy(),
}


# A change that waits for its audit.


def upgrade_waits(w: World) -> None:
    w.running(1)
    assert change("member", "post", "1.0.2")(w)() == 200


def decide(who: str, status: int, name: str = "web1") -> Callable[[World], Call]:
    def call(w: World) -> Call:
        waiting = Operation.objects.get(deployment__business=w.business, deployment__name=name, open=True)
        body = {"id": waiting.pk, "status": status, "comment": f"{who} {status}"}
        return w.ask(getattr(w, who), "put", "/v1/admin/deploy", body)

    return call


CHANGES: Calls = {
    "approve": decide("admin", 1),
    "approve by another": decide("root", 1),
    "refuse": decide("admin", 2),
    "upgrade": change("admin", "post", "1.0.3"),
    "end": change("admin", "delete"),
    "delete its version": delete_versions(2),
}


def new_waits(w: World) -> None:
    w.deploy(w.member)


NEW_ONES: Calls = {
    "approve": decide("admin", 1),
    "refuse": decide("admin", 2),
    "deploy one of its name": deploy(),
    "delete its version": delete_versions(1),
    "end": change("admin", "delete"),
}


# An external repository that an application names.


def repository(w: World) -> None:
    ExternalRepository.objects.create(
        business=w.business, repository_id="r1", address="zero.example.com", user="u", password="p"
    )
    assert w.ask(w.admin, "post", "/v1/app", small(appName="secret", repositoryId="r1"))() == 200


REPOSITORIES: Calls = {
    "create": lambda w: w.ask(w.admin, "post", "/v1/repository/third", REPOSITORY),
    "delete": lambda w: w.ask(w.admin, "delete", "/v1/repository/third", {"repositoryId": ["r1"]}),
    "create application": lambda w: w.ask(w.admin, "post", "/v1/app", small(appName="s2", repositoryId="r1")),
    "deploy": deploy(appName="secret", deployName="s1"),
}


KINDS: dict[str, tuple[Callable[[World], None], Calls]] = {
    "user": (nothing, USERS),
    "application for a business": (applied, APPLICATIONS),
    "business": (busy, BUSINESSES),
    "cluster label": (blue, CLUSTER_LABELS),
    "node label": (gpu, NODE_LABELS),
    "version": (third_runs, VERSIONS),
    "deployment": (upgraded, DEPLOYMENTS),
    "change": (upgrade_waits, CHANGES),
    "new deployment": (new_waits, NEW_ONES),
    "repository": (repository, REPOSITORIES),
}
