"""Somebody else at an edge's Kubernetes API: another field manager, who may do everything there."""

from __future__ import annotations

import json
from typing import Any

import urllib3

MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"


class Kube:
    """kube("PATCH", path, body): one request; returns the decoded answer. Raises AssertionError on a refusal."""

    def __init__(self, edge: Any, name: str, manager: str = "somebody") -> None:
        self._pool = urllib3.PoolManager(ca_certs=str(edge.ca_file))
        token = edge.owner_token if hasattr(edge, "owner_token") else edge.token  # a simulated one has one user
        self._base, self._token, self._manager = edge.server(name), token(name), manager

    def __call__(self, method: str, path: str, body: Any = None, *, content_type: str = "application/json") -> Any:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": content_type}
        writes = method in {"POST", "PATCH", "PUT"}
        url = f"{self._base}{path}" + (f"{'&' if '?' in path else '?'}fieldManager={self._manager}" if writes else "")
        answer = self._pool.request(method, url, body=None if body is None else json.dumps(body), headers=headers)
        assert answer.status < 300, f"{method} {path}: {answer.status} {answer.data!r}"
        return json.loads(answer.data)

    def get(self, path: str) -> Any:
        return self("GET", path)

    def merge(self, path: str, body: Any) -> Any:
        return self("PATCH", path, body, content_type=MERGE)

    def apply(self, path: str, body: Any, *, force: bool = False) -> Any:
        return self("PATCH", f"{path}?force=true" if force else path, body, content_type=APPLY)

    def create(self, path: str, body: Any) -> Any:
        return self("POST", path, body)

    def delete(self, path: str) -> Any:
        return self("DELETE", path)


def deployments(namespace: str, name: str = "") -> str:
    """The path of Deployments, or of one."""
    return f"/apis/apps/v1/namespaces/{namespace}/deployments" + (f"/{name}" if name else "")


def core(plural: str, namespace: str, name: str = "") -> str:
    """The path of a core kind, or of one object."""
    return f"/api/v1/namespaces/{namespace}/{plural}" + (f"/{name}" if name else "")
