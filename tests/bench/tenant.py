"""Who uses the product in a benchmark: an administrator of a business, who deploys over HTTP."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.bench.centre import Centre
from tests.run.bodies import app_body

ADMIN_PASSWORD = "Passw0rdXy"
APP = "web"
VERSIONS = ("1.1.1", "1.1.2")
_CLIENTS = 4


class Tenant:
    """A business with an application of two versions, each a Deployment of three pods and a Service."""

    def __init__(self, centre: Centre) -> None:
        self._centre = centre
        self._ids: dict[str, int] = {}
        self._runs: dict[str, str] = {}
        system = self._log_in("admin")
        person = {"user": "boss", "password": ADMIN_PASSWORD, "phone": "12345678910", "realName": "B", "isAdmin": True}
        self.call("POST", "/v1/user", person, "")
        waiting = self.call("GET", "/v1/admin/user?pageSize=0", token=system)["data"]
        number = next(row["id"] for row in waiting if row["user"] == "boss")
        self.call("PUT", f"/v1/admin/user/{number}", {"status": 1}, system)
        self._token = self._log_in("boss")
        business = {"name": "acme", "introduce": "i", "objective": "o", "scale": "s"}
        self.call("POST", "/v1/business", business)
        number = self.call("GET", "/v1/business?name=acme", token=system)["data"][0]["id"]
        self.call("PUT", f"/v1/business/id/{number}", {"status": 1, "comment": ""}, system)
        self._token = self._log_in("boss")
        for minor in range(len(VERSIONS)):
            self.call("POST", "/v1/app", app_body(APP, f"nginx:1.{minor}") | {"replicas": 3})

    def call(self, method: str, path: str, body: Any = None, token: str | None = None) -> Any:
        """One request that must succeed; returns the answer."""
        code, answer = self._centre.request(method, path, body, self._token if token is None else token)
        assert code == 200, (method, path, code, answer, self._centre.log[-3000:])
        return answer

    def _log_in(self, name: str) -> str:
        token: str = self.call("POST", "/v1/authorization", {"user": name, "password": ADMIN_PASSWORD}, "")["token"]
        return token

    def deploy(self, names: list[str], cluster: str) -> None:
        """Deploy the application under these names to a cluster, or to those with a label."""
        body = {"appName": APP, "version": VERSIONS[0], "cluster": cluster, "nodeLabel": "", "comment": ""}
        with ThreadPoolExecutor(_CLIENTS) as clients:
            list(clients.map(lambda name: self.call("POST", "/v1/deploy", body | {"deployName": name}), names))
        rows = self.call("GET", "/v1/deploy?pageSize=0")["data"]
        self._ids = {row["deployName"]: row["id"] for row in rows}
        self._runs |= dict.fromkeys(names, VERSIONS[0])

    def upgrade(self, name: str) -> bool:
        """Ask for the other version; False while an earlier change is under way."""
        version = next(one for one in VERSIONS if one != self._runs[name])
        path = f"/v1/deploy/id/{self._ids[name]}"
        code, answer = self._centre.request("POST", path, {"version": version}, self._token)
        assert code in {200, 409}, (code, answer, self._centre.log[-3000:])
        if code == 200:
            self._runs[name] = version
        return code == 200
