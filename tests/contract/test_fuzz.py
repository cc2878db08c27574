"""schemathesis over the whole document, with all of its checks: what the document allows is taken, all else refused.

The same requests in every run. All checks are on; a few requests that JSON Schema allows are parameter errors by the
contract, and `BY_RULE` says at which operations and why.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.cache import cache
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.config import SchemathesisConfig

from accounts.tokens import issue
from apps.models import AppVersion
from business.models import Business
from clusters.models import Installation
from deployments.models import Deployment, Operation
from otestack.wsgi import application
from registry.models import ExternalRepository
from tests.apps.bodies import small
from tests.contract.document import document, operations
from tests.deployments import fleet
from tests.registry.harbor import harbor, shared_harbor
from tests.registry.tenants import configure

__all__ = ["harbor", "shared_harbor"]

pytestmark = pytest.mark.django_db

# Operations that answer 422 (or 400) to what their schema allows, by a rule of the contract.
BY_RULE = {
    "register_user": "a taken user name is 422 on field user",
    "create_user": "a taken user name is 422 on field user",
    "change_password": "a wrong oldPassword is 422 on that field",
    "create_business": "a name is unique among businesses that are not disapproved or deleted (422)",
    "add_cluster_label": "an unknown cluster in a body is 422; a label may not equal a cluster name",
    "delete_cluster_label": "an unknown cluster in a body is 422",
    "add_node_label": "an unknown cluster or node in a body is 422",
    "delete_node_label": "an unknown cluster or node in a body is 422",
    "create_application": "fields are checked against each other: min <= max, replicas between, known repositoryId",
    "delete_applications": "an unknown id is 422",
    "upload_chart": "a file that is no Helm chart is 422 with the reason",
    "create_deployment": "an unknown appName or version, and a cluster or label that matches nothing, are 422",
    "create_deployment_at_install": "the same",
    "upgrade_deployment": "an unknown version and the running one are 422",
    "create_registry_user": "the registry takes only names that can be printed (400 here)",
    "roll_back_deployment": "a version that the deployment has not run before is 422",
}
# They need a token, and a check of schemathesis leaves it away and sends a wrong one already.
CLOSED = [said["operationId"] for said in operations().values() if said.get("security")]
_TAKEN = ["2xx", "401", "403", "404", "409", "429"]
CONFIG = {
    "seed": 20260101,
    # NUL is an error in every text (contract, text); JSON Schema would need a pattern on each to say so.
    "generation": {"deterministic": True, "allow-x00": False, "database": "none"},
    "checks": {"positive_data_acceptance": {"expected-statuses": _TAKEN}},
    "operations": [
        {
            "include-operation-id": list(BY_RULE),
            "checks": {"positive_data_acceptance": {"expected-statuses": [*_TAKEN, "400", "422"]}},
        }
    ],
}
# A rule that JSON Schema has no words for: one upper-case letter, one lower-case letter, one digit.
_LENGTHS = (8, 9, 19, 20, 127, 128)
schemathesis.openapi.format("password", st.sampled_from(_LENGTHS).map(lambda length: "Aa0".ljust(length, "x")))


def over(**phases: bool) -> Any:
    """Return the schema with these phases only."""
    chosen = {name: {"enabled": phases.get(name, False)} for name in ("examples", "coverage", "fuzzing")}
    made = schemathesis.openapi.from_dict(document(), config=SchemathesisConfig.from_dict(CONFIG | {"phases": chosen}))
    made.app = application
    return made


def requests(count: int) -> settings:
    """Return how many random requests each operation gets."""
    return settings(max_examples=count, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


class World:
    """Something of every kind, so that what is allowed finds something to act on."""

    def __init__(self, api: Any, system: Any, admin: Any, member: Any) -> None:
        Installation.objects.get_or_create(pk=1)
        fleet.join("c1", "cluster1", nodes=("node1",))
        for _ in range(2):
            assert api(admin).post("/v1/app", small(appName="nginx1", version="1.1")).status_code == 200
        for name in ("nginx1", "deploy1"):
            fields = {"appName": "nginx1", "version": "1.1.1", "cluster": "", "nodeLabel": "", "comment": ""}
            assert api(admin).post("/v1/deploy", {"deployName": name} | fields).status_code == 200
        fleet.ready(Deployment.objects.get(name="nginx1"))
        ExternalRepository.objects.create(
            business=admin.business, repository_id="repo1", address="r.example.com", user="u", password="p"
        )
        applicant = Business.objects.create(name="waiting", applicant=member, status=0)
        self.ids = {
            "/v1/admin/user": member.pk,
            "/v1/business": applicant.pk,
            "/v1/app": AppVersion.objects.latest("pk").pk,
            "/v1/deploy": Deployment.objects.get(name="nginx1").pk,
        }
        self.names = {"/v1/cluster": "c1", "/v1/deploy": "nginx1", "/v1/repository": "repo1"}
        self.audit = Operation.objects.latest("pk").pk
        self.system, self.admin = issue(system), issue(admin)

    def send(self, case: Any, token: str) -> None:
        """Send one request and check the answer; where it may, it is about something that there is."""
        if case.meta.generation.mode.is_positive:
            values = case.path_parameters
            for name, known in (("id", self.ids), ("name", self.names)):
                for start, value in known.items():
                    if name in values and case.path.startswith(start):
                        values[name] = value
            case.body = _whole(case.body)
        cache.clear()
        case.call_and_validate(headers={"Authorization": token} if token else None)


def _whole(value: Any) -> Any:
    """Return it with 1 for 1.0: a whole number to JSON Schema, but none to the contract's strict types."""
    if isinstance(value, dict):
        return {name: _whole(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@pytest.fixture
def world(harbor: Any, settings: Any, api: Any, system: Any, admin: Any, member: Any) -> Iterator[World]:
    configure(settings, harbor)
    made = World(api, system, admin, member)
    # As the test client does: a request's end closes connections, and with ours goes the test's transaction.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield made
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@over(examples=True, coverage=True, fuzzing=True).parametrize()
@requests(10)
def test_a_system_administrator(case: Any, world: World) -> None:
    world.send(case, world.system)


@over(examples=True, fuzzing=True).parametrize()
@requests(3)
def test_a_business_administrator(case: Any, world: World) -> None:
    world.send(case, world.admin)


@over(examples=True, fuzzing=True).exclude(operation_id=CLOSED).parametrize()
@requests(10)
def test_nobody(case: Any, world: World) -> None:
    world.send(case, "")
