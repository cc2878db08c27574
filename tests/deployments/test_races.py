"""Two requests at once never both win, and settling loses nothing."""

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from apps import services as app_services
from apps.models import AppVersion
from business import services as business_services
from business.models import Business
from clusters.engine.placing import lock_placements, touch_bundles
from clusters.models import Bundle, Placement
from deployments import services
from deployments.models import Deployment, Operation, Status
from deployments.settle import settle
from tests.deployments import fleet
from tests.races import needs_postgres, together

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _postgres(db):
    needs_postgres()


def codes(answers):
    return sorted(answer.status_code for answer in answers)


def lock(row):
    return lambda: Deployment.objects.select_for_update().get(pk=row.pk)


def lock_business(business):
    return lambda: Business.objects.select_for_update().get(pk=business.pk)


def test_two_upgrades(api, admin, running):
    def upgrade(version):
        client = api(admin)
        return lambda: client.post(f"/v1/deploy/id/{running.pk}", {"version": version})

    assert codes(together(lock(running), upgrade("1.0.2"), upgrade("1.0.3"))) == [200, 409]
    assert Operation.objects.filter(open=True).count() == 1
    assert Bundle.objects.get(deployment=running).generation == 2


def test_an_upgrade_and_a_delete_by_general_users(api, member, running):
    client, other = api(member), api(member)
    answers = together(
        lock(running),
        lambda: client.post(f"/v1/deploy/id/{running.pk}", {"version": "1.0.2"}),
        lambda: other.delete(f"/v1/deploy/id/{running.pk}"),
    )
    assert codes(answers) == [200, 409]


@pytest.mark.parametrize("second", [1, 2])
def test_two_decisions(api, admin, member, deploy, versions, beijing, second):
    versions()
    row = deploy(member)
    change = Operation.objects.get(deployment=row)

    def decide(status):
        client = api(admin)
        return lambda: client.put("/v1/admin/deploy", {"id": change.pk, "status": status, "comment": ""})

    assert codes(together(lock(row), decide(1), decide(second))) == [200, 409]
    change.refresh_from_db()
    row.refresh_from_db()
    assert row.running == (change.audit == 1)
    assert Bundle.objects.count() == int(row.running)


def test_two_of_one_name(api, admin, member, acme, body, versions, beijing):
    versions()
    clients = api(admin), api(member)
    answers = together(lock_business(acme), *[lambda c=c: c.post("/v1/deploy", body()) for c in clients])
    assert codes(answers) == [200, 422]
    assert Deployment.objects.count() == 1


def test_a_version_that_is_deleted_while_it_is_deployed(api, admin, body, versions, beijing):
    versions()
    version = AppVersion.objects.get()
    client = api(admin)
    answers = together(
        lambda: AppVersion.objects.select_for_update().get(),
        lambda: client.post("/v1/deploy", body()).status_code,
        lambda: app_services.delete(admin, [version.pk]),
    )
    version.refresh_from_db()
    deployed = Deployment.objects.exists()
    assert answers[0] == (200 if deployed else 422)
    assert deployed != (version.status == 3)


def test_a_business_that_is_deleted_while_it_deploys(api, admin, system, acme, running, body):
    client, other = api(admin), api(admin)
    together(
        lock_business(acme),
        lambda: business_services.delete(acme, by=system),
        lambda: client.post("/v1/deploy", body(deployName="late")).status_code,
        lambda: other.post(f"/v1/deploy/id/{running.pk}", {"version": "1.0.2"}).status_code,
    )
    assert not Deployment.objects.filter(running=True).exists()
    assert not Placement.objects.filter(present=True, bundle__deployment__isnull=False).exists()


def test_settling_waits_for_a_record_that_holds_the_bundle(admin, running, beijing):
    """What a recording transaction wrote before it marked the bundle is counted, or its mark is still there."""

    def record():
        Placement.objects.filter(cluster=beijing).update(running=5, total=5)
        touch_bundles([running.bundle_id])

    Bundle.objects.update(dirty_at=Now())
    together(record, settle)
    running.refresh_from_db()
    assert (running.pods_total, Bundle.objects.get().dirty_at) == (6, None)


def test_settling_approving_and_recording_at_once_do_not_block_each_other(admin, member, api, running, beijing):
    client = api(member)
    for version in ("1.0.2", "1.0.3"):
        client.post(f"/v1/deploy/id/{running.pk}", {"version": version})
        change = Operation.objects.latest("pk")

        def record():
            with transaction.atomic():
                touch_bundles([running.bundle_id])
                Placement.objects.filter(bundle=running.bundle_id).update(attempts=F("attempts") + 1)

        Bundle.objects.update(dirty_at=Now())
        results = together(
            lambda: [lock_placements(), Bundle.objects.select_for_update().get()],
            settle,
            record,
            lambda change=change: services.approve(change, by=admin),
        )
        assert [item for item in results if isinstance(item, Exception)] == []
        fleet.ready(running)
        running.refresh_from_db()
        assert (running.status, running.editable) == (Status.SUCCESS, True)


def test_it_runs_on_postgresql():
    assert connection.vendor == "postgresql"
