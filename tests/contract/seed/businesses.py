"""Business Management 1 to 4."""

from __future__ import annotations

from tests.contract.seed.table import Change, Param, Row, no, yes
from tests.contract.seed.world import World

CHAPTER = "Business Management"


def applicant(world: World) -> None:
    world.caller = world.make_user(1)


def application(world: World) -> None:
    """A waiting one, seen by its applicant: nobody else's is in the list."""
    applicant(world)
    made = world.make_business(
        "name", introduce="introduce", objective="objective", scale="1400000000", comment="comment", status=0,
        applicant=world.caller,
    )  # fmt: skip
    world.ids["id"] = made.pk


def to_be_audited(world: World) -> None:
    application(world)
    world.caller = world.system


def twelve_businesses(world: World) -> None:
    world.caller = world.system
    for number in range(12):
        world.make_business(f"Sales {number}")


ROWS = (
    Row(
        CHAPTER, 1, "Create Business", "POST /v1/business", applicant,
        parameters=(
            Param("name", "string", yes),
            Param("introduce", "string", yes),
            Param("objective", "string", yes),
            Param("scale", "string", yes),
        ),
        example="POST /v1/business",
        body={"name": "name", "introduce": "intrduce", "objective": "objective", "scale": "scale"},
    ),
    Row(
        CHAPTER, 2, "Get Business List", "GET /v1/business", application,
        parameters=(
            Param("page", "int", no, 1, other=2),
            Param("pageSize", "int", no, 10, other=11),
            Param("orderBy", "string", no, "id", one_of=("id",)),
            Param("order", "string", no, "asc", other="desc", one_of=("asc", "desc")),
            Param("name", "string", no, other="sales 11"),
        ),
        crowd=twelve_businesses,
        example="GET /v1/business",
        answer={
            "data": [
                {
                    "name": "name",
                    "userId": 123,
                    "comment": "comment",
                    "id": 1,
                    "status": 0,
                    "createTime": 1590062196,
                    "updateTime": 1590062196,
                }
            ],
            "total": 1,
            "code": 200,
            "message": "Success",
        },
        fields={"data.*": {"name": "string", "userId": "int", "comment": "string", "status": "int8"}},
    ),
    Row(
        CHAPTER, 3, "Get Business", "GET /v1/business/id/[id]", application,
        parameters=(Param("id", "int", yes),),  # the seed's table here is that of the response: see fields
        example="GET /v1/business/id/1",
        answer={
            "data": {
                "name": "name",
                "userId": 123,
                "introduce": "introduce",
                "objective": "",
                "scale": "1400000000",
                "comment": "comment",
                "id": 1,
                "status": 0,
                "createTime": 1590062196,
                "updateTime": 1590062196,
            },
            "code": 200,
            "message": "Success",
        },
        answer_changes=(Change("data.objective", "objective", "a required string is not empty"),),
        fields={
            "data": {
                "name": "string", "userId": "int", "introduce": "string", "objective": "string", "scale": "string",
            }
        },
    ),
    Row(
        CHAPTER, 4, "Audit Business", "PUT /v1/business/id/[id]", to_be_audited,
        parameters=(
            Param("id", "string", yes),
            Param("comment", "string", yes),
            Param("status", "int8", yes, one_of=(1, 2)),
        ),
        example="PUT /v1/business/id/1",
        body={"comment": "pass", "status": 1},
    ),
)  # fmt: skip
