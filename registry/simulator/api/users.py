"""/users: accounts of people."""

import re
import sqlite3
from typing import Any

from .. import queries
from ..clock import stamp
from ..database import Row
from ..errors import bad_request, conflict, forbidden, not_found, precondition, unauthorized, unprocessable
from ..passwords import matches, scramble
from ..queries import Table
from ..wire import Answer, json_answer
from .call import Call

FIRST_ADMIN = 1
ILLEGAL = set(',"~#%$')
_EMAIL = re.compile(
    r"(([^<>()\[\]\\.,;:\s@\"]+(\.[^<>()\[\]\\.,;:\s@\"]+)*)|(\".+\"))"
    r"@((\[[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\])|(([a-zA-Z\-0-9]+\.)+[a-zA-Z]{2,}))"
)
TABLE = Table(
    "user",
    frozenset({"username", "email", "realname", "comment", "creation_time", "update_time"}),
    frozenset({"user_id", "sysadmin_flag"}),
    "user.username, user.user_id",
)


def create(call: Call) -> Answer:
    """POST /users."""
    harbor, body = call.harbor, call.request.json()
    name, email = body.text("username", longest=255), body.text("email", longest=255)
    realname, comment, password = body.text("realname"), body.text("comment"), body.text("password")
    if harbor.behaviour.auth_mode != "db_auth":
        raise forbidden(f"creating local user is not allowed under auth mode: {harbor.behaviour.auth_mode}")
    if harbor.behaviour.self_registration and not call.caller.may_system("user", "create"):
        raise forbidden("self-registration cannot be triggered via API")  # by the anonymous, too
    harbor.require_system(call.caller, "user", "create")
    check_secret(password)
    check_profile(email, realname, comment)
    _check_name("username", name)
    scrambled, salt = scramble(password)
    now = stamp()
    try:
        number = call.database.insert(
            "user", username=name, email=email, password=scrambled, salt=salt, realname=realname, comment=comment,
            creation_time=now, update_time=now,
        )  # fmt: skip
    except sqlite3.IntegrityError:
        raise conflict(f"user {name} or email {email} already exists") from None
    return Answer(201, headers={"Location": f"{call.request.path.rstrip('/')}/{number}"})


def listing(call: Call) -> Answer:
    """GET /users: the first administrator is not in it, unless asked for by name or number."""
    call.harbor.require_system(call.caller, "user", "list")
    where: list[queries.Condition] = [("NOT user.deleted", ())]
    for name in ("username", "email"):
        if value := call.request.one(name):
            where.append((f"instr(lower(user.{name}), lower(?)) > 0", (value,)))
    if not {"username", "user_id"} & {TABLE.column(key) for key in queries.parse(call.request.one("q"))}:
        where.append(("user.user_id != ?", (FIRST_ADMIN,)))
    page = queries.page(call.database, TABLE, call.request, where)
    return json_answer([show(row) for row in page.rows], headers=page.headers)


def search(call: Call) -> Answer:
    """GET /users/search: the shortest names first; the page has no effect."""
    if not call.caller.authenticated:
        raise unauthorized()
    if "username" not in call.request.query:
        raise unprocessable("username in query is required")
    name, size = call.request.one("username"), call.request.whole("page_size", 10, most=100)
    where = "FROM user WHERE instr(username, ?) > 0 AND NOT deleted"
    total = call.database.value(f"SELECT count(*) {where} AND user_id != ?", name, FIRST_ADMIN)
    rows = call.database.rows(f"SELECT * {where} ORDER BY length(username), username LIMIT ?", name, size)
    if not total:
        return json_answer([], headers={"X-Total-Count": "0"})
    found = [{"user_id": row["user_id"], "username": row["username"]} for row in rows]
    return json_answer(found, headers=queries.paging(call.request, total))


def current(call: Call) -> Answer:
    """GET /users/current: the probe of a client that wants to know whether its password is right."""
    if not call.caller.authenticated:
        raise unauthorized()
    if call.caller.kind != "local":
        raise precondition(f"get current user not available for security context: {call.caller.kind}")
    return json_answer(show(_living(call, call.caller.user_id)))


def read(call: Call) -> Answer:
    """GET /users/{id}."""
    number = call.number("user")
    if call.caller.user_id != number:
        call.harbor.require_system(call.caller, "user", "read")
    return json_answer(show(_living(call, number)))


def password(call: Call) -> Answer:
    """PUT /users/{id}/password: of somebody else without the old one."""
    number, body = call.number("user"), call.request.json()
    new, old = body.text("new_password"), body.text("old_password")
    _require_modifiable(call, number)
    found = call.database.row("SELECT * FROM user WHERE user_id = ? AND NOT deleted", number)
    if call.caller.user_id == number and not (found and matches(old, found["password"], found["salt"])):
        raise forbidden("Current password is incorrect")
    check_secret(new)
    if found is None:
        raise not_found(f"user with id {number} not found")
    if matches(new, found["password"], found["salt"]):
        raise bad_request("New password is identical to old password")
    scrambled, salt = scramble(new)
    call.database.run(
        "UPDATE user SET password = ?, salt = ?, update_time = ? WHERE user_id = ?", scrambled, salt, stamp(), number
    )
    return Answer()


def update(call: Call) -> Answer:
    """PUT /users/{id}: the profile."""
    number, body = call.number("user"), call.request.json()
    _require_modifiable(call, number)
    email, realname, comment = body.text("email", longest=255), body.text("realname"), body.text("comment")
    check_profile(email, realname, comment)
    _living(call, number)
    try:
        call.database.run(
            "UPDATE user SET email = ?, realname = ?, comment = ?, update_time = ? WHERE user_id = ?",
            email, realname, comment, stamp(), number,
        )  # fmt: skip
    except sqlite3.IntegrityError:
        raise conflict(f"email {email} already exists") from None
    return Answer()


def make_admin(call: Call) -> Answer:
    """PUT /users/{id}/sysadmin."""
    number, wanted = call.number("user"), call.request.json().flag("sysadmin_flag")
    call.harbor.require_system(call.caller, "user", "update")
    _living(call, number)
    call.database.run(
        "UPDATE user SET sysadmin_flag = ?, update_time = ? WHERE user_id = ?", bool(wanted), stamp(), number
    )
    return Answer()


def delete(call: Call) -> Answer:
    """DELETE /users/{id}: the row stays under another name, the projects stay too."""
    number = call.number("user")
    call.harbor.require_system(call.caller, "user", "delete")
    if number in (FIRST_ADMIN, call.caller.user_id):
        raise forbidden(f"User with ID {number} cannot be deleted")
    _living(call, number)
    call.database.run("DELETE FROM member WHERE user_id = ?", number)
    call.database.run(
        "UPDATE user SET deleted = 1, username = username || '#' || user_id, email = email || '#' || user_id,"
        " update_time = ? WHERE user_id = ?",
        stamp(),
        number,
    )
    return Answer()


def _living(call: Call, number: int) -> Row:
    found = call.database.row("SELECT * FROM user WHERE user_id = ? AND NOT deleted", number)
    if found is None:
        raise not_found(f"user with id {number} not found")
    return found


def _require_modifiable(call: Call, number: int) -> None:
    mode = call.harbor.behaviour.auth_mode
    if mode != "db_auth":
        if number != FIRST_ADMIN:
            raise forbidden(f"User with ID {number} can't be updated")
    elif call.caller.user_id == number:
        return
    call.harbor.require_system(call.caller, "user", "update")


def check_secret(text: str) -> None:
    """Raise a 400 unless it can be a password."""
    if not (8 <= len(text.encode()) <= 128 and all(re.search(part, text) for part in ("[a-z]", "[A-Z]", "[0-9]"))):
        raise bad_request(
            "the password or secret must be 8-128, inclusively, characters long with at least 1 uppercase letter, "
            "1 lowercase letter and 1 number"
        )


def check_profile(email: str, realname: str, comment: str) -> None:
    """Raise a 400 unless these can be a user's."""
    if not email:
        raise bad_request("email can't be empty")
    if not _EMAIL.fullmatch(email):
        raise bad_request("email with illegal format")
    _check_name("realname", realname)
    if len(comment.encode()) > 30:
        raise bad_request("comment with illegal length")


def _check_name(what: str, text: str) -> None:
    if not 1 <= len(text.encode()) <= 255:
        raise bad_request(f"{what} with illegal length")
    if ILLEGAL & set(text):
        raise bad_request(f"{what} contains illegal characters")


def show(row: Row) -> dict[str, Any]:
    """A user as the API tells of it: what is empty is left out, the flags never are."""
    found = {name: row[name] for name in ("email", "realname", "comment", "user_id", "username") if row[name]}
    flags = {"sysadmin_flag": bool(row["sysadmin_flag"]), "admin_role_in_auth": False}
    return found | flags | {"creation_time": row["creation_time"], "update_time": row["update_time"]}
