"""User Management 1 to 11."""

from __future__ import annotations

from tests.contract.seed.table import SUCCESS, Change, Param, Row, no, yes
from tests.contract.seed.world import World

CHAPTER = "User Management"
STATUSES = (0, 1, 2, 3)
PASSWORD_RULE = "a new password has 8 to 20 characters with an upper-case letter, a lower-case letter and a digit"


def u1(world: World) -> None:
    user = world.make_user(1, username="u1")
    user.set_password("xxx")
    user.save()


def logged_in(world: World) -> None:
    world.caller = world.member


def nobody(world: World) -> None:
    world.caller = None


def with_old_password(world: World) -> None:
    world.caller = world.make_user(1)
    world.caller.set_password("xxx0")
    world.caller.save()


def a_colleague(world: World) -> None:
    world.caller = world.admin
    world.ids |= {"userid": world.member.pk, "userId": world.member.pk}


def an_applicant(world: World) -> None:
    world.caller = world.system
    world.ids["userId"] = world.make_user(0).pk


def administrator(world: World) -> None:
    world.caller = world.admin


def two_users(world: World) -> None:
    business = world.make_business()
    world.caller = world.make_user(3, business, "user1", real_name="user1", phone="18923441163")
    world.make_user(2, business, "user2", real_name="user2", phone="18923441123", status=3)


def twelve_users(world: World) -> None:
    world.caller = world.admin
    for number in range(12):
        world.make_user(2, world.acme, f"u{50 - number}")


def ote_test1(world: World) -> None:
    world.settings.OTE_PRIVATE_PROJECT = True
    world.settings.OTE_ENABLE_ALERT = True
    world.caller = world.make_user(4, world.system.business, "ote_test1")


NEW_USER = (
    Param("user", "string", yes),
    Param("password", "string", yes),
    Param("phone", "string", yes),
    Param("isAdmin", "bool", yes),
    Param("realName", "string", yes),
)
U1 = {"user": "u1", "password": "xxX@1234", "phone": "12345678910", "realName": "hello", "isAdmin": True}

ROWS = (
    Row(
        CHAPTER, 1, "Login", "POST /v1/authorization", u1,
        parameters=(
            Param("user", "string", yes),
            Param("password", "string", yes),
        ),
        example="POST /v1/authorization",
        body={"user": "u1", "password": "xxx"},
        answer={"token": "eyxxxxxxxxxxxxxx", "code": 200, "message": "success"},
    ),
    Row(
        CHAPTER, 2, "Update Token", "PUT /v1/authorization", logged_in,
        parameters=(Param("Authorization", "string", yes, where="header"),),
        example="PUT /v1/authorization",
        answer={"token": "eyyxxxxxxxxxxxx2", "code": 200, "message": "success"},
    ),
    Row(
        CHAPTER, 3, "Create User", "POST /v1/user", nobody,
        parameters=NEW_USER,
        example="POST /v1/user",
        body=U1,
        answer=SUCCESS,
    ),
    Row(
        CHAPTER, 4, "Update Password", "PUT /v1/user", with_old_password,
        parameters=(
            Param("oldPassword", "string", yes),
            Param("password", "string", yes),
        ),
        example="PUT /v1/user",
        body={"oldPassword": "xxx0", "password": "xxx"},
        changes=(Change("password", "xxX@1234", PASSWORD_RULE),),
        answer=SUCCESS,
    ),
    Row(
        CHAPTER, 5, "Delete User", "DELETE /v1/admin/user/[userid]", a_colleague,
        parameters=(Param("userid", "uint64", yes),),
        example="DELETE /v1/admin/user/1",
        answer=SUCCESS,
    ),
    Row(
        CHAPTER, 6, "Reset Password", "PUT /v1/admin/user/[userId]/password", a_colleague,
        parameters=(
            Param("userId", "uint64", yes),
            Param("password", "string", yes),
        ),
        example="PUT /v1/admin/user/1/password",
        body={"password": "xxx"},
        changes=(Change("password", "xxX@1234", PASSWORD_RULE),),
        answer=SUCCESS,
    ),
    Row(
        CHAPTER, 7, "Get User List", "GET /v1/admin/user", two_users,
        parameters=(
            Param("orderBy", "string", no, "id", other="user_name", one_of=("id", "user_name")),
            Param("order", "string", no, "asc", other="desc", one_of=("asc", "desc")),
            Param("page", "int", no, 1, other=2),
            Param("pageSize", "int", no, 10, other=11),
        ),
        crowd=twelve_users,
        example="GET /v1/admin/user",
        answer={
            "data": [
                {
                    "id": 1, "user": "user1", "status": 3, "realName": "user1", "phone": "18923441163",
                    "createTime": 1551758321, "updateTime": 1551758321,
                },
                {
                    "id": 2, "user": "user2", "status": 3, "realName": "user2", "phone": "18923441123",
                    "createTime": 1551758321, "updateTime": 1551758321,
                },
            ],
            "total": 2,
            "code": 200,
            "message": "Success",
        },
        answer_changes=(Change("data.0.status", 1, "who asks is in the own list, and a forbidden user cannot ask"),),
        fields={
            "data.*": {
                "id": "int", "user": "string", "status": "int", "realName": "string", "phone": "string",
                "createTime": "int", "updateTime": "int",
            },
            "": {"total": "int"},
        },
    ),
    Row(
        CHAPTER, 8, "Audit User", "PUT /v1/admin/user/[userId]", an_applicant,
        parameters=(
            Param("userId", "uint64", yes),
            Param("status", "int", yes, one_of=STATUSES),
        ),
        example="PUT /v1/admin/user/1",
        body={"status": 0},
        answer=SUCCESS,
    ),
    Row(
        CHAPTER, 9, "Logout", "DELETE /v1/authorization", logged_in,
        example="DELETE /v1/authorizations",
        answer={"code": 200, "message": "Success"},
    ),
    Row(
        CHAPTER, 10, "Get Authorization Information", "GET /v1/authorization", ote_test1,
        example="GET /v1/authorization",
        answer={
            "data": {
                "displayName": "ote_test1",
                "hasRepoAccount": True,
                "role": 4,
                "privateProject": True,
                "enableIngress": False,
                "enableAlert": True,
                "enableAdminAutoDeploy": True,
            },
            "code": 200,
            "message": "Success",
        },
        answer_changes=(Change("data.hasRepoAccount", False, "true once the business has its registry account"),),
        fields={
            "data": {
                "displayName": "string", "hasRepoAccount": "bool", "role": "int", "privateProject": "bool",
                "enableIngress": "bool", "enableAlert": "bool", "enableAdminAutoDeploy": "bool",
            }
        },
    ),
    Row(
        CHAPTER, 11, "Create Sub-User", "POST /v1/admin/user", administrator,
        parameters=NEW_USER,
        body=U1,  # the seed has no example here; this is Create User's
        answer=SUCCESS,
    ),
)  # fmt: skip
