"""A business administrator in the back-office: the own business, and nothing else."""

from __future__ import annotations

import re
from typing import Any

import pytest

from accounts.models import User
from clusters.models import Bundle
from deployments.models import Audit, Deployment, Operation
from registry.models import ExternalRepository, RegistryAccount
from tests.admin.conftest import Office
from tests.deployments import fleet

ALL = (
    "accounts/user", "business/business", "clusters/cluster", "clusters/node", "clusters/bundle", "clusters/placement",
    "deployments/deployment", "deployments/operation", "registry/externalrepository", "registry/registryaccount",
    "apps/appversion",
)  # fmt: skip
SYSTEM_ONLY = ("clusters/cluster", "clusters/node")


@pytest.fixture
def tenant(admin: Any) -> Office:
    person = Office()
    assert person.login(admin.username)
    return person


@pytest.fixture
def foreign(other: Any, make_user: Any, deploy: Any, versions: Any, beijing: Any) -> list[Any]:
    """What another business has: one record of each kind."""
    boss = make_user(3, other, "stranger")
    versions(user=boss, appName="theirs")
    made = deploy(boss, appName="theirs", deployName="theirs")
    repository = ExternalRepository.objects.create(
        business=other, repository_id="theirs", address="r.io", user="u", password="p"
    )
    account = RegistryAccount.objects.create(business=other, user="theirs", password="p", harbor_user_id=3)
    bundle = Bundle.objects.get(deployment=made)
    operation = Operation.objects.get(deployment=made)
    return [boss, other, made, operation, operation.app_version, repository, account, bundle, bundle.placements.get()]


def test_the_own_business_is_all_there_is(tenant, foreign, deploy, admin, member, versions):
    versions()
    deploy(admin, deployName="mine")
    for path in ALL:
        if path in SYSTEM_ONLY:
            tenant.get(f"/admin/{path}/", code=403)
            assert f'href="/admin/{path}/' not in tenant.get("/admin/")
        else:
            page = tenant.get(f"/admin/{path}/?status=all&ended=all&deleted=all&q=")
            assert "theirs" not in page and "stranger" not in page and ">other<" not in page, path
    assert ">mine</a>" in tenant.get("/admin/deployments/deployment/")
    assert ">member</a>" in tenant.get("/admin/accounts/user/")
    assert "theirs" not in tenant.get("/admin/overview/")


def test_records_of_others_are_not_there(tenant, foreign):
    for record in foreign:
        meta = record._meta
        path = f"/admin/{meta.app_label}/{meta.model_name}"
        assert tenant.client.get(f"{path}/{record.pk}/change/")["Location"] == "/admin/", path
        for deed in ("delete", "approve", "refuse", "retry", "upgrade", "reset_password", "forbid"):
            answer = tenant.client.get(f"{path}/do/{deed}/?id={record.pk}")
            assert answer.status_code in {302, 404}, (path, deed)
    token = tenant.get("/admin/password_change/").split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    fields = {"csrfmiddlewaretoken": token, "_selected_action": foreign[2].pk}
    tenant.client.post("/admin/deployments/deployment/do/delete/", fields)
    tenant.client.post("/admin/accounts/user/do/delete/", fields | {"_selected_action": foreign[0].pk})
    assert Deployment.objects.get(pk=foreign[2].pk).running and User.objects.get(pk=foreign[0].pk).deleted_at is None


def test_what_only_system_administrators_do_is_not_offered_and_refused(tenant, admin, member, acme, beijing):
    page = tenant.get(f"/admin/accounts/user/{member.pk}/change/")
    assert "/do/reset_password/" in page and "/do/delete/" in page
    for deed in ("approve", "forbid", "give_business", "make_system_admin"):
        assert f"/do/{deed}/" not in page
        tenant.get(f"/admin/accounts/user/do/{deed}/?id={member.pk}", code=404)
        tenant.get("/admin/accounts/user/")
        tenant.post("/admin/accounts/user/", action=deed, index=0, _selected_action=[member.pk])
        assert not tenant.messages("success")
    assert User.objects.get(pk=member.pk).status == 1
    tenant.get(f"/admin/accounts/user/{admin.pk}/history/", code=403)
    tenant.get(f"/admin/business/business/do/delete/?id={acme.pk}", code=404)
    tenant.get("/admin/clusters/cluster/make/", code=403)
    tenant.get(f"/admin/clusters/cluster/do/remove/?id={beijing.pk}", code=404)


def test_changes_of_the_own_business_wait_for_its_administrator(tenant, deploy, member, versions, foreign):
    versions()
    made = deploy(member, deployName="mine")
    assert "1 waiting" in tenant.get("/admin/")
    operation = Operation.objects.get(deployment=made)
    tenant.choose("deployments_operation", "approve", operation)
    tenant.confirm(comment="good")
    operation.refresh_from_db()
    assert (operation.audit, operation.decided_by.username) == (Audit.APPROVED, "admin")


def test_who_is_no_administrator_any_more_is_out(tenant, admin):
    User.objects.filter(pk=admin.pk).update(is_admin=False)
    assert "Log in" in tenant.get("/admin/deployments/deployment/")


def test_no_link_leads_to_what_the_tenant_may_not_open(tenant, deploy, admin, versions, beijing, harbin, system):
    versions()
    fleet.join("elsewhere")
    made = deploy(admin, deployName="mine", cluster="beijing")
    placement = fleet.placements(made, beijing).get()
    Operation.objects.update(decided_by=system)
    records = {
        "deployments/deployment": made.pk,
        "clusters/placement": placement.pk,
        "deployments/operation": made.shown_id,
        "business/business": admin.business_id,
        "clusters/bundle": made.bundle_id,
        "accounts/user": admin.pk,
    }
    pages = ["/admin/", *(f"/admin/{name}/{pk}/change/" for name, pk in records.items())]
    for page in pages:
        targets = set(re.findall(r'href="(/admin/[a-z]+/[a-z]+/[^"]*)"', tenant.get(page)))
        for target in targets:
            answer = tenant.client.get(target.replace("&amp;", "&"))
            assert answer.status_code == 200, (page, target)
    assert "beijing" in tenant.get(pages[2]) and "root" in tenant.get(pages[3])
