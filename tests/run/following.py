"""A client of server-sent events, and what it needs of a running product: users, an application, deployments."""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.run.product import DEADLINE, Product, until
from tests.run.wire import LOGIN

PASSWORD = "Passw0rdXy"
APPLICATION = {
    "appName": "web", "deployType": "deployment", "image": "nginx", "version": "1.0", "port": [], "minCPU": 0,
    "maxCPU": 0, "isHPA": False, "targetCPUUtilization": 0, "targetMemUtilization": 0, "minMemory": 0, "maxMemory": 0,
    "maxUnavailable": 1, "maxSurge": 1, "minReadySeconds": 0, "env": [], "volume": [], "replicas": 1, "minReplicas": 1,
    "maxReplicas": 1, "command": "",
}  # fmt: skip


@dataclass(frozen=True)
class Event:
    """One event as it came in. number: 0 where it has no id."""

    number: int
    name: str
    data: dict[str, Any]


class Stream:
    """One open stream."""

    def __init__(self, product: Product, path: str, headers: dict[str, str]) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", product.port, timeout=DEADLINE)
        self.connection.request("GET", path, headers=headers)
        self.answer = self.connection.getresponse()

    def __iter__(self) -> Iterator[Event]:
        """Yield events until the server ends the stream, in the way HTTP ends an answer."""
        number, name = 0, ""
        while line := self.answer.readline():
            field, _, value = line.decode().rstrip("\n").partition(": ")
            if field == "id":
                number = int(value)
            elif field == "event":
                name = value
            elif field == "data":
                yield Event(number, name, json.loads(value))
                number = 0
        assert self.answer.isclosed(), "cut off"

    def until(self, found: Callable[[Event], bool]) -> list[Event]:
        """Return events up to the first one of that kind."""
        events, end = [], time.monotonic() + DEADLINE
        for event in self:
            events.append(event)
            assert time.monotonic() < end, events
            if found(event):
                return events
        raise AssertionError(f"the stream ended after {events}")

    def refusal(self) -> tuple[int, dict[str, Any]]:
        """Return the envelope that came instead."""
        assert self.answer.headers["Content-Type"] == "application/json"
        return self.answer.status, json.load(self.answer)

    def close(self) -> None:
        """Go away."""
        self.answer.close()
        self.connection.close()


class Fleet:
    """A running product with an application of two versions; its system administrator's calls."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.password = (product.data_dir / "admin-password").read_text().strip()
        self.token = self.login("admin", self.password)
        for _ in range(2):
            self.ask("POST", "/v1/app", APPLICATION)

    @property
    def environment(self) -> dict[str, str]:
        """Variables of a shell in which the documentation's commands work."""
        return self.product.env | {"TOKEN": self.token}

    def login(self, user: str, password: str = PASSWORD) -> str:
        status, content = self.product.request("POST", LOGIN, {"user": user, "password": password})
        assert status == 200, content
        return str(content["token"])

    def ask(self, method: str, path: str, body: Any = None, token: str = "") -> Any:
        status, content = self.product.request(method, path, body, token or self.token)
        assert status == 200, content
        return content

    def user(self, name: str, *, business: str = "") -> str:
        """Make an approved user, of the caller's business or as applicant of a new one; return the token."""
        body = {"user": name, "password": PASSWORD, "phone": "12345", "realName": "r", "isAdmin": True}
        self.ask("POST", "/v1/admin/user" if not business else "/v1/user", body)
        if business:
            self.ask("PUT", f"/v1/admin/user/{self.id_of(name)}", {"status": 1})
            token = self.login(name)
            words = {"introduce": "i", "objective": "o", "scale": "s"}
            self.ask("POST", "/v1/business", {"name": business} | words, token)
            found = self.ask("GET", f"/v1/business?name={business}")["data"][0]["id"]
            self.ask("PUT", f"/v1/business/id/{found}", {"status": 1, "comment": ""})
        return self.login(name)

    def id_of(self, user: str) -> int:
        rows = self.ask("GET", "/v1/admin/user?pageSize=0")["data"]
        return int(next(row["id"] for row in rows if row["user"] == user))

    def deploy(self, name: str) -> int:
        """Deploy the first version everywhere; return the id."""
        fields = {"appName": "web", "version": "1.0.1", "cluster": "", "nodeLabel": "", "comment": ""}
        self.ask("POST", "/v1/deploy", {"deployName": name} | fields)
        rows = self.ask("GET", "/v1/deploy?pageSize=0")["data"]
        return int(next(row["id"] for row in rows if row["deployName"] == name))

    def upgrade(self, deployment: int, version: str) -> None:
        self.ask("POST", f"/v1/deploy/id/{deployment}", {"version": version})

    def ended(self, deployment: int) -> int:
        """Wait until no change is under way; return the status."""
        path = f"/v1/deploy/id/{deployment}"
        return int(until(lambda: (row := self.ask("GET", path)["data"])["editable"] and row, "it ended")["status"])

    @contextlib.contextmanager
    def following(self, deployment: int, *, token: str = "", last: int | str | None = None) -> Iterator[Stream]:
        headers = {"Authorization": token or self.token}
        if last is not None:
            headers["Last-Event-ID"] = str(last)
        stream = Stream(self.product, f"/v1/deploy/id/{deployment}/events", headers)
        try:
            yield stream
        finally:
            stream.close()
