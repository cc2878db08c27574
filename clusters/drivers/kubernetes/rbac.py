"""The smallest rights that the driver needs in a cluster, as objects for `kubectl apply`, and a login that has them."""

from __future__ import annotations

import base64
import re
from typing import Any, NamedTuple

import yaml

from clusters.drivers.kubernetes.kinds import KINDS
from clusters.drivers.kubernetes.kubeconfig import Credentials
from clusters.drivers.kubernetes.onboarding import ask
from otestack.errors import Invalid
from otestack.sentences import say

NAME = "otestack"
NAMESPACE = "otestack-system"
TOKEN = "otestack-token"
# Kubernetes takes 10 minutes to 2^32 seconds; what is more than a cluster's own maximum it cuts short.
MOST_HOURS = 2**32 // 3600

_NAMESPACE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")

# get: is the name taken, and by whom? list: what is there. patch with create: server-side apply. delete: what ended.
OBJECT_VERBS = ["create", "delete", "get", "list", "patch"]


class Issued(NamedTuple):
    """A login. seconds: the life of its token as the cluster said it; 0: it lasts, or the cluster said nothing."""

    kubeconfig: str
    seconds: int


def rules() -> list[dict[str, Any]]:
    """The rules of the ClusterRole: our kinds everywhere, nodes and their labels, pods to look at and to evict."""
    groups: dict[str, list[str]] = {}
    for kind in KINDS.values():
        groups.setdefault(_group(kind.api), []).append(kind.plural)
    objects = [
        {"apiGroups": [group], "resources": sorted(plurals), "verbs": OBJECT_VERBS}
        for group, plurals in sorted(groups.items())
    ]
    return [
        {"nonResourceURLs": ["/version"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["list", "patch"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["delete", "list"]},
        *objects,
    ]


def manifests(namespace: str = NAMESPACE) -> list[dict[str, Any]]:
    """A namespace, a service account in it, its role, the binding, and the Secret that holds a lasting token.

    Role and binding are the whole cluster's: elsewhere than in the usual namespace they have names of their own, so
    that one installation's do not take the place of another's. Raises Invalid.
    """
    _require_namespace(namespace)
    own = NAME if namespace == NAMESPACE else f"{NAME}-{namespace}"
    account = {"kind": "ServiceAccount", "name": NAME, "namespace": namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": own}
    rbac = "rbac.authorization.k8s.io/v1"
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": NAME, "namespace": namespace},
            "automountServiceAccountToken": False,
        },
        {"apiVersion": rbac, "kind": "ClusterRole", "metadata": {"name": own}, "rules": rules()},
        {
            "apiVersion": rbac,
            "kind": "ClusterRoleBinding",
            "metadata": {"name": own},
            "roleRef": role,
            "subjects": [account],
        },
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": TOKEN,
                "namespace": namespace,
                "annotations": {"kubernetes.io/service-account.name": NAME},
            },
            "type": "kubernetes.io/service-account-token",
        },
    ]


def manifest(namespace: str = NAMESPACE) -> str:
    """The same as YAML for `kubectl apply -f -`. Raises Invalid."""
    return yaml.safe_dump_all(manifests(namespace), sort_keys=False)


def login(owner: Credentials, namespace: str = NAMESPACE, hours: int = 0) -> Issued:
    """Return a kubeconfig of the service account, asked for with the credentials of the cluster's owner.

    hours: the life of its token, at most MOST_HOURS; 0 takes the lasting one out of the Secret.
    Raises Invalid or Unavailable.
    """
    _require_namespace(namespace)
    if not 0 <= hours <= MOST_HOURS:
        raise Invalid(
            hours=say(
                "It is a whole number from 1 to %(most)s, the most that Kubernetes takes, or 0 for a token that lasts; "
                "a cluster may allow less.",
                most=MOST_HOURS,
            )
        )
    base = f"/api/v1/namespaces/{namespace}"
    missing = say(
        "There is no token of %(namespace)s/%(name)s there yet; apply what `cluster rbac` prints first.",
        namespace=namespace,
        name=NAME,
    )
    if hours:
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": hours * 3600},
        }
        what = say("create serviceaccounts/token in %(namespace)s", namespace=namespace)
        answer = ask(owner, f"{base}/serviceaccounts/{NAME}/token", what, missing, body)
        token = _text(answer, "status", "token")
    else:
        answer = ask(
            owner,
            f"{base}/secrets/{TOKEN}",
            say("get the secret %(namespace)s/%(token)s", namespace=namespace, token=TOKEN),
            missing,
        )
        token = _decoded(_text(answer, "data", "token"))
    if not token:
        raise Invalid(kubeconfig=missing)
    spec = answer.get("spec")
    given = spec.get("expirationSeconds") if isinstance(spec, dict) else None
    return Issued(_kubeconfig(owner, token, namespace), given if isinstance(given, int) else 0)


def _require_namespace(name: str) -> None:
    if not _NAMESPACE.fullmatch(name):
        raise Invalid(
            namespace=say("A namespace is 1 to 63 small letters, digits and '-', and neither begins nor ends with '-'.")
        )


def _kubeconfig(owner: Credentials, token: str, namespace: str) -> str:
    cluster: dict[str, Any] = {"server": owner.server}
    if owner.ca_pem:
        cluster["certificate-authority-data"] = base64.b64encode(owner.ca_pem.encode()).decode()
    if owner.insecure_skip_tls_verify:
        cluster["insecure-skip-tls-verify"] = True
    if owner.tls_server_name:
        cluster["tls-server-name"] = owner.tls_server_name
    if owner.proxy_url:
        cluster["proxy-url"] = owner.proxy_url
    context = {"cluster": "edge", "user": NAME, "namespace": namespace}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "edge", "cluster": cluster}],
            "users": [{"name": NAME, "user": {"token": token}}],
            "contexts": [{"name": NAME, "context": context}],
            "current-context": NAME,
        },
        sort_keys=False,
    )


def _group(api: str) -> str:
    return "" if api == "/api/v1" else api.split("/")[2]


def _text(answer: dict[str, Any], part: str, key: str) -> str:
    found = answer.get(part)
    value = found.get(key) if isinstance(found, dict) else None
    return value if isinstance(value, str) else ""


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except ValueError:  # of base64, of its characters, of UTF-8
        return ""
