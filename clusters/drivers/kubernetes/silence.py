"""Why a cluster did not answer, in a few words that hold no secret and nothing of this program's inside."""

from __future__ import annotations

import os
import socket
import ssl

from clusters.drivers.kubernetes.connection import BrokenOff, NoHttp, Packed
from clusters.drivers.kubernetes.wire import one_line
from otestack.sentences import say

# What OpenSSL calls an answer that is no TLS.
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"})


def silence(error: Exception) -> str:
    """Return what went wrong between us and a cluster, for sentences."""
    match error:
        case UnicodeError():  # it is no name that DNS could hold
            return say("its name cannot be resolved")
        case OSError():
            return _of_the_system(error)
        case _:
            # Its text may hold an address with a password in it.
            return say("the request failed: %(kind)s", kind=type(error).__name__)


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
            why = one_line(error.verify_message)
            return say("its certificate is not accepted: %(certificate_error)s", certificate_error=why)
        case ssl.SSLError():
            if error.reason in _NO_TLS:
                return say("it does not speak TLS")
            said = (error.reason or "").replace("_", " ").lower()
            return say("the TLS connection failed: %(tls_error)s", tls_error=one_line(said))
        case OSError(errno=int(number)):
            return os.strerror(number).lower()
        case ConnectionError():
            return say("it closed the connection without an answer")
        case _:
            return say("the connection failed")
