"""Cookies. Every answer gives one, and a write that brings it back needs a CSRF token besides.

That is what catches clients with a cookie jar: their first write after a read is refused, whatever their password.
"""

import hashlib
import hmac
import http.cookies
import secrets

from .errors import forbidden
from .wire import Request

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
SESSION, COOKIE, HEADER = "sid", "_gorilla_csrf", "X-Harbor-CSRF-Token"


class Sessions:
    """The key makes tokens of this registry valid here only."""

    def __init__(self, key: str) -> None:
        self._key = key.encode()

    def headers(self, request: Request) -> list[tuple[str, str]]:
        """What the answer to this request carries."""
        jar = _cookies(request)
        secure = "; Secure" if request.secure else ""
        if SESSION not in jar:
            return [("Set-Cookie", f"{SESSION}={secrets.token_hex(16)}; Path=/; HttpOnly{secure}")]
        seed = jar.get(COOKIE) or secrets.token_urlsafe(24)
        found = [(HEADER, self._token(seed))]
        if COOKIE not in jar:
            found.append(("Set-Cookie", f"{COOKIE}={seed}; Path=/; HttpOnly; SameSite=Strict{secure}"))
        return found

    def check(self, request: Request) -> None:
        """Raise a 403 on a write that carries a session without its token."""
        jar = _cookies(request)
        if SESSION not in jar or request.method in SAFE:
            return
        if COOKIE not in jar:
            raise forbidden("CSRF token not found in request")
        if not hmac.compare_digest(request.headers.get(HEADER, "").encode(), self._token(jar[COOKIE]).encode()):
            raise forbidden("CSRF token invalid")

    def _token(self, seed: str) -> str:
        return hmac.new(self._key, seed.encode(), hashlib.sha256).hexdigest()


def _cookies(request: Request) -> dict[str, str]:
    jar: http.cookies.SimpleCookie = http.cookies.SimpleCookie()
    try:
        jar.load(request.headers.get("Cookie", ""))
    except http.cookies.CookieError:
        return {}
    return {name: morsel.value for name, morsel in jar.items()}
