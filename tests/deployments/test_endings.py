"""What a deleted business and a deleted version mean for deployments; the recount command."""

import io

from django.core.management import call_command

from apps.models import AppVersion
from business import services as business_services
from clusters.models import Bundle
from deployments.models import Audit, Deployment, Operation, Status
from otestack.models import TrailEntry
from tests.deployments import fleet


def recount(*options):
    out = io.StringIO()
    call_command("recount", *options, stdout=out)
    return out.getvalue()


def test_a_deleted_business_ends_its_deployments(
    api, system, member, admin, acme, running, deploy, beijing, harbin, shown
):
    waiting = deploy(member, deployName="waiting")
    moving = deploy(admin, deployName="moving")
    changing = deploy(admin, deployName="changing")
    fleet.ready(changing)
    api(member).post(f"/v1/deploy/id/{changing.pk}", {"version": "1.0.2"})
    business_services.delete(acme, by=system)
    assert Operation.objects.filter(audit=Audit.WAITING).count() == 0
    assert shown(system, waiting)["status"] == 9
    for row in (running, moving, changing):
        answer = shown(system, row)
        assert (answer["running"], answer["deployType"], answer["editable"]) == (False, 4, False)
        assert not fleet.placements(row).filter(present=True).exists()
        fleet.let_go(row)
        assert shown(system, row)["status"] == 9
    assert Bundle.objects.filter(deployment__isnull=False, ended_at__isnull=True).count() == 0


def test_an_operator_at_the_command_line_deletes_a_business_without_a_name(acme, running):
    business_services.delete(acme)
    assert Operation.objects.latest("pk").submitted_by is None


def test_a_delete_under_way_goes_on_when_its_business_goes(api, admin, acme, running, system, shown):
    api(admin).delete(f"/v1/deploy/id/{running.pk}")
    business_services.delete(acme, by=system)
    assert Operation.objects.count() == 2
    fleet.let_go(running)
    assert shown(system, running)["status"] == 9


def test_a_version_that_runs_or_is_about_to_is_in_use(api, admin, member, running, decide):
    def delete(version):
        pk = AppVersion.objects.get(version=version).pk
        return api(admin).delete("/v1/app", {"appId": [pk]})

    answer = delete("1.0.1")
    assert answer.status_code == 409
    assert "web1" in answer.json()["message"]
    api(member).post(f"/v1/deploy/id/{running.pk}", {"version": "1.0.2"})
    assert delete("1.0.2").status_code == 409
    assert delete("1.0.3").status_code == 200
    decide(admin, running, 2)
    assert delete("1.0.2").status_code == 200
    api(admin).delete(f"/v1/deploy/id/{running.pk}")
    fleet.let_go(running)
    assert delete("1.0.1").status_code == 200


def test_recount_reports_and_mends_differences(admin, running, shown):
    assert recount() == "No differences.\n"
    Deployment.objects.filter(pk=running.pk).update(pods_running=77, status=Status.FAILED)
    text = recount()
    assert f"deployment {running.pk} (web1): pods_running is 77, counted 2" in text
    assert "status is 7, counted 5" in text
    recount("--fix")
    assert recount() == "No differences.\n"
    entry = TrailEntry.objects.get(verb="recount")
    assert (entry.channel, entry.after) == ("command", {"differences": 2, "first": running.pk, "last": running.pk})
    assert shown(admin, running)["status"] == 5
