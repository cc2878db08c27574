"""What nodes pull with: attached without asking, renewed with the account's password, kept when a record goes."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import requests
from django.db import connection
from django.db.models.functions import Now

from business.models import Business
from clusters.models import Bundle, BundleObject
from deployments.models import Deployment, Operation
from deployments.pull_secrets import config_key
from registry.models import ExternalRepository, RegistryAccount
from tests.apps.charts.packing import chart, deployment, manifest, require_helm, upload
from tests.deployments import fleet
from tests.races import needs_postgres, together
from tests.registry.harbor import harbor, shared_harbor  # noqa: F401
from tests.registry.tenants import HARBOR_PASSWORD, SUCCESS, USER, configure

NEW = "Another0Passw0rd"
DOMAIN = "registry.local:5000"
OURS = f"{DOMAIN}/shop/web:1"


@pytest.fixture
def registry(settings: Any, harbor: Any) -> Any:  # noqa: F811
    configure(settings, harbor)
    settings.OTE_REGISTRY_DOMAIN = DOMAIN
    return harbor


@pytest.fixture
def account(registry: Any, api: Any, admin: Any) -> RegistryAccount:
    """acme's account."""
    sent = {"user": "acme-robot", "password": HARBOR_PASSWORD}
    assert api(admin).post(USER, sent).json() == SUCCESS
    return RegistryAccount.objects.get()


@pytest.fixture
def renew(api: Any, admin: Any) -> Callable[..., None]:
    """renew(NEW): give acme's account that password."""

    def put(password: str = NEW) -> None:
        assert api(admin).put(USER, {"password": password}).json() == SUCCESS

    return put


@pytest.fixture
def ours(account: RegistryAccount, deploy: Any, admin: Any, versions: Any, beijing: Any, harbin: Any) -> Deployment:
    """web1 of acme, from our registry, up on beijing and harbin; 1.0.2 waits to be used."""
    versions(2, image=OURS)
    made: Deployment = deploy(admin)
    fleet.ready(made)
    return made


def login(secret: str) -> dict[str, Any]:
    """What the registry is told, by its address."""
    data = json.loads(base64.b64decode(json.loads(secret)["data"][".dockerconfigjson"]))
    auths: dict[str, Any] = data["auths"]
    for entry in auths.values():
        assert base64.b64decode(entry.pop("auth")).decode() == f"{entry['username']}:{entry['password']}"
    return auths


def handed_out(row: Deployment) -> list[dict[str, Any]]:
    """The logins in the bundle, which the clusters get."""
    rows = BundleObject.objects.filter(bundle__deployment=row, kind="Secret").order_by("position")
    return [login(item.secret) for item in rows]


def stored(operation: Operation) -> list[dict[str, Any]]:
    """The logins that an operation will hand out."""
    secrets = json.loads(Operation.objects.get(pk=operation.pk).secrets or "[]")
    return [login(json.dumps(secret)) for secret in secrets]


def ours_with(password: str) -> list[dict[str, Any]]:
    return [{DOMAIN: {"username": "acme-robot", "password": password}}]


def latest(row: Deployment) -> Operation:
    return Operation.objects.filter(deployment=row).latest("pk")


def generation(row: Deployment) -> int:
    return Bundle.objects.get(deployment=row).generation


# Attaching


def test_an_image_of_our_registry_gets_the_account_without_anyone_asking(ours: Deployment, registry: Any) -> None:
    assert handed_out(ours) == ours_with(HARBOR_PASSWORD)
    pod = latest(ours).manifests[-1]["spec"]["template"]["spec"]
    assert pod["imagePullSecrets"] == [{"name": "web1-pull"}]


@pytest.mark.parametrize("image", ["nginx:1", "registry.local/shop/web:1", "other.local:5000/shop/web:1"])
def test_an_image_from_elsewhere_gets_none(
    account: Any, deploy: Any, admin: Any, versions: Any, beijing: Any, image: str
) -> None:
    versions(image=image)
    row = deploy(admin)
    assert handed_out(row) == []
    assert latest(row).registry_account is None


def test_making_asks_no_registry(
    account: Any, registry: Any, deploy: Any, admin: Any, versions: Any, beijing: Any
) -> None:
    versions(image=OURS)
    registry.set_away("refuse")
    registry.reset_calls()
    assert handed_out(deploy(admin)) == ours_with(HARBOR_PASSWORD)
    assert registry.calls == []


def test_another_business_does_not_get_the_account(
    account: Any, api: Any, make_user: Any, other: Business, versions: Any, deploy: Any, beijing: Any
) -> None:
    stranger = make_user(3, other)
    versions(user=stranger, image=OURS)
    assert handed_out(deploy(stranger)) == []


def test_an_account_that_is_not_certain_is_not_used(
    account: RegistryAccount, deploy: Any, admin: Any, versions: Any, beijing: Any
) -> None:
    RegistryAccount.objects.update(harbor_user_id=None)
    versions(image=OURS)
    assert handed_out(deploy(admin)) == []


def test_a_named_repository_wins(
    account: Any, api: Any, acme: Any, deploy: Any, admin: Any, versions: Any, beijing: Any, renew: Any
) -> None:
    fields = {"address": f"http://{DOMAIN.upper()}/", "user": "u", "password": "p"}
    ExternalRepository.objects.create(business=acme, repository_id="hub", **fields)
    versions(image=OURS, repositoryId="hub")
    row = deploy(admin)
    assert handed_out(row) == [{DOMAIN: {"username": "u", "password": "p"}}]
    renew()
    assert handed_out(row) == [{DOMAIN: {"username": "u", "password": "p"}}]
    assert generation(row) == 1


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("registry.example.com", "registry.example.com"),
        ("https://Registry.Example.com:5000/", "registry.example.com:5000"),
        ("registry.example.com/Team", "registry.example.com/Team"),
        ("docker.io", "https://index.docker.io/v1/"),
        ("https://index.docker.io/v1/", "https://index.docker.io/v1/"),
        ("registry-1.docker.io", "https://index.docker.io/v1/"),
    ],
)
def test_logins_are_kept_where_nodes_look(address: str, key: str) -> None:
    assert config_key(address) == key


# Renewing


def test_a_new_password_is_a_new_generation_everywhere(
    ours: Deployment, renew: Any, shown: Any, admin: Any, api: Any, beijing: Any, harbin: Any
) -> None:
    assert shown(admin, ours)["status"] == 5
    before = latest(ours)
    renew()
    assert handed_out(ours) == stored(latest(ours)) == ours_with(NEW)
    assert generation(ours) == latest(ours).generation == 2
    assert set(fleet.placements(ours).values_list("generation", flat=True)) == {2}
    # What was seen of the first generation proves nothing of the second: at once, and after settling.
    for _ in range(2):
        answer = shown(admin, ours)
        assert (answer["status"], answer["editable"], answer["version"]) == (6, True, "1.0.1")
        history = shown(admin, ours, field="historyVersion")["historyVersion"]
        assert [item["status"] for item in history] == [6]
        fleet.settle()
    fleet.applied(ours)
    assert shown(admin, ours)["status"] == 6
    fleet.ready(ours, beijing)
    assert shown(admin, ours)["status"] == 6
    fleet.ready(ours)
    assert shown(admin, ours)["status"] == 5
    after = latest(ours)
    assert (after.pk, after.renewed_at, after.ended_at) == (before.pk, None, before.ended_at)
    assert api(admin).get("/v1/admin/deploy").json()["total"] == 1


def test_where_it_fails_it_is_told(ours: Deployment, renew: Any, shown: Any, admin: Any) -> None:
    renew()
    fleet.failed(ours, why="Secret: quota exceeded")
    answer = shown(admin, ours)
    assert answer["status"] == 7 and "quota" in answer["errorMessage"]
    fleet.ready(ours)
    assert shown(admin, ours)["status"] == 5


def test_a_failed_one_is_not_better_before_it_is(ours: Deployment, renew: Any, shown: Any, admin: Any) -> None:
    fleet.failed(ours)
    assert shown(admin, ours)["status"] == 7
    renew()
    assert shown(admin, ours)["status"] == 7
    fleet.settle()
    assert shown(admin, ours)["status"] == 7
    fleet.ready(ours)
    assert shown(admin, ours)["status"] == 5


def test_an_away_cluster_gets_it_later_and_holds_nothing_open(
    ours: Deployment, renew: Any, shown: Any, admin: Any, beijing: Any, harbin: Any
) -> None:
    fleet.away(harbin)
    renew()
    fleet.ready(ours, beijing)
    assert shown(admin, ours)["status"] == 6
    assert latest(ours).renewed_at is None
    fleet.back(harbin)
    fleet.ready(ours, harbin)
    assert shown(admin, ours)["status"] == 5


def test_what_never_comes_up_is_given_up_at_the_deadline(
    ours: Deployment, renew: Any, shown: Any, admin: Any, settings: Any
) -> None:
    renew()
    fleet.applied(ours)
    past = Now() - timedelta(seconds=settings.OTE_PROGRESS_DEADLINE + 1)
    Operation.objects.update(renewed_at=past, decided_at=past)
    fleet.placements(ours).update(applied_at=past)
    fleet.settle()  # although nothing marks its bundle
    assert shown(admin, ours)["status"] == 7
    assert latest(ours).renewed_at is None


def test_a_change_under_way_follows_the_new_generation(
    ours: Deployment, api: Any, renew: Any, shown: Any, admin: Any, settings: Any
) -> None:
    assert api(admin).post(f"/v1/deploy/id/{ours.pk}", {"version": "1.0.2"}).status_code == 200
    fleet.applied(ours)
    assert shown(admin, ours)["status"] == 4
    # It was decided long ago: the new password gives it its time anew.
    Operation.objects.filter(open=True).update(decided_at=Now() - timedelta(seconds=settings.OTE_PROGRESS_DEADLINE + 1))
    renew()
    fleet.settle()
    answer = shown(admin, ours)
    assert (answer["status"], answer["editable"], answer["version"]) == (4, False, "1.0.2")
    assert generation(ours) == latest(ours).generation == 3
    assert handed_out(ours) == ours_with(NEW)
    fleet.ready(ours)
    answer = shown(admin, ours)
    assert (answer["status"], answer["editable"]) == (5, True)


def test_a_proof_that_arrives_late_is_one_of_the_generation_before(
    ours: Deployment, renew: Any, shown: Any, admin: Any, beijing: Any, harbin: Any
) -> None:
    renew()
    fleet.placements(ours).update(applied_generation=1, ready_generation=1)
    Bundle.objects.filter(deployment=ours).update(dirty_at=Now())
    fleet.settle()
    assert shown(admin, ours)["status"] == 6


def test_a_waiting_change_gets_it_too(
    ours: Deployment, api: Any, member: Any, renew: Any, decide: Any, shown: Any, admin: Any
) -> None:
    assert api(member).post(f"/v1/deploy/id/{ours.pk}", {"version": "1.0.2"}).status_code == 200
    waiting = latest(ours)
    renew()
    assert stored(waiting) == handed_out(ours) == ours_with(NEW)
    answer = shown(admin, ours)
    assert (answer["status"], answer["version"], answer["editable"]) == (0, "1.0.2", False)
    assert decide(admin, ours, 1) == 200
    assert generation(ours) == 3
    assert handed_out(ours) == ours_with(NEW)
    fleet.ready(ours)
    assert shown(admin, ours)["status"] == 5


def test_a_refused_change_shows_what_runs_with_the_new_password(
    ours: Deployment, api: Any, member: Any, renew: Any, decide: Any, shown: Any, admin: Any
) -> None:
    assert api(member).post(f"/v1/deploy/id/{ours.pk}", {"version": "1.0.2"}).status_code == 200
    renew()
    assert decide(admin, ours, 2) == 200
    assert shown(admin, ours)["status"] == 6
    fleet.settle()
    assert shown(admin, ours)["status"] == 6
    fleet.ready(ours)
    assert shown(admin, ours)["status"] == 5


def test_a_first_change_that_waits(
    account: Any, deploy: Any, member: Any, versions: Any, beijing: Any, renew: Any, decide: Any, admin: Any
) -> None:
    versions(image=OURS)
    row = deploy(member)
    renew()
    assert handed_out(row) == []
    assert decide(admin, row, 1) == 200
    assert handed_out(row) == ours_with(NEW)
    assert generation(row) == 1


def test_what_is_being_deleted_stays_so(ours: Deployment, api: Any, renew: Any, shown: Any, admin: Any) -> None:
    assert api(admin).delete("/v1/deploy/web1").status_code == 200
    renew()
    assert handed_out(ours) == []
    fleet.let_go(ours)
    assert shown(admin, ours)["status"] == 9
    renew(HARBOR_PASSWORD)
    assert shown(admin, ours)["status"] == 9


def test_all_of_the_business_and_nothing_of_another(
    ours: Deployment, api: Any, make_user: Any, other: Business, versions: Any, deploy: Any, admin: Any, renew: Any
) -> None:
    versions(appName="plain", image="nginx:1")
    stranger = make_user(3, other)
    assert api(stranger).post(USER, {"user": "other-robot", "password": HARBOR_PASSWORD}).json() == SUCCESS
    versions(user=stranger, image=OURS)
    rows = [deploy(admin, deployName="web2"), deploy(admin, deployName="p", appName="plain"), deploy(stranger)]
    renew()
    assert handed_out(rows[0]) == handed_out(ours) == ours_with(NEW)
    assert handed_out(rows[1]) == []
    assert handed_out(rows[2]) == [{DOMAIN: {"username": "other-robot", "password": HARBOR_PASSWORD}}]
    assert [generation(row) for row in (ours, *rows)] == [2, 2, 1, 1]


def test_the_domain_may_have_changed_since(ours: Deployment, renew: Any, settings: Any) -> None:
    settings.OTE_REGISTRY_DOMAIN = "new.example.com"
    renew()
    assert handed_out(ours) == ours_with(NEW)


def test_a_change_made_while_the_password_changes_has_the_new_one(
    ours: Deployment, api: Any, renew: Any, admin: Any, monkeypatch: Any
) -> None:
    from deployments.services import submit

    make = submit.make

    def slow(*args: Any) -> Any:
        made = make(*args)
        renew()
        return made

    monkeypatch.setattr(submit, "make", slow)
    assert api(admin).post(f"/v1/deploy/id/{ours.pk}", {"version": "1.0.2"}).status_code == 200
    assert handed_out(ours) == stored(latest(ours)) == ours_with(NEW)


def test_a_chart_with_an_image_of_ours(
    account: Any, api: Any, admin: Any, deploy: Any, beijing: Any, renew: Any, shown: Any
) -> None:
    """Its pods get the account's secret beside their own; the chart's own Secrets stay as they are."""
    require_helm()
    own = manifest(
        "Secret", "type: kubernetes.io/dockerconfigjson\nstringData: {.dockerconfigjson: '{}'}\n", name="own"
    )
    workload = deployment("imagePullSecrets: [{name: own}]").replace("nginx:1", OURS)
    packed = chart({"templates/own.yaml": own, "templates/web.yaml": workload})
    assert upload(api(admin), packed, appName="web").json() == SUCCESS
    row = deploy(admin)
    fleet.ready(row)
    pod = latest(row).manifests[-1]["spec"]["template"]["spec"]
    assert pod["imagePullSecrets"] == [{"name": "own"}, {"name": "web1-pull"}]
    kept = BundleObject.objects.get(name="own").secret
    renew()
    assert login(BundleObject.objects.get(name="web1-pull").secret) == ours_with(NEW)[0]
    assert json.loads(BundleObject.objects.get(name="own").secret)["data"] == json.loads(kept)["data"]
    assert shown(admin, row)["status"] == 6
    fleet.ready(row)
    assert shown(admin, row)["status"] == 5


def test_recounting_finds_nothing_wrong(ours: Deployment, renew: Any) -> None:
    from deployments.recount import differences

    renew()
    fleet.settle()
    assert differences() == []
    fleet.ready(ours)
    assert differences() == []


# External records


def test_a_deleted_record_leaves_what_runs_able_to_pull(
    api: Any, admin: Any, deploy: Any, versions: Any, beijing: Any, acme: Any
) -> None:
    sent = {"repositoryId": "hub", "address": "r.example.com", "user": "u", "password": "p"}
    assert api(admin).post("/v1/repository/third", sent).json() == SUCCESS
    versions(2, image="r.example.com/web:1", repositoryId="hub")
    row = deploy(admin)
    fleet.ready(row)
    assert api(admin).delete("/v1/repository/third", {"repositoryId": ["hub"]}).json() == SUCCESS
    late = fleet.join("late")
    assert fleet.placements(row, late).get().present
    assert handed_out(row) == [{"r.example.com": {"username": "u", "password": "p"}}]
    # Made anew with another password: the next change takes it.
    assert api(admin).post("/v1/repository/third", sent | {"password": "q"}).json() == SUCCESS
    assert handed_out(row) == [{"r.example.com": {"username": "u", "password": "p"}}]
    fleet.ready(row)
    assert api(admin).post(f"/v1/deploy/id/{row.pk}", {"version": "1.0.2"}).status_code == 200
    assert handed_out(row) == [{"r.example.com": {"username": "u", "password": "q"}}]


def test_the_secret_is_never_shown(ours: Deployment, api: Any, admin: Any, renew: Any, caplog: Any) -> None:
    renew()
    said = "".join(
        api(admin).get(path).content.decode()
        for path in (f"/v1/deploy/id/{ours.pk}", f"/v1/deploy/id/{ours.pk}/clusters", "/v1/admin/deploy", "/v1/deploy")
    )
    encoded = [base64.b64encode(f"acme-robot:{word}".encode()).decode() for word in (NEW, HARBOR_PASSWORD)]
    assert not any(word in said + caplog.text for word in (NEW, HARBOR_PASSWORD, *encoded))


# Two at once


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("who", ["admin", "member"])
def test_a_new_password_and_a_change_at_once(
    ours: Deployment, api: Any, admin: Any, member: Any, acme: Business, who: str
) -> None:
    needs_postgres()
    client, other = api(admin), api({"admin": admin, "member": member}[who])
    answers = together(
        lambda: Business.objects.select_for_update().get(pk=acme.pk),
        lambda: client.put(USER, {"password": NEW}),
        lambda: other.post(f"/v1/deploy/id/{ours.pk}", {"version": "1.0.2"}),
    )
    assert [answer.status_code for answer in answers] == [200, 200]
    assert handed_out(ours) == stored(latest(ours)) == ours_with(NEW)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_new_passwords_at_once(ours: Deployment, api: Any, admin: Any, acme: Business, registry: Any) -> None:
    needs_postgres()
    barrier = threading.Barrier(3)
    codes: list[int] = []

    def change(password: str) -> None:
        client = api(admin)
        barrier.wait(10)
        codes.append(client.put(USER, {"password": password}).status_code)
        connection.close()

    registry.set_latency(0.1)
    threads = [threading.Thread(target=change, args=(f"Password-{number}",)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert 200 in codes and set(codes) <= {200, 409}
    password = RegistryAccount.objects.get().password
    registry.heal()
    who = requests.get(f"{registry.url}/api/v2.0/users/current", auth=("acme-robot", password), timeout=5)
    assert who.status_code == 200
    assert handed_out(ours) == ours_with(password)
