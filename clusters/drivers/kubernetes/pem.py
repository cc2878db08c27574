"""Certificates and keys out of a kubeconfig: decoded, checked, and written anew so that nothing else rides along."""

from __future__ import annotations

import base64
import binascii
import ssl
import warnings

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from otestack.sentences import say

_SIGNING = (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey)


class BadPEM(Exception):
    """What is wrong, without the full stop."""


def authorities(data: str, what: str) -> str:
    """Return the certificate authorities in base64 `data` as PEM. Raises BadPEM."""
    text = _certificates(data, what)
    try:
        ssl.create_default_context(cadata=text)
    except (ssl.SSLError, ValueError):
        raise BadPEM(say("%(what)s holds a certificate that TLS does not accept", what=what)) from None
    return text


def pair(certificate: str, key: str, whose: str) -> tuple[str, str]:
    """Return a client certificate, with its chain, and its key as PEM. Raises BadPEM, also where they do not match."""
    cert_pem = _certificates(certificate, f"{whose}: client-certificate-data")
    what = f"{whose}: client-key-data"
    try:
        private = serialization.load_pem_private_key(_decoded(key, what), password=None)
    except TypeError:
        raise BadPEM(say("%(what)s is encrypted with a password; decrypt it first", what=what)) from None
    except (ValueError, UnsupportedAlgorithm):
        raise BadPEM(say("%(what)s is not a private key in PEM", what=what)) from None
    if not isinstance(private, _SIGNING):
        raise BadPEM(say("%(what)s is of a kind that TLS does not use", what=what))
    if _public(x509.load_pem_x509_certificate(cert_pem.encode()).public_key()) != _public(private.public_key()):
        raise BadPEM(say("%(whose)s: client-key-data is not the key of client-certificate-data", whose=whose))
    key_pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return cert_pem, key_pem.decode()


def _certificates(data: str, what: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of old encodings, which many a cluster's own authority has
            found = x509.load_pem_x509_certificates(_decoded(data, what))
            for certificate in found:
                _public(certificate.public_key())
            return "".join(certificate.public_bytes(serialization.Encoding.PEM).decode() for certificate in found)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BadPEM(say("%(what)s holds no certificate in PEM that can be read", what=what)) from None


def _decoded(data: str, what: str) -> bytes:
    try:
        return base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        raise BadPEM(say("%(what)s is not valid base64", what=what)) from None


def _public(key: object) -> bytes:
    encode = getattr(key, "public_bytes")  # noqa: B009 - every kind of public key has it, their union in the stubs not
    der: bytes = encode(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return der
