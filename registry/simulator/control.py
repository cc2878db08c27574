"""/control: changes the stand-in while it runs.

GET /control
PUT /control  {"latency": 0.1, "away": "hang" | "refuse" | "unavailable" | "",
               "behaviour": {"read_only": true, "login_delay": 0, …},
               "fail": [{"count", "method", "path", "delay", "status", "lost", "html"}], "heal": true,
               "immutable": [{"project": "acme", "repository": "**", "tag": "v*"}], "mutable": true,
               "reset_calls": true}
"""

import hmac
import json
from typing import Any

from .errors import ApiError, bad_request, unauthorized
from .faults import Fault
from .server import HarborServer
from .wire import Answer, Request, error_answer, json_answer

MODES = ("", "hang", "refuse", "unavailable")


class ControlEndpoint:
    """Guarded by a token of its own: `Authorization: Bearer <control token>`."""

    def __init__(self, server: HarborServer, token: str) -> None:
        self._server, self._token = server, token

    def __call__(self, request: Request) -> Answer:
        """Answer a request."""
        try:
            given = request.headers.get("Authorization", "").encode()
            if not hmac.compare_digest(given, f"Bearer {self._token}".encode()):
                raise unauthorized()
            if request.method == "PUT":
                try:
                    self.change(json.loads(request.body.read(1024 * 1024)))
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    raise bad_request(f"cannot change that: {error}") from None
            return json_answer(self.state())
        except ApiError as error:
            return error_answer(error)

    def change(self, wanted: dict[str, Any]) -> None:
        """Do what is asked. Raises ValueError, KeyError or TypeError."""
        server, database = self._server, self._server.harbor.database
        if "latency" in wanted:
            server.latency = float(wanted["latency"])
        if "behaviour" in wanted:
            server.harbor.behaviour.change(wanted["behaviour"])
        if wanted.get("heal"):
            server.faults.clear()
        for fault in wanted.get("fail") or ():
            server.faults.add(Fault(**fault))
        if wanted.get("mutable"):
            database.run("DELETE FROM immutable")
        for rule in wanted.get("immutable") or ():
            values = (rule["project"], rule.get("repository", "**"), rule.get("tag", "**"))
            database.run("INSERT OR IGNORE INTO immutable VALUES (?, ?, ?)", *values)
        if wanted.get("reset_calls"):
            server.calls.clear()
        if "away" in wanted:
            if wanted["away"] not in MODES:
                raise ValueError(f"away is one of {MODES}")
            server.away = wanted["away"]

    def state(self) -> dict[str, Any]:
        """How it is set, and how many calls came."""
        server = self._server
        rules = server.harbor.database.rows("SELECT * FROM immutable")
        return {
            "latency": server.latency,
            "away": server.away,
            "behaviour": server.harbor.behaviour.as_dict(),
            "faults": len(server.faults),
            "immutable": [dict(rule) for rule in rules],
            "calls": len(server.calls),
        }
