"""Who may call what: the contract's table as data. Read by the permission class, the back-office and the tests."""

from dataclasses import dataclass

ANYONE = frozenset[int]()
EVERY_ROLE = frozenset({0, 1, 2, 3, 4})
APPROVED = frozenset({1, 2, 3, 4})
MEMBERS = frozenset({2, 3, 4})
ADMINS = frozenset({3, 4})
SYSTEM = frozenset({4})


@dataclass(frozen=True)
class Rule:
    """roles: who may call; empty: no token is needed. admin_flag: only users registered as administrators."""

    roles: frozenset[int]
    admin_flag: bool = False


POLICY: dict[str, Rule] = {
    "POST /v1/authorization": Rule(ANYONE),
    "PUT /v1/authorization": Rule(EVERY_ROLE),
    "DELETE /v1/authorization": Rule(EVERY_ROLE),
    "GET /v1/authorization": Rule(EVERY_ROLE),
    "POST /v1/user": Rule(ANYONE),
    "PUT /v1/user": Rule(EVERY_ROLE),
    "GET /v1/admin/user": Rule(ADMINS),
    "POST /v1/admin/user": Rule(ADMINS),
    "DELETE /v1/admin/user/[id]": Rule(ADMINS),
    "PUT /v1/admin/user/[id]": Rule(SYSTEM),
    "PUT /v1/admin/user/[id]/password": Rule(ADMINS),
    "POST /v1/business": Rule(frozenset({1}), admin_flag=True),
    "GET /v1/business": Rule(APPROVED),
    "GET /v1/business/id/[id]": Rule(APPROVED),
    "PUT /v1/business/id/[id]": Rule(SYSTEM),
    "GET /v1/cluster": Rule(MEMBERS),
    "GET /v1/cluster/label": Rule(MEMBERS),
    "GET /v1/cluster/label/[name]": Rule(MEMBERS),
    "POST /v1/cluster/label": Rule(SYSTEM),
    "DELETE /v1/cluster/label": Rule(SYSTEM),
    "GET /v1/node": Rule(MEMBERS),
    "GET /v1/node/label": Rule(MEMBERS),
    "POST /v1/node/label": Rule(SYSTEM),
    "DELETE /v1/node/label": Rule(SYSTEM),
    "GET /v1/repository/image": Rule(MEMBERS),
    "GET /v1/repository/image/tag": Rule(MEMBERS),
    "DELETE /v1/repository/image": Rule(MEMBERS),
    "DELETE /v1/repository/image/tag": Rule(MEMBERS),
    "POST /v1/repository/user": Rule(ADMINS),
    "PUT /v1/repository/user": Rule(ADMINS),
    "GET /v1/repository/project": Rule(MEMBERS),
    "POST /v1/repository/project": Rule(MEMBERS),
    "DELETE /v1/repository/project": Rule(ADMINS),
    "POST /v1/repository/third": Rule(MEMBERS),
    "DELETE /v1/repository/third": Rule(MEMBERS),
    "GET /v1/repository/third": Rule(MEMBERS),
    "GET /v1/repository/third/[name]": Rule(MEMBERS),
    "POST /v1/app": Rule(MEMBERS),
    "GET /v1/app": Rule(MEMBERS),
    "DELETE /v1/app": Rule(MEMBERS),
    "GET /v1/app/id/[id]": Rule(MEMBERS),
    "POST /v1/app/chart": Rule(MEMBERS),
    "POST /v1/deploy": Rule(MEMBERS),
    "GET /v1/deploy": Rule(MEMBERS),
    "DELETE /v1/deploy/[name]": Rule(MEMBERS),
    "GET /v1/deploy/id/[id]": Rule(MEMBERS),
    "POST /v1/deploy/id/[id]": Rule(MEMBERS),
    "PUT /v1/deploy/id/[id]": Rule(MEMBERS),
    "DELETE /v1/deploy/id/[id]": Rule(MEMBERS),
    "GET /v1/deploy/id/[id]/clusters": Rule(MEMBERS),
    "GET /v1/deploy/id/[id]/events": Rule(MEMBERS),
    "GET /v1/admin/deploy": Rule(ADMINS),
    "PUT /v1/admin/deploy": Rule(ADMINS),
    "POST /v1/admin/deploy": Rule(ADMINS),
}

# Other spellings of the seed, and the path that the table knows them by.
ALIASES: dict[str, str] = {
    "DELETE /v1/authorizations": "DELETE /v1/authorization",
    "POST /v1/deploy/install": "POST /v1/deploy",
    "POST /v1/repository": "POST /v1/repository/third",
    "DELETE /v1/repository": "DELETE /v1/repository/third",
}
