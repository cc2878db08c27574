"""Each line of the seed's parameter tables: what is required, what is assumed where it is left out, which type."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from tests.contract.seed.rows import ROWS
from tests.contract.seed.table import Param, Row
from tests.contract.seed.world import World
from tests.contract.test_roles import snapshot

# The contract lets these be empty; they are looked at all the same where they name something.
MAY_BE_EMPTY = {"comment", "cluster", "nodeLabel", "command"}

TEXT = [1, 1.5, True, [], {}, ["x"], "a\0b", "a\ud800"]
WHOLE = ["", "1", 1.5, True, [], {}, [1], -1, 2**64]
LIST = ["", "x", 1, True, {}]
WRONG_IN_BODY: dict[str, list[Any]] = {
    "string": TEXT,
    "bool": ["", "yes", "true", 1, 0, [], {}],
    "int": WHOLE,
    "int8": WHOLE,
    "uint32": [*WHOLE, 2**32],
    "array": [*LIST, [1], ["x"], [None], [[]], [{}]],
    "[]string": [*LIST, [1], [True], [None], [[]], [""]],
    "[]int": [*LIST, ["1"], [1.5], [True], [None], [[]]],
    "[]int64": [*LIST, ["1"], [1.5], [True], [None], [[]], [0], [2**63]],
}
# All that a form has is text and files.
WRONG_IN_FORM: dict[str, list[Any]] = {
    "string": [b"a file", "a\0b"],
    "file": ["no file", b""],
}
WRONG_IN_QUERY = {
    "string": ["a\0b"],
    "int": ["", "x", "1.5", "-1", "true", " 1", str(2**31)],
    "bool": ["", "x", "1", "True", " true"],
}


def lines(*places: str, required: bool | None = None) -> list[Any]:
    """Return (row, param) for the parameters that stand there."""
    return [
        pytest.param(row, param, id=f"{row}: {param.name}")
        for row in ROWS
        for param in row.of(*places)
        if required in {None, param.required}
    ]


def names_it(row: Row, response: Any, name: str) -> bool:
    """Is it a parameter error of this parameter, or of what it holds?"""
    answer = response.json()
    return (
        response.status_code == answer["code"] == row.refused
        and {key.partition(".")[0] for key in answer["errors"]} == {name}
        and answer["message"].startswith(name)
    )


@pytest.mark.parametrize(("row", "param"), lines("body", "query", required=True))
def test_a_required_one_is_missed(row: Row, param: Param, world: World) -> None:
    row.scene(world)
    before = snapshot()
    sent = row.sent(world)
    del sent[param.name]
    variants = [sent] if row.where(param) == "query" or row.form else [sent, sent | {param.name: None}]
    if param.type == "string" and param.name not in MAY_BE_EMPTY:
        variants.append(sent | {param.name: ""})
    for variant in variants:
        response = row.send(world, variant)
        assert names_it(row, response, param.name), response.json()
    assert snapshot() == before


@pytest.mark.parametrize(("row", "param"), lines("header"))
def test_the_header_is_required(row: Row, param: Param, world: World) -> None:
    assert param.required
    row.scene(world)
    world.caller = None
    assert row.send(world, row.sent(world)).json()["code"] == 401


@pytest.mark.parametrize(("row", "param"), lines("path"))
def test_an_unknown_one_in_the_path_is_not_found(row: Row, param: Param, world: World) -> None:
    row.scene(world)
    before = snapshot()
    for value in ("0", "-1", "1.5", "x", "%00", "9" * 30):
        world.ids[param.name] = value
        response = row.send(world, row.sent(world))
        assert response.status_code == response.json()["code"] == 404, response.json()
    assert snapshot() == before


@pytest.mark.parametrize(("row", "param"), lines("body", "query", required=False))
def test_the_default_of_an_optional_one(row: Row, param: Param, world: World) -> None:
    (row.crowd or row.scene)(world)
    base = {} if row.where(param) == "query" else row.sent(world)
    base = {name: value for name, value in (base | dict(param.beside)).items() if value is not None}
    base.pop(param.name, None)

    def seen(**given: Any) -> Any:
        """Return the effect, and undo it."""
        with transaction.atomic():
            response = row.send(world, base | given)
            effect = param.seen(world, response) if param.seen else response.json()
            transaction.set_rollback(True)
        return effect

    omitted = seen()
    if param.seen is None:
        assert omitted["code"] == 200, omitted
    if param.default is not None:
        assert omitted == seen(**{param.name: param.default})
    if param.other is not None:
        assert omitted != seen(**{param.name: param.other})
    if row.where(param) == "body":
        assert omitted == seen(**{param.name: None})


@pytest.mark.parametrize(("row", "param"), lines("body"))
def test_a_wrong_type_in_the_body(row: Row, param: Param, world: World) -> None:
    row.scene(world)
    before = snapshot()
    wrong = (WRONG_IN_FORM if row.form else WRONG_IN_BODY)[param.type] + (["sideways", 99] if param.one_of else [])
    taken = []
    for value in wrong:
        response = row.send(world, row.sent(world) | {param.name: value})
        if not names_it(row, response, param.name):
            taken.append((value, response.json()))
    assert taken == []
    assert snapshot() == before


@pytest.mark.parametrize(("row", "param"), lines("query"))
def test_a_wrong_value_in_the_query(row: Row, param: Param, world: World) -> None:
    row.scene(world)
    wrong = WRONG_IN_QUERY[param.type] + (["sideways", "ALL"] if param.one_of else [])
    wrong += ["0"] if param.name == "page" else []
    taken = []
    for value in wrong:
        response = row.send(world, row.sent(world) | {param.name: value})
        if not names_it(row, response, param.name):
            taken.append((value, response.json()))
    assert taken == []
