"""What went wrong on the way to a cluster, in one sentence that holds no secret."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from urllib.parse import urlsplit

from cryptography import x509
from urllib3 import exceptions as net

from clusters.drivers.kubernetes.kubeconfig import Credentials
from otestack.errors import DomainError, Invalid, Unavailable
from otestack.sentences import say

_VERIFY = re.compile(r"certificate verify failed: ([^\n]+?)\.?\s*(?:\(_ssl\.c|$)")
_CLIENT_ALERTS = (
    "CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "UNKNOWN_CA", "CERTIFICATE_EXPIRED", "CERTIFICATE_UNKNOWN",
)  # fmt: skip


def answered(status: int, what: str, credentials: Credentials) -> DomainError:
    """Return the error for an answer other than 200 to a request for `what`."""
    said: dict[str, object] = {"server": urlsplit(credentials.server).netloc, "status": status, "what": what}
    match status:
        case 401:
            text = say(
                "The cluster at %(server)s answered 401: %(credentials)s.",
                credentials=_not_accepted(credentials),
                **said,
            )
        case 403:
            text = say("The cluster at %(server)s answered 403: these credentials may not %(what)s.", **said)
        case 404:
            text = say(
                "The cluster at %(server)s answered 404 to the request to %(what)s: is the address complete?", **said
            )
        case _ if 300 <= status < 400:
            text = say("The cluster at %(server)s answered %(status)s, a redirect, which is not followed.", **said)
        case _:
            return Unavailable(say("The cluster at %(server)s answered %(status)s to the request to %(what)s.", **said))
    return Invalid(kubeconfig=text)


def unreachable(error: Exception, credentials: Credentials) -> DomainError:
    """Return the error for a request that got no answer."""
    from kubernetes.client import ApiException  # by then loaded; see onboarding

    host = urlsplit(credentials.server).netloc
    while (inner := getattr(error, "reason", None)) and isinstance(inner, Exception):
        error = inner
    match error:
        case ApiException() | net.SSLError():
            return _tls(str(error.reason if isinstance(error, ApiException) else error), host)
        case net.ProxyError():
            proxy = urlsplit(credentials.proxy_url).netloc.rpartition("@")[2]
            return Unavailable(
                say(
                    "The cluster cannot be reached at %(host)s through the proxy %(proxy)s: %(original_error)s.",
                    host=host,
                    proxy=proxy,
                    original_error=_cause(error.original_error),
                )
            )
        case _:
            return Unavailable(
                say("The cluster cannot be reached at %(host)s: %(error)s.", host=host, error=_cause(error))
            )


def _cause(error: BaseException | None) -> str:
    match error:
        case net.NameResolutionError():
            return say("its name cannot be resolved")
        case net.NewConnectionError():  # also a ConnectTimeoutError, by inheritance
            return _cause(error.__cause__)
        case net.ConnectTimeoutError():
            return say("no connection within the time")
        case net.ReadTimeoutError():
            return say("no answer within the time")
        case OSError() if error.strerror:
            return error.strerror.lower()
        case net.ProtocolError():
            return say("it closed the connection or does not speak HTTP")
        case _:
            tunnel = re.search(r"Tunnel connection failed: (\d{3})", str(error))
            return say("it answered %(tunnel)s", tunnel=tunnel[1]) if tunnel else say("the connection failed")


def _tls(text: str, host: str) -> DomainError:
    if verify := _VERIFY.search(text):
        return Invalid(
            kubeconfig=say("The certificate of %(host)s is not trusted: %(verify)s.", host=host, verify=verify[1][:150])
        )
    if any(alert in text for alert in _CLIENT_ALERTS):
        return Invalid(kubeconfig=say("The server at %(host)s does not accept the client certificate.", host=host))
    if "WRONG_VERSION_NUMBER" in text or "record layer failure" in text.lower():
        return Invalid(kubeconfig=say("The server at %(host)s does not speak TLS; is it http?", host=host))
    return Unavailable(say("The TLS connection to %(host)s failed.", host=host))


def _not_accepted(credentials: Credentials) -> str:
    if credentials.client_cert_pem:
        end = x509.load_pem_x509_certificate(credentials.client_cert_pem.encode()).not_valid_after_utc
        if end < datetime.now(UTC):
            return say("the client certificate expired on %(end)s", end=f"{end:%Y-%m-%d}")
    if credentials.token and credentials.client_cert_pem:
        return say("neither the token nor the client certificate is accepted")
    return say("the token is not accepted") if credentials.token else say("the client certificate is not accepted")
