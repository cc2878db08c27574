"""Callers of the stand-in's API."""

from __future__ import annotations

import json
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests

from registry.simulator import HarborSimulator

PASSWORD = "Passw0rdXy"


class Caller:
    """Somebody who calls the API: by Basic auth and without cookies, unless told otherwise."""

    def __init__(
        self, harbor: HarborSimulator, name: str = "", password: str = PASSWORD, *, cookies: bool = False
    ) -> None:
        self.base, self.name, self.password = f"{harbor.url}/api/v2.0", name, password
        self.session = requests.Session()
        self.session.trust_env = False
        if name:
            self.session.auth = (name.encode(), password.encode())
        if not cookies:
            self.session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        return self.session.request(method, self.base + path, json=body, timeout=10, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.call("GET", path, **options)

    def read(self, path: str, **options: Any) -> Any:
        """The JSON of a GET that succeeds."""
        answer = self.get(path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any, **options: Any) -> requests.Response:
        return self.call("POST", path, body, **options)

    def put(self, path: str, body: Any, **options: Any) -> requests.Response:
        return self.call("PUT", path, body, **options)

    def delete(self, path: str, **options: Any) -> requests.Response:
        return self.call("DELETE", path, **options)


def user_body(name: str, **more: Any) -> dict[str, Any]:
    return {"username": name, "email": f"{name}@example.com", "realname": name, "password": PASSWORD} | more


def project_body(name: str, public: bool = False) -> dict[str, Any]:
    return {"project_name": name, "metadata": {"public": json.dumps(public)}}


def made(answer: requests.Response) -> int:
    """The number of what a POST made."""
    assert answer.status_code == 201, answer.text
    return int(answer.headers["Location"].rpartition("/")[2])


def refused(answer: requests.Response) -> tuple[int, str]:
    """Status and code of an answer that is no success."""
    (error,) = answer.json()["errors"]
    return answer.status_code, error["code"]
