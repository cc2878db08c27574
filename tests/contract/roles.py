"""The contract's table "Who may call what", line by line, and for each endpoint a call on acme's objects.

The words of a line are for the roles 0 to 4:
any: no token is needed · yes · own: of the own business · all: of all businesses · flag: if isAdmin · -: 403.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from tests.apps.bodies import small
from tests.conftest import PASSWORD


@dataclass(frozen=True)
class Row:
    """A line of the table. Where the body or `at` is the name of one of the world's objects, its id is sent.

    at: what stands in the path. code: what an allowed call gets. foreign: what a caller gets who may call it, but
    belongs to another business than the object. trace: it leaves something in the database.
    """

    endpoint: str
    words: tuple[str, ...]
    at: str = ""
    body: dict[str, Any] | None = None
    query: dict[str, str] = field(default_factory=dict)
    code: int = 200
    foreign: int = 200
    trace: bool = True

    @property
    def changes(self) -> bool:
        return self.trace and self.method != "GET"

    @property
    def method(self) -> str:
        return self.endpoint.split(" ")[0]

    @property
    def chapter(self) -> str:
        parts = self.endpoint.split("/")
        return parts[3] if parts[2] == "admin" else parts[2]

    @property
    def open(self) -> bool:
        return self.words[0] == "any"


@dataclass(frozen=True)
class Id:
    """The id of one of the world's objects."""

    of: str


def row(endpoint: str, words: str, **call: Any) -> Row:
    return Row(endpoint, tuple(words.split()), **call)


def alias(spelling: str, of: str) -> Row:
    """The same line under another path."""
    known = next(known for known in _LINES if known.endpoint == of)
    return replace(known, endpoint=spelling)


LOGIN = {"user": "acme-victim", "password": PASSWORD}
USER = {"user": "newcomer", "password": PASSWORD, "phone": "12345678910", "realName": "New", "isAdmin": False}
APPLICATION = {"name": "new", "introduce": "i", "objective": "o", "scale": "s"}
LABEL = {"clusterName": ["east"], "clusterLabel": "north"}
NODE_LABEL = {"clusterName": "east", "nodeName": ["east-0"], "nodeLabel": "gpu"}
DEPLOY = {
    "deployName": "new", "appName": "acme-web", "version": "1.0", "cluster": "", "nodeLabel": "", "comment": "",
}  # fmt: skip
REPOSITORY = {"repositoryId": "new", "address": "r.example.com", "user": "u", "password": "p"}
DECISION = {"id": Id("change"), "status": 1, "comment": ""}

_LINES = [
    row("POST /v1/authorization", "any any any any any", body=LOGIN, trace=False),
    row("POST /v1/user", "any any any any any", body=USER),
    row("PUT /v1/authorization", "yes yes yes yes yes", trace=False),
    row("DELETE /v1/authorization", "yes yes yes yes yes"),
    row("GET /v1/authorization", "yes yes yes yes yes"),
    row("PUT /v1/user", "yes yes yes yes yes", body={"oldPassword": PASSWORD, "password": "Newpass01"}),
    row("GET /v1/admin/user", "- - - own all"),
    row("POST /v1/admin/user", "- - - own all", body=USER),
    row("DELETE /v1/admin/user/[id]", "- - - own all", at="victim", foreign=404),
    row(
        "PUT /v1/admin/user/[id]/password",
        "- - - own all",
        at="victim",
        body={"password": "Newpass01"},
        foreign=404,
    ),
    row("PUT /v1/admin/user/[id]", "- - - - yes", at="victim", body={"status": 3}),
    row("POST /v1/business", "- flag - - -", body=APPLICATION),
    row("GET /v1/business", "- own own own all"),
    row("GET /v1/business/id/[id]", "- own own own all", at="business", foreign=404),
    row("PUT /v1/business/id/[id]", "- - - - yes", at="application", body={"status": 1, "comment": ""}),
    row("GET /v1/cluster", "- - yes yes yes"),
    row("GET /v1/cluster/label", "- - yes yes yes"),
    row("GET /v1/cluster/label/[name]", "- - yes yes yes", at="cluster"),
    row("GET /v1/node", "- - yes yes yes"),
    row("GET /v1/node/label", "- - yes yes yes"),
    row("POST /v1/cluster/label", "- - - - yes", body=LABEL | {"clusterLabel": "south"}),
    row("DELETE /v1/cluster/label", "- - - - yes", body=LABEL),
    row("POST /v1/node/label", "- - - - yes", body=NODE_LABEL | {"nodeLabel": "cpu"}),
    row("DELETE /v1/node/label", "- - - - yes", body=NODE_LABEL),
    row("POST /v1/app", "- - own own all", body=small(appName="new")),
    row("GET /v1/app", "- - own own all"),
    row("DELETE /v1/app", "- - own own all", body={"appId": [Id("idle")]}, foreign=422),
    row("GET /v1/app/id/[id]", "- - own own all", at="idle", foreign=404),
    row("POST /v1/deploy", "- - own own all", body=DEPLOY, foreign=422),
    row("GET /v1/deploy", "- - own own all"),
    row("DELETE /v1/deploy/[name]", "- - own own all", at="name", foreign=404),
    row("GET /v1/deploy/id/[id]", "- - own own all", at="deployment", foreign=404),
    row("POST /v1/deploy/id/[id]", "- - own own all", at="deployment", body={"version": "1.0.3"}, foreign=404),
    row(
        "PUT /v1/deploy/id/[id]",
        "- - own own all",
        at="deployment",
        body={"version": "1.0.1", "comment": ""},
        foreign=404,
    ),
    row("DELETE /v1/deploy/id/[id]", "- - own own all", at="deployment", foreign=404),
    row("GET /v1/deploy/id/[id]/clusters", "- - own own all", at="deployment", foreign=404),
    row("GET /v1/deploy/id/[id]/events", "- - own own all", at="deployment", foreign=404),
    row("GET /v1/admin/deploy", "- - - own all"),
    row("PUT /v1/admin/deploy", "- - - own all", body=DECISION, foreign=404),
    # Without a Harbor these are 503, once permission and parameters have been looked at.
    row("GET /v1/repository/image", "- - own own all", query={"projectName": "p"}, code=503, foreign=503),
    row("GET /v1/repository/image/tag", "- - own own all", query={"imageName": "p/i"}, code=503, foreign=503),
    row("DELETE /v1/repository/image", "- - yes yes yes", body={"imageName": ["p/i"]}, code=503),
    row("DELETE /v1/repository/image/tag", "- - yes yes yes", body={"imageName": "p/i", "tag": ["1"]}, code=503),
    row("POST /v1/repository/user", "- - - yes yes", body={"user": "harbor", "password": PASSWORD}, code=503),
    row("PUT /v1/repository/user", "- - - yes yes", body={"password": PASSWORD}, code=503),
    row("GET /v1/repository/project", "- - own own all", code=503, foreign=503),
    row("POST /v1/repository/project", "- - yes yes yes", body={"projectName": "p", "public": True}, code=503),
    row("DELETE /v1/repository/project", "- - - yes yes", body={"projectId": [1]}, code=503),
    row("POST /v1/repository/third", "- - yes yes yes", body=REPOSITORY),
    row("DELETE /v1/repository/third", "- - own own all", body={"repositoryId": ["acme-repo"]}, foreign=404),
    row("GET /v1/repository/third", "- - own own all"),
    row("GET /v1/repository/third/[name]", "- - own own all", at="repository", foreign=404),
    row("POST /v1/app/chart", "- - own own all", body={}, code=415, foreign=415),  # JSON: it takes a form
]

TABLE: dict[str, Row] = {
    line.endpoint: line
    for line in [
        *_LINES,
        alias("DELETE /v1/authorizations", of="DELETE /v1/authorization"),
        alias("POST /v1/deploy/install", of="POST /v1/deploy"),
        alias("POST /v1/admin/deploy", of="PUT /v1/admin/deploy"),
        alias("POST /v1/repository", of="POST /v1/repository/third"),
        alias("DELETE /v1/repository", of="DELETE /v1/repository/third"),
    ]
}
