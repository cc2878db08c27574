"""Why a cluster did not answer, in a few words that hold no secret and nothing of this program's inside."""

from __future__ import annotations

import os
import socket
import ssl

import aiohttp

from clusters.drivers.kubernetes.connection import BrokenOff, NoHttp, Packed
from clusters.drivers.kubernetes.wire import one_line
from otestack.sentences import say

# What OpenSSL calls an answer that is no TLS.
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"})


def silence(error: Exception) -> str:
    """Return what went wrong between us and a cluster, for sentences."""
    match error:
        case aiohttp.ClientConnectorDNSError() | UnicodeError():  # the latter: it is no name that DNS could hold
            return say("its name cannot be resolved")
        case aiohttp.ClientConnectorCertificateError():
            return _unaccepted(error.certificate_error)
        case aiohttp.ClientProxyConnectionError():
            return say("its proxy cannot be reached: %(cause)s", cause=_of_the_system(error.os_error))
        case aiohttp.ClientHttpProxyError():
            return say("its proxy answered %(status)s", status=error.status)
        case aiohttp.ClientConnectorError():
            return _of_the_system(error.os_error)
        case aiohttp.ClientPayloadError():
            return say("its answer broke off")
        case aiohttp.ClientResponseError():
            return say("it does not speak HTTP")
        case OSError():
            return _of_the_system(error)
        case aiohttp.ServerDisconnectedError():
            return _closed()
        case _:
            # Its text may hold an address with a password in it.
            return say("the request failed: %(kind)s", kind=type(error).__name__)


def _unaccepted(error: Exception) -> str:
    why = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else error
    return say("its certificate is not accepted: %(certificate_error)s", certificate_error=one_line(why))


def _of_the_system(error: OSError) -> str:
    match error:
        case NoHttp():
            return say("it does not speak HTTP")
        case Packed():
            return say("its answer cannot be unpacked")
        case BrokenOff(begun=True):
            return say("its answer broke off")
        case socket.gaierror():
            return say("its name cannot be resolved")
        case ssl.SSLCertVerificationError():
            return _unaccepted(error)
        case ssl.SSLError():
            if error.reason in _NO_TLS:
                return say("it does not speak TLS")
            said = (error.reason or "").replace("_", " ").lower()
            return say("the TLS connection failed: %(tls_error)s", tls_error=one_line(said))
        case OSError(errno=int(number)):
            return os.strerror(number).lower()
        case ConnectionError():
            return _closed()
        case _:
            return say("the connection failed")


def _closed() -> str:
    return say("it closed the connection without an answer")
