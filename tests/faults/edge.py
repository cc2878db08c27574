"""The simulated edge of a running product, by its control endpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests
import yaml


class Edge:
    """Where a product's edge listens, and what it can be told."""

    def __init__(self, data_dir: Path) -> None:
        self._kubeconfigs = data_dir / "kubeconfigs"
        self.ca_file = data_dir / "edge" / "ca.crt"
        any_cluster = next(self._kubeconfigs.glob("*.yaml")).stem
        self._url = self.server(any_cluster).partition("/clusters/")[0] + "/control"
        token = json.loads((data_dir / "edge" / "identity.json").read_text())["control_token"]
        self._session = requests.Session()
        self._session.trust_env = False  # a CA bundle of the environment would win over verify
        self._session.verify = str(self.ca_file)
        self._session.headers["Authorization"] = f"Bearer {token}"

    def server(self, cluster: str) -> str:
        """Return the URL of a cluster."""
        url: str = self._kubeconfig(cluster)["clusters"][0]["cluster"]["server"]
        return url

    def token(self, cluster: str) -> str:
        """Return the token of whoever may do everything there."""
        token: str = self._kubeconfig(cluster)["users"][0]["user"]["token"]
        return token

    def _kubeconfig(self, cluster: str) -> Any:
        return yaml.safe_load((self._kubeconfigs / f"{cluster}.yaml").read_text())

    def control(self, **change: Any) -> Any:
        """Change the edge while it runs; returns its state."""
        answer = self._session.put(self._url, json=change, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def changes(self, label: str) -> Iterator[bytes]:
        """Return the lines of its diary (clusters/simulator/diary.py) as they come."""
        with self._session.get(f"{self._url}/changes", params={"label": label}, stream=True, timeout=10) as answer:
            answer.raise_for_status()
            yield from answer.iter_lines(chunk_size=None)
