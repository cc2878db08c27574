"""Filters without regard to case, also outside ASCII, and with characters that SQL knows."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.django_db

NAMES = ["Ünïcodé", "МОСКВА", "Straße 100%", "a_b\\c", "line\nbreak", "李雷"]


@pytest.fixture
def named(make_business: Any) -> None:
    for name in NAMES:
        make_business(name)


@pytest.mark.parametrize(
    ("part", "found"),
    [
        ("ünÏ", ["Ünïcodé"]),
        ("ÜNÏCODÉ", ["Ünïcodé"]),
        ("москва", ["МОСКВА"]),
        ("сКв", ["МОСКВА"]),
        ("straße", ["Straße 100%"]),
        ("%", ["Straße 100%"]),
        ("0%", ["Straße 100%"]),
        ("_", ["a_b\\c"]),
        ("\\", ["a_b\\c"]),
        ("A_B\\C", ["a_b\\c"]),
        ("e\nb", ["line\nbreak"]),
        (".", []),
        (".*", []),
        ("[", []),
        ("雷", ["李雷"]),
        ("nothing", []),
    ],
)
def test_names_match_without_regard_to_case(api: Any, system: Any, named: None, part: str, found: list[str]) -> None:
    answer = api(system).get("/v1/business", name=part).json()
    assert [row["name"] for row in answer["data"]] == found
    assert answer["total"] == len(found)


def test_audits_are_found_by_the_business(api: Any, make_business: Any, make_user: Any) -> None:
    from deployments.models import Deployment, Operation

    business = make_business("Größe")
    user = make_user(4)
    deployment = Deployment.objects.create(business=business, name="web", app_name="web", selector="all")
    Operation.objects.create(deployment=deployment, kind=1, version="1.0.1", submitted_by=user)
    assert api(user).get("/v1/admin/deploy", businessName="GRÖ").json()["total"] == 1
    assert api(user).get("/v1/admin/deploy", businessName=" GRÖ").json()["total"] == 0
