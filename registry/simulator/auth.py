"""Who is calling: robot, then Basic, then a registry token; everybody else is anonymous.

A wrong password is no error by itself: the call goes on as anonymous, after a pause.
"""

import base64
import binascii
import threading
import time

import jwt

from .harbor import Harbor
from .passwords import matches
from .permissions import ANONYMOUS, Caller, scopes
from .wire import Request

SERVICE = "harbor-registry"
ISSUER = "harbor-token-issuer"


class Authenticator:
    """Knows callers by their credentials, and which names are locked after a failure."""

    def __init__(self, harbor: Harbor) -> None:
        self._harbor = harbor
        self._failures: dict[str, float] = {}
        self._lock = threading.Lock()

    def lock(self, login: str) -> None:
        """Refuse a name for a while, as after a wrong password."""
        with self._lock:
            self._failures[login] = time.monotonic()

    def forget(self) -> None:
        """Unlock every name."""
        with self._lock:
            self._failures.clear()

    def caller(self, request: Request) -> Caller:
        """Who sends this request. Takes its time when the password is wrong."""
        kind, _, text = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer" and request.path.startswith("/v2"):
            return self._by_token(text.strip())
        credentials = _basic(kind, text)
        if credentials is None:
            return ANONYMOUS
        return self._robot(*credentials) or self._local(*credentials) or ANONYMOUS

    def user(self, login: str, password: str) -> Caller | None:
        """A living user by its name or e-mail address and the right password."""
        found = self._harbor.database.row(
            "SELECT * FROM user WHERE (username = ? OR email = ?) AND NOT deleted ORDER BY username = ? DESC",
            login, login, login,
        )  # fmt: skip
        if found is None or not matches(password, found["password"], found["salt"]):
            return None
        return Caller("local", found["username"], user_id=found["user_id"], is_admin=bool(found["sysadmin_flag"]))

    def _local(self, login: str, password: str) -> Caller | None:
        delay = self._harbor.behaviour.login_delay
        with self._lock:
            if time.monotonic() - self._failures.get(login, float("-inf")) <= delay:
                return None  # the right password does not help
        if found := self.user(login, password):
            return found
        self.lock(login)
        time.sleep(delay)
        return None

    def _robot(self, login: str, secret: str) -> Caller | None:
        harbor = self._harbor
        if not login.startswith(harbor.behaviour.robot_prefix):
            return None
        name = login.removeprefix(harbor.behaviour.robot_prefix)
        found = harbor.database.row("SELECT * FROM robot WHERE name = ?", name)
        if found is None or found["disabled"] or not matches(secret, found["secret"], found["salt"]):
            return None
        if found["expires_at"] != -1 and found["expires_at"] <= time.time():
            return None
        return Caller(
            "robot",
            login,
            robot_id=found["id"],
            is_system_robot=found["level"] == "system",
            scopes=scopes(found["permissions"], found["level"]),
        )

    def _by_token(self, text: str) -> Caller:
        try:
            claims = jwt.decode(text, self._harbor.token_key, algorithms=["HS256"], audience=SERVICE, issuer=ISSUER)
        except jwt.InvalidTokenError:
            return ANONYMOUS
        access = {one["name"]: frozenset(one["actions"]) for one in claims["access"] if one["type"] == "repository"}
        return Caller("v2token", claims["sub"], access=access)


def _basic(kind: str, text: str) -> tuple[str, str] | None:
    if kind.lower() != "basic":
        return None
    try:
        login, colon, password = base64.b64decode(text.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (login, password) if colon else None
