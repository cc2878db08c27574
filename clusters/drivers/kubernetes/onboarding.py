"""A first look at a cluster, before it is registered: which one it is, and whether the credentials do."""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import urllib3

from clusters.drivers.kubernetes.kubeconfig import Credentials
from clusters.drivers.kubernetes.trouble import answered, unreachable
from otestack.errors import Invalid, Unavailable
from otestack.sentences import say

if TYPE_CHECKING:
    from kubernetes import client

# Seconds: to connect, until the next bytes come, and for one whole answer.
CONNECT_SECONDS = 5
READ_SECONDS = 10
ANSWER_SECONDS = 30
ANSWER_BYTES = 32 * 1024 * 1024
_NODE_PAGE = 500
_NODE_PAGES = 100
_NOT_KUBERNETES = say("The server does not answer as a Kubernetes API does.")


@dataclass(frozen=True)
class ClusterFacts:
    """uid: of the namespace kube-system, which tells one cluster from another. version: as the API server says it."""

    uid: str
    version: str
    node_count: int


def inspect(credentials: Credentials) -> ClusterFacts:
    """Ask the cluster who it is. Follows no redirect, tries nothing twice, and takes no proxy from the environment.

    Raises Invalid(kubeconfig=…) where the kubeconfig is at fault and Unavailable where the cluster or the way to it is.
    """
    with _api_client(credentials) as api, warnings.catch_warnings():
        warnings.simplefilter("ignore", urllib3.exceptions.InsecureRequestWarning)  # said by Credentials.warnings
        version = _get(api, credentials, "/version", say("read the version"))
        system = _get(api, credentials, "/api/v1/namespaces/kube-system", say("get the namespace kube-system"))
        uid = system.get("metadata", {}).get("uid") if isinstance(system.get("metadata"), dict) else None
        return ClusterFacts(
            uid=_short_text(uid), version=_short_text(version.get("gitVersion")), node_count=_nodes(api, credentials)
        )


def ask(
    credentials: Credentials, path: str, what: str, missing: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    """GET the JSON object at `path`, or POST the body to it. `what` says what the credentials must be allowed to do.

    Raises as inspect() does; Invalid with the sentence `missing` on a 404.
    """
    with _api_client(credentials) as api, warnings.catch_warnings():
        warnings.simplefilter("ignore", urllib3.exceptions.InsecureRequestWarning)
        return _get(api, credentials, path, what, body=body, missing=missing)


@contextlib.contextmanager
def _api_client(credentials: Credentials) -> Iterator[client.ApiClient]:
    from kubernetes import client  # a sixth of every process's start, and few of them look at a new cluster

    with tempfile.TemporaryDirectory(prefix="otestack-") as folder:
        configuration = client.Configuration(host=credentials.server, retries=False)
        configuration.proxy, configuration.proxy_headers = _proxy(credentials.proxy_url)
        configuration.no_proxy = None
        configuration.verify_ssl = not credentials.insecure_skip_tls_verify
        configuration.ca_cert_data = credentials.ca_pem or None
        configuration.tls_server_name = credentials.tls_server_name or None
        if credentials.token:
            configuration.api_key = {"authorization": f"Bearer {credentials.token}"}
        if credentials.client_cert_pem:  # ssl takes a client certificate from files only; the folder is ours alone
            configuration.cert_file = _write(folder, "certificate", credentials.client_cert_pem)
            configuration.key_file = _write(folder, "key", credentials.client_key_pem)
        with client.ApiClient(configuration) as api:
            api.user_agent = "otestack"
            yield api


def _proxy(url: str) -> tuple[str | None, dict[str, str] | None]:
    """Return the proxy's address and the headers that log in to it."""
    parts = urlsplit(url)
    if parts.username is None:
        return url or None, None
    login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", dict(urllib3.make_headers(proxy_basic_auth=login))


def _write(folder: str, name: str, text: str) -> str:
    path = Path(folder) / name
    path.touch(mode=0o600)
    path.write_text(text)
    return str(path)


def _get(
    api: client.ApiClient,
    credentials: Credentials,
    path: str,
    what: str,
    query: dict[str, Any] | None = None,
    body: dict[str, Any] | None = None,
    missing: str = "",
) -> dict[str, Any]:
    """Return the JSON object at `path`, or the answer to a body that is posted there.

    `what` says in words what the credentials must be allowed to do.
    """
    from kubernetes.client import ApiException

    call = api.param_serialize(
        "GET" if body is None else "POST",
        path,
        query_params=list((query or {}).items()),
        header_params={"Accept": "application/json", "Content-Type": "application/json"},
        body=body,
        auth_settings=["BearerToken"],
    )
    try:
        response = api.call_api(*call, _request_timeout=(CONNECT_SECONDS, READ_SECONDS))
        status, raw = response.status, _read(response.response)
    except (ApiException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise unreachable(error, credentials) from None
    if status == 404 and missing:
        raise Invalid(kubeconfig=missing)
    if status not in {200, 201}:
        raise answered(status, what, credentials)
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        raise Unavailable(_NOT_KUBERNETES) from None
    if not isinstance(document, dict):
        raise Unavailable(_NOT_KUBERNETES)
    return document


def _read(response: Any) -> bytes:
    """Return the whole body, within its limits of size and time."""
    deadline = time.monotonic() + ANSWER_SECONDS
    parts: list[bytes] = []
    size = 0
    try:
        while part := response.read1(65536):
            parts.append(part)
            size += len(part)
            if size > ANSWER_BYTES or time.monotonic() > deadline:
                raise Unavailable(say("The server's answer is too long."))
    finally:
        response.close()
    return b"".join(parts)


def _nodes(api: client.ApiClient, credentials: Credentials) -> int:
    """Count the nodes: most servers say the number with the first one, else page by page."""
    query: dict[str, Any] = {"limit": 1}
    count = 0
    for _ in range(_NODE_PAGES):
        page = _get(api, credentials, "/api/v1/nodes", say("list nodes"), query)
        items, meta = page.get("items"), page.get("metadata")
        if not isinstance(items, list) or not isinstance(meta, dict):
            break
        remaining, following = meta.get("remainingItemCount"), meta.get("continue")
        count += len(items)
        if isinstance(remaining, int) and not isinstance(remaining, bool) and 0 <= remaining < 2**31 - count:
            return count + remaining
        if not following:
            return count
        query = {"limit": _NODE_PAGE, "continue": following}
    raise Unavailable(_NOT_KUBERNETES)


def _short_text(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 64 or not (value.isascii() and value.isprintable()):
        raise Unavailable(_NOT_KUBERNETES)
    return value
