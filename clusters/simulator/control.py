"""The control endpoint: look at the simulator and change it while it runs.

GET /control  -> clusters with their state, latency
PUT /control  {"latency": 0.02, "away": {"beijing": "hang" | "refuse" | false},
               "fail": [{"cluster", "status", "count", "method", "kind", "name"}],
               "nodes": [{"cluster", "node", "ready"}],
               "autoscale": [{"cluster", "namespace", "name", "replicas"}],
               "add": {"chengdu": 4}, "rebuild": ["beijing"]}
GET /control/changes?label=KEY -> the objects that carry this label, and what becomes of them (diary.py)
"""

import hmac
from collections.abc import AsyncGenerator
from typing import Any

import orjson
from aiohttp import web

from .api.answers import Answer, error_answer, json_answer
from .api.status import ApiError, bad_request, method_not_allowed, unauthorized
from .cluster import Away
from .faults import Fault
from .fleet import Fleet
from .server import EdgeServer


class ControlEndpoint:
    """Guarded by the control token in the state directory."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self.server: EdgeServer | None = None

    def __call__(self, request: web.BaseRequest, body: bytes) -> Answer:
        """Answer a request."""
        try:
            return self._answer(request, body)
        except ApiError as error:
            return error_answer(error)

    def changes(self, request: web.BaseRequest) -> AsyncGenerator[bytes, None]:
        """Return the lines of the diary. Raises ApiError without the token."""
        self._check(request)
        return self._fleet.diary.lines(request.query.get("label", ""))

    def _check(self, request: web.BaseRequest) -> None:
        wanted = f"Bearer {self._fleet.identity.control_token}"
        if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), wanted.encode()):
            raise unauthorized()

    def _answer(self, request: web.BaseRequest, body: bytes) -> Answer:
        self._check(request)
        if request.method == "PUT":
            try:
                self._change(orjson.loads(body))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise bad_request(f"cannot change that: {error!r}") from None
        elif request.method != "GET":
            raise method_not_allowed()
        return json_answer(self._state())

    def _change(self, wanted: dict[str, Any]) -> None:
        fleet = self._fleet
        if "latency" in wanted and self.server:
            self.server.latency = float(wanted["latency"])
        for name, nodes in (wanted.get("add") or {}).items():
            fleet.add(name, int(nodes))
        for name in wanted.get("rebuild") or ():
            fleet.rebuild(name)
        for name, away in (wanted.get("away") or {}).items():
            fleet.set_away(name, away_mode(away))
        for fault in wanted.get("fail") or ():
            fleet.fail(fault["cluster"], Fault(**{key: value for key, value in fault.items() if key != "cluster"}))
        for node in wanted.get("nodes") or ():
            fleet.set_node_ready(node["cluster"], node["node"], bool(node["ready"]))
        for one in wanted.get("autoscale") or ():
            fleet.autoscale(one["cluster"], one["namespace"], one["name"], int(one["replicas"]))

    def _state(self) -> dict[str, Any]:
        return {
            "latency": self.server.latency if self.server else 0.0,
            "clusters": {
                name: {
                    "nodes": cluster.origin.nodes,
                    "away": cluster.away,
                    "uid": cluster.origin.uid,
                    "faults": sum(fault.count for fault in cluster.faults),
                    "requests": sum(cluster.requests.values()),
                    "writes": sum(count for (method, _), count in cluster.requests.items() if method != "GET"),
                }
                for name, cluster in self._fleet.clusters.items()
            },
        }


def away_mode(value: object) -> Away:
    """True means hang: what a cluster behind a dead line does."""
    mode = value if isinstance(value, str) else "hang" if value else ""
    match mode:
        case "" | "hang" | "refuse":
            return mode
    raise ValueError(f"away is hang, refuse or false, not {value!r}")
