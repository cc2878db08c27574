"""Deployments and their audit in the back-office."""

import json
import re

import pytest

from apps.models import AppVersion
from clusters.models import Cluster, Placement
from deployments.admin.difference import masked
from deployments.models import Audit, Deployment, Operation, Status
from registry.models import ExternalRepository
from tests.admin.conftest import Office
from tests.deployments import fleet

QUEUE = "/admin/deployments/operation/"
LIST = "/admin/deployments/deployment/"
MODEL = "deployments_operation"


def change_of(deployment):
    return Operation.objects.filter(deployment=deployment).latest("pk")


def now(deployment):
    return Deployment.objects.get(pk=deployment.pk)


@pytest.fixture
def waiting(deploy, member, versions, beijing, harbin):
    """A new deployment of acme's general user that waits for audit."""
    versions(2)
    return deploy(member, cluster="north")


@pytest.fixture
def running(deploy, admin, versions, beijing, harbin):
    """A deployment that is up on beijing and harbin."""
    versions(2)
    made = deploy(admin, deployName="runs", cluster="north")
    fleet.ready(made)
    return made


def test_a_waiting_change_is_approved_with_a_comment(office, waiting, member, api, noted):
    operation = change_of(waiting)
    page = office.choose(MODEL, "approve", operation)
    for text in ("Version 1.0.1 of web, business acme", "Clusters: beijing, harbin", "Objects: Deployment web1"):
        assert text in page
    assert now(waiting).status == Status.PENDING
    office.confirm(comment="fine")
    assert office.messages("success") == ["Operation new deployment of web1: approved."]
    answer = api(member).get(f"/v1/deploy/id/{waiting.pk}").json()["data"]
    assert (answer["status"], answer["auditComment"]) == (1, "fine")
    assert Placement.objects.filter(bundle__deployment=waiting).count() == 2
    operation.refresh_from_db()
    assert operation.decided_by.username == "root"
    assert noted(operation) == ["Approved. Comment: fine"]


def test_a_waiting_change_is_refused_with_a_comment(office, waiting, member, api):
    office.choose(MODEL, "refuse", change_of(waiting))
    office.confirm(comment="too large")
    answer = api(member).get(f"/v1/deploy/id/{waiting.pk}").json()["data"]
    assert (answer["status"], answer["auditComment"]) == (2, "too large")


def test_a_second_decision_is_an_error_message(office, waiting, decide, admin):
    operation = change_of(waiting)
    office.choose(MODEL, "approve", operation, query="?audit=waiting")
    assert decide(admin, waiting, 2, "no") == 200
    office.confirm(comment="yes")
    sentence = f"Operation new deployment of web1: Change {operation.pk} was decided before."
    assert office.messages("error") == [sentence]
    assert now(waiting).audit_comment == "no"


def test_of_many_each_has_its_own_answer(office, waiting, deploy, member, admin, decide):
    second = deploy(member, deployName="web2")
    decide(admin, waiting, 1)
    office.choose(MODEL, "approve", change_of(waiting), change_of(second))
    office.confirm(comment="")
    assert office.messages("success") == ["Operation new deployment of web2: approved."]
    assert len(office.messages("error")) == 1


def test_the_queue_shows_what_waits_first(office, waiting, deploy, admin, member):
    deploy(admin, deployName="done")
    deploy(member, deployName="later")
    page = office.get(QUEUE)
    places = [page.index(f">{name}</a>") for name in ("later", "web1", "done")]
    assert places == sorted(places)
    only = office.get(QUEUE + "?audit=waiting")
    assert ">done</a>" not in only and ">web1</a>" in only


def test_what_will_be_applied_is_shown_with_secrets_masked(office, deploy, member, versions, beijing, acme):
    ExternalRepository.objects.create(
        business=acme, repository_id="mine", address="registry.example.com", user="robot", password="hunter2secret"
    )
    versions(repositoryId="mine", image="registry.example.com/web:1")
    made = deploy(member)
    operation = change_of(made)
    secret = json.loads(operation.secrets)[0]
    page = office.get(f"{QUEUE}{operation.pk}/change/")
    for text in ("+apiVersion: apps/v1", "registry.example.com/web:1", "beijing", "•••"):
        assert text in page
    assert f"Secret {secret['metadata']['name']}: <strong>is new</strong>" in page
    values = [str(value) for key in ("data", "stringData") for value in secret.get(key, {}).values()]
    assert values
    for hidden in ("hunter2secret", operation.secrets, *values):
        assert hidden not in page


def test_a_secret_that_no_key_opens_is_a_sentence(office, deploy, member, versions, beijing, acme, settings):
    from cryptography.fernet import Fernet

    ExternalRepository.objects.create(business=acme, repository_id="mine", address="r.io", user="u", password="p")
    versions(repositoryId="mine")
    operation = change_of(deploy(member))
    settings.OTE_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    assert "A stored secret cannot be decrypted" in office.get(f"{QUEUE}{operation.pk}/change/")
    for path in ("/admin/registry/externalrepository/", "/admin/clusters/cluster/", QUEUE, LIST):
        office.get(path)


def test_a_deployment_shows_objects_clusters_and_history(office, running, api, admin):
    assert api(admin).post(f"/v1/deploy/id/{running.pk}", {"version": "1.0.2"}).json()["code"] == 200
    page = office.get(f"{LIST}{running.pk}/change/")
    for text in (
        "1.0.1",
        "1.0.2",
        ">upgrade</a>",
        ">new deployment</a>",
        "2 waiting",
        "&quot;apps/v1&quot;",
    ):
        assert text in page
    assert '<input type="submit" value="Save"' not in page


def test_green_is_judged_when_read(office, running, beijing):
    assert ">success</span>" in office.get(LIST)
    fleet.stale(beijing)
    assert now(running).status == Status.SUCCESS
    operation = change_of(running)
    for page in (LIST, f"{LIST}{running.pk}/change/", QUEUE, f"{QUEUE}{operation.pk}/change/"):
        assert ">partial success</" in office.get(page)
        assert ">success</span>" not in office.page
    assert ">runs</a>" not in office.get(LIST + "?status=5")
    assert ">runs</a>" in office.get(LIST + "?status=6")


def test_retry_marks_the_clusters_due_and_waits_no_longer(office, running, beijing, harbin):
    from django.db.models.functions import Now

    Placement.objects.filter(bundle__deployment=running).update(next_attempt_at=Now(), attempts=3)
    Cluster.objects.update(change_due_at=None)
    seen = dict(Cluster.objects.values_list("pk", "change_seq"))
    page = office.choose("deployments_deployment", "retry", running)
    assert "Clusters that hold it: beijing, harbin." in page
    office.confirm()
    assert office.messages("success") == ["Deployment runs: its 2 clusters will be looked at now."]
    for cluster in Cluster.objects.all():
        assert cluster.change_due_at is not None
        assert cluster.change_seq > seen[cluster.pk]
    assert not Placement.objects.filter(bundle__deployment=running, next_attempt_at__isnull=False).exists()


def test_what_was_never_handed_out_cannot_be_retried(office, waiting):
    office.choose("deployments_deployment", "retry", waiting)
    office.confirm()
    assert office.messages("error") == ["Deployment web1: No cluster was given anything of it yet."]


@pytest.mark.parametrize(("at_once", "audit"), [(True, Audit.APPROVED), (False, Audit.WAITING)])
def test_deleting_is_a_change_like_any(office, running, settings, at_once, audit):
    settings.OTE_ADMIN_AUTO_DEPLOY = at_once
    page = office.choose("deployments_deployment", "delete", running)
    assert "Objects that go: Deployment runs" in page
    office.confirm()
    operation = change_of(running)
    assert (operation.kind, operation.audit, operation.submitted_by.username) == (4, audit, "root")
    assert len(office.messages("success")) == 1
    office.choose("deployments_deployment", "delete", running)
    office.confirm()
    assert "is waiting or under way" in office.messages("error")[0]


def test_a_change_whose_objects_could_not_be_made_does_not_wait(office, running):
    Operation.objects.create(
        deployment=running, kind=2, version="9", status=Status.ERROR, open=False, app_version=AppVersion.objects.first()
    )
    assert "internal error" in office.get(QUEUE)
    assert "internal error" not in office.get(QUEUE + "?audit=waiting")
    assert "No operations" not in office.get("/admin/") and "1 waiting" not in office.page


def test_before_an_upgrade_is_approved_one_reads_what_it_changes_and_where(office, running, member, api, versions):
    versions(image="registry.example.com/another:2")
    assert api(member).post(f"/v1/deploy/id/{running.pk}", {"version": "1.0.3"}).json()["code"] == 200
    page = office.choose(MODEL, "approve", change_of(running))
    assert "Clusters: beijing, harbin" in page
    assert "Deployment runs: <strong>changes</strong>" in page
    assert [line.split(":")[0].strip("- ") for line in re.findall(r'ote-minus">([^<]*)<', page)] == ["image"]
    assert re.findall(r'ote-plus">\+ *(?:- )?([^<]*)<', page) == ["image: registry.example.com/another:2"]
    office.confirm(comment="read it")
    page = office.get(f"{QUEUE}{change_of(running).pk}/change/")
    for text in ("<strong>changes</strong>", "read it", "root"):
        assert text in page


def test_before_a_deletion_is_approved_one_reads_what_goes(office, running, member, api):
    assert api(member).delete(f"/v1/deploy/id/{running.pk}").status_code == 200
    page = office.choose(MODEL, "approve", change_of(running))
    assert "Clusters that hold it: beijing, harbin." in page and "Deployment runs: <strong>goes</strong>" in page


def test_a_changed_password_is_told_but_not_shown():
    old = {"kind": "Secret", "data": {"a": "first", "b": "same"}}
    new = {"kind": "Secret", "data": {"a": "second", "b": "same"}}
    left, right = masked(old, new)
    assert left["data"] == {"a": "••••••", "b": "••••••"}
    assert right["data"] == {"a": "•••••• (another value)", "b": "••••••"}
    assert masked(None, new)[1]["data"] == {"a": "••••••", "b": "••••••"}


def test_with_four_eyes_nobody_approves_an_own_change(office, deploy, system, versions, beijing, settings, make_user):
    settings.OTE_FOUR_EYES = True
    versions(user=system)
    made = deploy(system, deployName="mine")
    operation = change_of(made)
    office.choose(MODEL, "approve", operation)
    office.confirm(comment="")
    own = f"Change {operation.pk} is your own; somebody else must approve it."
    assert office.messages("error") == [f"Operation new deployment of mine: {own}"]
    assert change_of(made).audit == Audit.WAITING
    second = Office()
    assert second.login(make_user(4, system.business, "second").username)
    second.choose(MODEL, "approve", operation)
    second.confirm(comment="seen")
    operation.refresh_from_db()
    assert (operation.audit, operation.decided_by.username) == (Audit.APPROVED, "second")


def test_upgrade_and_rollback_are_submitted_here(office, running, admin):
    page = office.choose("deployments_deployment", "upgrade", running)
    assert "It runs 1.0.1." in page and "Versions of web: 1.0.2, 1.0.1" in page
    office.confirm(version="9.9", comment="")
    assert "has no version" in office.page
    office.confirm(version="1.0.2", comment="newer")
    assert office.messages("success") == ["Deployment runs: upgrade to 1.0.2 is under way."]
    assert (change_of(running).comment, change_of(running).submitted_by.username) == ("newer", "root")
    fleet.ready(running)
    page = office.choose("deployments_deployment", "roll_back", running)
    assert "It has run: 1.0.2, 1.0.1" in page
    office.confirm(version="1.0.1", comment="back")
    assert office.messages("success") == ["Deployment runs: rollback to 1.0.1 is under way."]


def test_a_deployment_says_how_it_is_on_each_cluster_and_why_not_elsewhere(office, running, harbin):
    fleet.join("kunming")
    fleet.failed(running, harbin)
    page = office.get(f"{LIST}{running.pk}/change/")
    assert page.index(">harbin</a>") < page.index(">beijing</a>") and "ImagePullBackOff" in page
    assert "Not there: the cluster does not carry the label &#x27;north&#x27;." in page
    placement = fleet.placements(running, harbin).get()
    page = office.get(f"/admin/clusters/placement/{placement.pk}/change/")
    assert "There: the cluster carries the label &#x27;north&#x27;." in page


def settings_of(number, value):
    data = {f"key{n}": value if n % 2 else "same" for n in range(number)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": data}


@pytest.mark.parametrize(("number", "said"), [(20, "+  key1: new"), (20_000, "Too long to compare line by line")])
def test_a_long_change_is_told_by_its_keys(office, running, admin, api, number, said):
    before = change_of(running)
    Operation.objects.filter(pk=before.pk).update(manifests=[settings_of(number, "old")])
    assert api(admin).post(f"/v1/deploy/id/{running.pk}", {"version": "1.0.2"}).status_code == 200
    after = change_of(running)
    Operation.objects.filter(pk=after.pk).update(manifests=[settings_of(number, "new")])
    page = office.get(f"{QUEUE}{after.pk}/change/")
    assert said in page and "data.key0" not in page
    assert ("data.key1, data.key3" in page) == (number > 20)
