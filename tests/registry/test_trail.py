"""What the audit trail gets of the registry: our account there, and what was made and deleted by it."""

from __future__ import annotations

from typing import Any

from otestack.models import TrailEntry
from tests.registry.tenants import HARBOR_PASSWORD, IMAGE, PROJECT, TAG, USER, Tenant


def test_the_account_and_what_lies_there(acme: Tenant, registry: Any, system: Any, api: Any) -> None:
    assert acme.admin.put(USER, {"password": "Another0Word"}).status_code == 200
    number = acme.project("calico", public=True)
    for tag in ("v1", "v2"):
        registry.push("calico/app", tag)
    assert acme.member.delete(TAG, {"imageName": "calico/app", "tag": ["v1", "none"]}).status_code == 409
    assert acme.member.delete(IMAGE, {"imageName": ["calico/app"]}).status_code == 200
    assert api(system).delete(PROJECT, {"projectId": [number]}).status_code in {200, 409}
    rows = TrailEntry.objects.order_by("pk")
    assert [(row.kind, row.object_name, row.verb) for row in rows][:5] == [
        ("registryaccount", "acme-robot", "create"),
        ("registryaccount", "acme-robot", "change password"),
        ("project", "calico", "create"),
        ("image", "calico/app:v1", "delete tag"),
        ("image", "calico/app", "delete"),
    ]
    assert {row.business_id for row in rows} == {acme.business.pk}
    text = str([vars(row) for row in rows])
    assert HARBOR_PASSWORD not in text and "Another0Word" not in text


def test_another_s_project_is_written_for_its_owner(acme: Tenant, api: Any, system: Any, make_business: Any) -> None:
    number = acme.project("calico")
    from registry.models import RegistryAccount

    assert RegistryAccount.objects.count() == 1
    assert api(system).delete(PROJECT, {"projectId": [number]}).status_code == 200
    row = TrailEntry.objects.latest("pk")
    assert (row.verb, row.object_name, row.actor_name) == ("delete", "calico", "root")
    assert row.business_id == acme.business.pk
