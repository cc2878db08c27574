"""One control plane on loopback: etcd, API server, controller manager, scheduler, and kwok for nodes and kubelets."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlencode

import urllib3
import yaml

from tests.clusters.pki import Authority
from tests.services import die_with_us, free_port

HOST = "127.0.0.1"
START_SECONDS = 240.0
STOP_SECONDS = 20.0
ISSUER = "https://kubernetes.default.svc"
OWNER = "owner-of-this-cluster"  # its token, known to nobody outside of this machine
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
KWOK = Path(__file__).parent / "kwok.yaml"
AUDIT = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"]}
AUDIT_RULES = [{"level": "None", "users": ["owner", "system:apiserver"]}, {"level": "Metadata"}]
CACHE = Path(os.environ.get("OTE_KUBERNETES_CACHE") or Path.home() / ".cache/otestack/kubernetes")


class Refused(AssertionError):
    """The API server answered with an error; status says which."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def complete(folder: Path) -> bool:
    """Whether all programs are there."""
    return all((folder / name).exists() for name in PROGRAMS)


def binaries(minor: str = "") -> Path | None:
    """Return the folder with the programs: KUBEBUILDER_ASSETS, else the cache's newest minor or the one named."""
    given = os.environ.get("KUBEBUILDER_ASSETS")
    if given:
        return Path(given)
    found = [folder for folder in CACHE.glob(minor or "[0-9]*") if complete(folder)]
    return max(found, key=lambda folder: [int(part) for part in folder.name.split(".")], default=None)


@dataclass
class Keys:
    """What all control planes of a run share: an authority, a server certificate, a key that signs tokens."""

    folder: Path
    authority: Authority

    @classmethod
    def make(cls, folder: Path) -> Keys:
        """Write them below the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        keys = cls(folder, Authority("test edge"))
        server = keys.authority.issue("localhost")
        for name, content in {
            "ca.crt": keys.authority.pem,
            "server.crt": server.cert,
            "server.key": server.key,
            "tokens.key": keys.authority.issue("tokens").key,
            "tokens.csv": f"{OWNER},owner,owner,system:masters\n".encode(),
            "audit.yaml": yaml.safe_dump(AUDIT | {"rules": AUDIT_RULES}).encode(),
        }.items():
            (folder / name).write_bytes(content)
        return keys

    @property
    def ca_file(self) -> Path:
        """The authority's certificate."""
        return self.folder / "ca.crt"


class Plane:
    """A cluster. call() is its owner at its API. without: an API version that is not served."""

    def __init__(self, programs: Path, folder: Path, keys: Keys, without: str = "") -> None:
        self.without = without
        self._programs, self._folder, self._keys = programs, folder, keys
        self._running: dict[str, tuple[subprocess.Popen[bytes], IO[bytes]]] = {}
        self._etcd, self._peer, self.port = free_port(), free_port(), free_port()
        self._pool = urllib3.PoolManager(ca_certs=str(keys.ca_file), maxsize=4, retries=False)
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def server(self) -> str:
        """The API server's URL."""
        return f"https://{HOST}:{self.port}"

    @property
    def audit_log(self) -> Path:
        """One line of JSON a request, the owner's left out."""
        return self._folder / "audit.log"

    def start(self) -> None:
        """Start everything; returns when pods would run. Raises AssertionError with the end of a log."""
        kubeconfig = self._folder / "owner.yaml"
        kubeconfig.write_text(self.kubeconfig("owner", OWNER))
        peer = f"http://{HOST}:{self._peer}"
        client = f"http://{HOST}:{self._etcd}"
        self._spawn(
            "etcd",
            f"--name=one --data-dir={self._folder}/etcd --unsafe-no-fsync --logger=zap --log-level=error",
            f"--listen-client-urls={client} --advertise-client-urls={client}",
            f"--listen-peer-urls={peer} --initial-advertise-peer-urls={peer} --initial-cluster=one={peer}",
        )
        self.start_api_server()
        quiet = f"--kubeconfig={kubeconfig} --leader-elect=false --secure-port=0"
        keys = self._keys.folder
        self._spawn(
            "kube-controller-manager",
            f"{quiet} --service-account-private-key-file={keys}/tokens.key --root-ca-file={keys}/ca.crt",
            "--node-monitor-period=1s --node-monitor-grace-period=60s --kube-api-qps=500 --kube-api-burst=500",
            "--horizontal-pod-autoscaler-sync-period=1s",
            "--controllers=*,-certificatesigningrequest-signing-controller",
        )
        self._spawn("kube-scheduler", f"{quiet} --kube-api-qps=500 --kube-api-burst=500")
        self._spawn(
            "kwok",
            f"--kubeconfig={kubeconfig} --config={KWOK} --node-lease-duration-seconds=40",
            f"--manage-nodes-with-annotation-selector={FAKE} --node-ip=172.18.0.2 --cidr=10.244.0.0/16",
        )
        self._wait("/api/v1/namespaces/default/serviceaccounts/default")

    def start_api_server(self) -> None:
        """Start the API server; returns when it is ready."""
        keys = self._keys.folder
        self._spawn(
            "kube-apiserver",
            f"--etcd-servers=http://{HOST}:{self._etcd} --bind-address={HOST} --secure-port={self.port}",
            f"--tls-cert-file={keys}/server.crt --tls-private-key-file={keys}/server.key",
            f"--client-ca-file={keys}/ca.crt --token-auth-file={keys}/tokens.csv --authorization-mode=Node,RBAC",
            f"--service-account-issuer={ISSUER} --service-cluster-ip-range=10.96.0.0/16",
            f"--service-account-key-file={keys}/tokens.key --service-account-signing-key-file={keys}/tokens.key",
            f"--audit-policy-file={keys}/audit.yaml --audit-log-path={self.audit_log}",
            "--endpoint-reconciler-type=none --allow-privileged --profiling=false",
            f"--cert-dir={self._folder}" + (f" --runtime-config={self.without}=false" if self.without else ""),
        )
        self._wait("/readyz")

    def stop_api_server(self, *, kill: bool = False) -> None:
        """End the API server, as an upgrade of it does; kill: as a power cut does."""
        self._end("kube-apiserver", signal.SIGKILL if kill else signal.SIGTERM)

    def stop(self) -> None:
        """End everything."""
        for name in reversed(list(self._running)):
            self._end(name, signal.SIGTERM if name == "etcd" else signal.SIGKILL)

    def kubeconfig(self, user: str, token: str, server: str = "") -> str:
        """A kubeconfig with that token."""
        cluster = {"server": server or self.server, "certificate-authority-data": self._keys.authority.pem64}
        return yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "edge", "cluster": cluster}],
                "users": [{"name": user, "user": {"token": token}}],
                "contexts": [{"name": "edge", "context": {"cluster": "edge", "user": user}}],
                "current-context": "edge",
            }
        )

    def call(self, method: str, path: str, body: Any = None, *, kind: str = "json", **query: str) -> Any:
        """One request of the owner's; returns the decoded answer. kind: of patch. Raises Refused."""
        types = {"json": "application/json", "merge": "application/merge-patch+json", "apply": APPLY}
        headers = {"Authorization": f"Bearer {OWNER}", "Content-Type": types[kind]}
        url = f"{self.server}{path}" + (f"?{urlencode(query)}" if query else "")
        raw = None if body is None else json.dumps(body)
        answer = self._pool.request(method, url, body=raw, headers=headers, timeout=30)
        if answer.status >= 300:
            raise Refused(answer.status, f"{method} {path}: {answer.status} {answer.data[:500]!r}")
        with contextlib.suppress(ValueError):
            return json.loads(answer.data)
        return answer.data

    def apply(self, document: dict[str, Any]) -> Any:
        """What kubectl apply --server-side does with a document of a kind whose plural is regular."""
        group, _, version = document["apiVersion"].rpartition("/")
        base = f"/apis/{group}/{version}" if group else f"/api/{version}"
        meta = document["metadata"]
        space = f"/namespaces/{meta['namespace']}" if "namespace" in meta else ""
        path = f"{base}{space}/{document['kind'].lower()}s/{meta['name']}"
        return self.call("PATCH", path, document, kind="apply", fieldManager="kubectl", force="true")

    def items(self, path: str) -> list[dict[str, Any]]:
        """The objects of a list."""
        found: list[dict[str, Any]] = self.call("GET", path)["items"]
        return found

    def _spawn(self, name: str, *flags: str) -> None:
        log = (self._folder / f"{name}.log").open("ab")
        command = [str(self._programs / name), *" ".join(flags).split()]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_us, start_new_session=True
        )
        self._running[name] = (process, log)

    def _end(self, name: str, how: int) -> None:
        process, log = self._running.pop(name)
        process.send_signal(how)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()

    def _wait(self, path: str) -> None:
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                self.call("GET", path)
                return
            except (Refused, urllib3.exceptions.HTTPError) as error:
                ended = next((name for name, (process, _) in self._running.items() if process.poll() is not None), "")
                name = ended or "kube-apiserver"
                assert not ended and time.monotonic() < until, f"{name} {error}: {self.log(name)}"
                time.sleep(0.1)

    def log(self, name: str, most: int = 3000) -> str:
        """The end of a program's log."""
        return (self._folder / f"{name}.log").read_text(errors="replace")[-most:]

    def asked(self, since: int = 0) -> Iterator[dict[str, Any]]:
        """The audit log from that byte on."""
        with self.audit_log.open("rb") as file:
            file.seek(since)
            for line in file:
                if line.endswith(b"\n"):
                    yield json.loads(line)


APPLY = "application/apply-patch+yaml"
FAKE = "kwok.x-k8s.io/node=fake"
