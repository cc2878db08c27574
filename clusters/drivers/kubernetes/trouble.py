"""What went wrong on the way to a cluster, in one sentence that holds no secret."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from urllib.parse import urlsplit

from cryptography import x509
from kubernetes.client import ApiException
from urllib3 import exceptions as net

from clusters.drivers.kubernetes.kubeconfig import Credentials
from otestack.errors import DomainError, Invalid, Unavailable

_VERIFY = re.compile(r"certificate verify failed: ([^\n]+?)\.?\s*(?:\(_ssl\.c|$)")
_CLIENT_ALERTS = (
    "CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "UNKNOWN_CA", "CERTIFICATE_EXPIRED", "CERTIFICATE_UNKNOWN",
)  # fmt: skip


def answered(status: int, what: str, credentials: Credentials) -> DomainError:
    """Return the error for an answer other than 200 to a request for `what`."""
    cluster = f"The cluster at {urlsplit(credentials.server).netloc}"
    match status:
        case 401:
            return Invalid(kubeconfig=f"{cluster} answered 401: {_not_accepted(credentials)}.")
        case 403:
            return Invalid(kubeconfig=f"{cluster} answered 403: these credentials may not {what}.")
        case 404:
            return Invalid(kubeconfig=f"{cluster} answered 404 to the request to {what}: is the address complete?")
        case _ if 300 <= status < 400:
            return Invalid(kubeconfig=f"{cluster} answered {status}, a redirect, which is not followed.")
        case _:
            return Unavailable(f"{cluster} answered {status} to the request to {what}.")


def unreachable(error: Exception, credentials: Credentials) -> DomainError:
    """Return the error for a request that got no answer."""
    host = urlsplit(credentials.server).netloc
    while (inner := getattr(error, "reason", None)) and isinstance(inner, Exception):
        error = inner
    match error:
        case ApiException() | net.SSLError():
            return _tls(str(error.reason if isinstance(error, ApiException) else error), host)
        case net.ProxyError():
            proxy = urlsplit(credentials.proxy_url).netloc.rpartition("@")[2]
            return Unavailable(
                f"The cluster cannot be reached at {host} through the proxy {proxy}: {_cause(error.original_error)}."
            )
        case _:
            return Unavailable(f"The cluster cannot be reached at {host}: {_cause(error)}.")


def _cause(error: BaseException | None) -> str:
    match error:
        case net.NameResolutionError():
            return "its name cannot be resolved"
        case net.NewConnectionError():  # also a ConnectTimeoutError, by inheritance
            return _cause(error.__cause__)
        case net.ConnectTimeoutError():
            return "no connection within the time"
        case net.ReadTimeoutError():
            return "no answer within the time"
        case OSError() if error.strerror:
            return error.strerror.lower()
        case net.ProtocolError():
            return "it closed the connection or does not speak HTTP"
        case _:
            tunnel = re.search(r"Tunnel connection failed: (\d{3})", str(error))
            return f"it answered {tunnel[1]}" if tunnel else "the connection failed"


def _tls(text: str, host: str) -> DomainError:
    if verify := _VERIFY.search(text):
        return Invalid(kubeconfig=f"The certificate of {host} is not trusted: {verify[1][:150]}.")
    if any(alert in text for alert in _CLIENT_ALERTS):
        return Invalid(kubeconfig=f"The server at {host} does not accept the client certificate.")
    if "WRONG_VERSION_NUMBER" in text or "record layer failure" in text.lower():
        return Invalid(kubeconfig=f"The server at {host} does not speak TLS; is it http?")
    return Unavailable(f"The TLS connection to {host} failed.")


def _not_accepted(credentials: Credentials) -> str:
    if credentials.client_cert_pem:
        end = x509.load_pem_x509_certificate(credentials.client_cert_pem.encode()).not_valid_after_utc
        if end < datetime.now(UTC):
            return f"the client certificate expired on {end:%Y-%m-%d}"
    if credentials.token and credentials.client_cert_pem:
        return "neither the token nor the client certificate is accepted"
    return "the token is not accepted" if credentials.token else "the client certificate is not accepted"
