"""Each endpoint of the seed: its example request gets its example response."""

from __future__ import annotations

import re
from itertools import groupby

import pytest

from accounts.policy import ALIASES, POLICY
from tests.contract.document import answer_faults
from tests.contract.seed.answers import differences
from tests.contract.seed.rows import ROWS
from tests.contract.seed.table import Row
from tests.contract.seed.world import World

CHAPTERS = {
    "User Management": 11,
    "Business Management": 4,
    "Cluster Management": 5,
    "Node Management": 4,
    "Repository Management": 13,
    "Application Management": 5,
    "Deployment Management": 9,
}
# What the contract adds to the seed.
OURS = {"GET /v1/deploy/id/[id]/clusters", "GET /v1/deploy/id/[id]/events"}

SPELLINGS = [
    pytest.param(row, spelling, slash, id=f"{row}: {spelling}{slash}")
    for row in ROWS
    for spelling in row.spellings()
    for slash in ("", "/")
]


@pytest.mark.parametrize(("row", "spelling", "slash"), SPELLINGS)
def test_the_example_request_gets_the_example_response(row: Row, spelling: str, slash: str, world: World) -> None:
    row.scene(world)
    before = world.state()
    response = row.send(world, row.sent(world), spelling, slash)
    assert response.status_code == row.status, response.json()
    assert response.headers["Content-Type"] == "application/json"
    assert differences(row, world, response.json()) == []
    assert answer_faults(spelling.split(" ")[0], response.request["PATH_INFO"], row.status, response.json()) == []
    # A token is not stored; every other change shows in the database or in the registry.
    assert (world.state() != before) == (not spelling.startswith("GET ") and "token" not in row.answer)


def test_every_endpoint_of_the_seed_has_its_row_in_order() -> None:
    numbers = {chapter: [row.number for row in rows] for chapter, rows in groupby(ROWS, lambda row: row.chapter)}
    assert list(numbers) == list(CHAPTERS)
    assert numbers == {chapter: list(range(1, count + 1)) for chapter, count in CHAPTERS.items()}


def test_every_endpoint_and_other_spelling_that_there_is_has_its_row() -> None:
    rows = {re.sub(r"\{\w+\}", "[]", spelling) for row in ROWS for spelling in row.spellings()}
    known = {re.sub(r"\[\w+\]", "[]", endpoint) for endpoint in {*POLICY, *ALIASES} - OURS}
    assert known == rows
