"""A kubeconfig reduced to what the driver needs. It is untrusted input: nothing in it is executed or opened."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

import yaml

from clusters.drivers.kubernetes import pem
from otestack.errors import Invalid
from otestack.sentences import say

SIZE_LIMIT = 256 * 1024
_DEPTH_LIMIT = 32
_EMBED = say("embed the data in the kubeconfig instead (kubectl config view --raw --flatten)")
# Files on the machine where the kubeconfig was written.
_CLUSTER_FILES = ("certificate-authority",)
_USER_FILES = ("client-certificate", "client-key", "tokenFile")
# Ways to log in that Kubernetes dropped, that run a program, or that act as somebody else.
_REFUSED = {
    "exec": say(
        "gets its credentials from a program (exec), which is never run here; use a token or a client certificate"
    ),
    "auth-provider": say("uses an auth-provider, which Kubernetes has dropped; use a token or a client certificate"),
    "username": say("logs in with a user name and password, which Kubernetes has dropped; use a token"),
    "password": say("logs in with a user name and password, which Kubernetes has dropped; use a token"),
    "as": say("acts as somebody else (impersonation); use that account's own credentials"),
    "as-uid": say("acts as somebody else (impersonation); use that account's own credentials"),
    "as-groups": say("acts as somebody else (impersonation); use that account's own credentials"),
    "as-user-extra": say("acts as somebody else (impersonation); use that account's own credentials"),
}


@dataclass(frozen=True)
class Credentials:
    """How to reach one cluster. Empty text: not set; an empty ca_pem means the system's certificate authorities."""

    server: str  # scheme, host, port and path prefix, without a trailing slash
    ca_pem: str = ""
    token: str = field(default="", repr=False)
    client_cert_pem: str = field(default="", repr=False)
    client_key_pem: str = field(default="", repr=False)
    insecure_skip_tls_verify: bool = False
    tls_server_name: str = ""
    proxy_url: str = field(default="", repr=False)

    @property
    def plain_http(self) -> bool:
        """Whether everything, the token too, travels unencrypted."""
        return self.server.startswith("http://")

    @property
    def warnings(self) -> list[str]:
        """What an operator should know before trusting these."""
        found: list[str] = []
        if self.plain_http:
            found.append(say("The server is reached over plain http: anybody on the way can read the token."))
        elif self.insecure_skip_tls_verify:
            found.append(say("The server's certificate is not verified (insecure-skip-tls-verify)."))
        return found

    def to_json(self) -> str:
        """Return the text that is stored, encrypted, with the cluster."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Credentials:
        """Return what to_json() wrote."""
        return cls(**json.loads(text))


def parse(text: str, context: str = "") -> Credentials:
    """Return the credentials of `context`, by default of current-context.

    Raises Invalid with one sentence on the field kubeconfig.
    """
    try:
        return _credentials(_load(text), context)
    except _Refused as error:
        raise Invalid(kubeconfig=error.args[0]) from None
    except pem.BadPEM as error:
        raise Invalid(kubeconfig=say("%(problem)s.", problem=error)) from None


class _Refused(Exception):
    """The sentence."""


class _Loader(yaml.SafeLoader):
    """YAML without aliases, anchors, tags, repeated keys and guessing: every scalar but null is text, as in JSON."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag == "tag:yaml.org,2002:null"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse what makes a small text large or strange."""
        event: Any = self.peek_event()
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise _Refused(say("The kubeconfig uses YAML anchors or aliases, which are not accepted."))
        if getattr(event, "tag", None) is not None:
            raise _Refused(say("The kubeconfig uses YAML tags, which are not accepted."))
        self.depth += 1
        if self.depth > _DEPTH_LIMIT:
            raise _Refused(say("The kubeconfig is nested too deeply."))
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """Refuse a key that stands twice: readers disagree on which one counts."""
        mapping = super().construct_mapping(node, deep=deep)
        if len(mapping) != len(node.value):
            raise _Refused(say("The kubeconfig holds a key twice."))
        return mapping


def _load(text: str) -> dict[str, Any]:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise _Refused(say("The kubeconfig is not valid Unicode text.")) from None
    if size > SIZE_LIMIT:
        raise _Refused(say("The kubeconfig is longer than %(size_limit)s KB.", size_limit=SIZE_LIMIT // 1024))
    try:
        document = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = say(" (line %(line)s)", line=line + 1) if line is not None else ""
        raise _Refused(say("The kubeconfig is not valid YAML%(where)s.", where=where)) from None
    except (ValueError, OverflowError):  # PyYAML on escapes of characters that do not exist
        raise _Refused(say("The kubeconfig is not valid YAML.")) from None
    if not isinstance(document, dict) or not document:
        raise _Refused(say("The text is not a kubeconfig: a mapping with clusters, contexts and users is expected."))
    for key, expected in (("kind", "Config"), ("apiVersion", "v1")):
        if document.get(key) not in (None, "", expected):
            raise _Refused(
                say("The text is not a kubeconfig: its %(key)s is not %(expected)s.", key=key, expected=expected)
            )
    return document


def _credentials(document: dict[str, Any], wanted: str) -> Credentials:
    contexts = _entries(document, "contexts", "context")
    name = wanted or _text(document, "current-context", say("The kubeconfig"))
    if not name:
        raise _Refused(
            say(
                "The kubeconfig has no current-context; name one of its contexts: %(contexts)s.",
                contexts=_names(contexts),
            )
        )
    if name not in contexts:
        raise _Refused(
            say(
                "The kubeconfig has no context %(name)s; it has %(contexts)s.",
                name=_quoted(name),
                contexts=_names(contexts),
            )
        )
    chosen, whose = contexts[name], say("The context %(name)s", name=_quoted(name))
    cluster_name, user_name = (_text(chosen, key, whose) for key in ("cluster", "user"))
    clusters, users = _entries(document, "clusters", "cluster"), _entries(document, "users", "user")
    if cluster_name not in clusters:
        raise _Refused(
            say(
                "%(whose)s names the cluster %(cluster_name)s, which the kubeconfig does not hold.",
                whose=whose,
                cluster_name=_quoted(cluster_name),
            )
        )
    if user_name not in users:
        raise _Refused(
            say(
                "%(whose)s names the user %(user_name)s, which the kubeconfig does not hold.",
                whose=whose,
                user_name=_quoted(user_name),
            )
        )
    cluster = _cluster(clusters[cluster_name], say("The cluster %(cluster_name)s", cluster_name=_quoted(cluster_name)))
    user = _user(users[user_name], say("The user %(user_name)s", user_name=_quoted(user_name)))
    if cluster["server"].startswith("http://") and user["client_cert_pem"]:
        raise _Refused(
            say(
                "The cluster %(cluster_name)s is reached over http, where no client certificate works.",
                cluster_name=_quoted(cluster_name),
            )
        )
    return Credentials(**cluster, **user)


def _cluster(entry: dict[str, Any], whose: str) -> dict[str, Any]:
    _no_files(entry, _CLUSTER_FILES, whose)
    ca = _text(entry, "certificate-authority-data", whose)
    insecure = _flag(entry, "insecure-skip-tls-verify", whose)
    if ca and insecure:
        raise _Refused(
            say(
                "%(whose)s has a certificate authority and insecure-skip-tls-verify; only one of them can be.",
                whose=whose,
            )
        )
    server_name = _text(entry, "tls-server-name", whose)
    if server_name and not _is_host(server_name):
        raise _Refused(say("%(whose)s has a tls-server-name that is no host name.", whose=whose))
    return {
        "server": _server(_text(entry, "server", whose), whose),
        "ca_pem": pem.authorities(ca, f"{whose}: certificate-authority-data") if ca else "",
        "insecure_skip_tls_verify": insecure,
        "tls_server_name": server_name,
        "proxy_url": _proxy(_text(entry, "proxy-url", whose), whose),
    }


def _user(entry: dict[str, Any], whose: str) -> dict[str, Any]:
    for key, sentence in _REFUSED.items():
        if entry.get(key) not in (None, "", [], {}):
            raise _Refused(say("%(whose)s %(what)s.", whose=whose, what=sentence))
    _no_files(entry, _USER_FILES, whose)
    token = _text(entry, "token", whose).strip()
    if not all("!" <= char <= "~" for char in token):
        raise _Refused(say("%(whose)s has a token with characters that no token has.", whose=whose))
    certificate, key = (_text(entry, f"client-{part}-data", whose) for part in ("certificate", "key"))
    if bool(certificate) != bool(key):
        raise _Refused(
            say("%(whose)s has only one of client-certificate-data and client-key-data; both are needed.", whose=whose)
        )
    if not token and not certificate:
        raise _Refused(say("%(whose)s has neither a token nor a client certificate.", whose=whose))
    pair = pem.pair(certificate, key, whose) if certificate else ("", "")
    return {"token": token, "client_cert_pem": pair[0], "client_key_pem": pair[1]}


def _server(text: str, whose: str) -> str:
    url = _url(text, say("%(whose)s has a server", whose=whose), say("https:// or http://"))
    if url.username is not None or url.password is not None:
        raise _Refused(
            say(
                "%(whose)s has a server with a user name in its address; put credentials into the user instead.",
                whose=whose,
            )
        )
    if len(text) > 2000:
        raise _Refused(say("%(whose)s has a server whose address is longer than 2000 characters.", whose=whose))
    return f"{url.scheme}://{url.netloc.rstrip(':')}{url.path}".rstrip("/")


def _proxy(text: str, whose: str) -> str:
    if not text:
        return ""
    if text.lower().startswith("socks"):
        raise _Refused(
            say(
                "%(whose)s is reached through a SOCKS proxy, which is not supported; use an http:// proxy.", whose=whose
            )
        )
    url = _url(text, say("%(whose)s has a proxy-url", whose=whose), say("http:// or https://"))
    if url.path not in {"", "/"}:
        raise _Refused(say("%(whose)s has a proxy-url with a path.", whose=whose))
    return f"{url.scheme}://{url.netloc}"


def _url(text: str, what: str, schemes: str) -> SplitResult:
    """Return the parts of an absolute http or https URL without query and fragment."""
    if not all("!" <= char <= "~" for char in text):
        raise _Refused(say("%(what)s with blanks or characters outside ASCII in its address.", what=what))
    try:
        url = urlsplit(text)
        port, host = url.port, url.hostname or ""
    except ValueError:
        raise _Refused(say("%(what)s that is no valid address.", what=what)) from None
    if url.scheme not in {"http", "https"}:
        raise _Refused(say("%(what)s that does not begin with %(schemes)s.", what=what, schemes=schemes))
    if not _is_host(host) or port == 0 or "?" in text or "#" in text or "\\" in text:
        raise _Refused(say("%(what)s that is no valid address.", what=what))
    return url


def _is_host(text: str) -> bool:
    """Letters, digits, '.', '-', '_', and ':' for IPv6."""
    return 0 < len(text) <= 253 and all(char.isascii() and (char.isalnum() or char in ".-_:") for char in text)


def _entries(document: dict[str, Any], section: str, inner: str) -> dict[str, dict[str, Any]]:
    """Return a list of {name: …, <inner>: {…}} as a dict."""
    found: dict[str, dict[str, Any]] = {}
    listed = document.get(section) or []
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise _Refused(say("The kubeconfig's %(section)s are not a list of mappings.", section=section))
    for item in listed:
        name = _text(item, "name", say("An entry of the kubeconfig's %(section)s", section=section))
        content = item.get(inner)
        if content in (None, ""):
            content = {}
        if not isinstance(content, dict):
            raise _Refused(
                say("The %(inner)s %(name)s of the kubeconfig is not a mapping.", inner=inner, name=_quoted(name))
            )
        if name in found:
            raise _Refused(say("The kubeconfig holds the %(inner)s %(name)s twice.", inner=inner, name=_quoted(name)))
        found[name] = content
    return found


def _no_files(entry: dict[str, Any], keys: Iterable[str], whose: str) -> None:
    for key in keys:
        if entry.get(key) not in (None, ""):
            raise _Refused(
                say(
                    "%(whose)s names a file (%(key)s), which is not read here; %(embed)s.",
                    whose=whose,
                    key=key,
                    embed=_EMBED,
                )
            )


def _text(entry: dict[str, Any], key: str, whose: str) -> str:
    value = entry.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _Refused(say("%(whose)s has a %(key)s that is not text.", whose=whose, key=key))
    return value


def _flag(entry: dict[str, Any], key: str, whose: str) -> bool:
    value = _text(entry, key, whose)
    if value not in {"", "true", "false"}:
        raise _Refused(say("%(whose)s has a %(key)s that is neither true nor false.", whose=whose, key=key))
    return value == "true"


def _quoted(text: str) -> str:
    """Return a name for a sentence: printable, one line, short."""
    shown = "".join(char if char.isprintable() else "?" for char in text)
    return f"'{shown[:60]}…'" if len(shown) > 60 else f"'{shown}'"


def _names(found: Iterable[str]) -> str:
    names = sorted(found)
    return ", ".join(_quoted(name) for name in names[:10]) + (say(" and more") if len(names) > 10 else "") or "none"
