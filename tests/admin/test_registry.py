"""External repositories and registry accounts: what the API lets one do with them, by whom, and what goes."""

from __future__ import annotations

from typing import Any

import pytest

from otestack.models import TrailEntry
from registry.models import ExternalRepository, RegistryAccount
from registry.simulator import HarborSimulator
from tests.admin.conftest import Office
from tests.registry.conftest import harbor, registry, shared_harbor, tenant  # noqa: F401
from tests.registry.tenants import HARBOR_PASSWORD, THIRD, USER, Tenant
from tests.registry.test_accounts import lets_in

NEW = "Another0Passw0rd"


@pytest.fixture
def hub(api: Any, admin: Any, versions: Any) -> ExternalRepository:
    """A repository of acme from which a version's image comes."""
    sent = {"repositoryId": "hub", "address": "docker.io", "user": "bot", "password": "Hidden1Word"}
    assert api(admin).post(THIRD, sent).json()["code"] == 200
    versions(repositoryId="hub")
    return ExternalRepository.objects.get()


def test_a_repository_is_deleted_after_reading_what_needs_it(office: Office, hub: ExternalRepository) -> None:
    page = office.get(f"/admin/registry/externalrepository/do/delete/?id={hub.pk}")
    assert "The login of bot at docker.io, of the business acme." in page
    assert "Versions that cannot be deployed anew without it: web 1.0.1." in page and "ote-ends" in page
    assert "Hidden1Word" not in page
    office.confirm()
    assert not ExternalRepository.objects.exists() and office.messages("success")
    entry = TrailEntry.objects.latest("pk")
    assert (entry.verb, entry.object_name, entry.channel, entry.business_id) == (
        "delete", "hub", "back-office", hub.business_id,
    )  # fmt: skip


def test_a_business_administrator_deletes_its_own_only(
    hub: ExternalRepository, admin: Any, make_user: Any, other: Any
) -> None:
    path = f"/admin/registry/externalrepository/do/delete/?id={hub.pk}"
    for user, gone in ((make_user(3, other, "stranger"), False), (admin, True)):
        person = Office()
        person.login(user.username)
        if "docker.io" in person.get(path):
            person.confirm()
        assert ExternalRepository.objects.exists() is not gone


def test_an_account_gets_a_new_password(office: Office, tenant: Any, registry: HarborSimulator) -> None:  # noqa: F811
    made: Tenant = tenant("tenants")
    account = RegistryAccount.objects.get()
    path = "/admin/registry/registryaccount"
    assert "/do/new_password/" in office.get(f"{path}/{account.pk}/change/") and "/do/try_again/" not in office.page
    office.get(f"{path}/do/new_password/?id={account.pk}")
    office.confirm(password="x", again="x")
    assert not office.messages("success") and lets_in(registry, HARBOR_PASSWORD, "tenants-robot")
    office.confirm(password=NEW, again=NEW)
    assert office.messages("success") and NEW not in office.page
    assert lets_in(registry, NEW, "tenants-robot")
    entry = TrailEntry.objects.latest("pk")
    assert (entry.verb, entry.channel, entry.business_id) == ("change password", "back-office", made.business.pk)


def test_an_account_that_was_left_half_made_is_made(office: Office, tenant: Any, registry: HarborSimulator) -> None:  # noqa: F811
    made: Tenant = tenant("tenants", account=False)
    registry.fail_next(method="POST", path="/users", status=503)
    assert made.admin.post(USER, {"user": "half", "password": HARBOR_PASSWORD}).status_code == 503
    account = RegistryAccount.objects.get()
    assert account.harbor_user_id is None
    path = "/admin/registry/registryaccount"
    assert "/do/try_again/" in office.get(f"{path}/{account.pk}/change/") and "/do/new_password/" not in office.page
    assert "has not confirmed this user yet" in office.get(f"{path}/do/try_again/?id={account.pk}")
    office.confirm(password=NEW, again=NEW)
    assert office.messages("success") and lets_in(registry, NEW, "half")
