"""Names, labels and annotations."""

import re
from typing import Any

from ..api.status import Cause, invalid_value, required
from ..kinds import Kind

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_DNS1035 = r"[a-z]([-a-z0-9]*[a-z0-9])?"
_VALUE = r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"
_QUALIFIED = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"

LABEL_DETAIL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    f"with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
SUBDOMAIN_DETAIL = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    f"and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)
_DNS1035_DETAIL = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    f"and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '{_DNS1035}')"
)
_VALUE_DETAIL = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    f"'{_VALUE}')"
)
_KEY_DETAIL = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    f"'{_QUALIFIED}')"
)
_LABEL_NAMED = frozenset({"Namespace"})
_FREE_NAMED = frozenset({"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"})


def name_faults(kind: Kind, name: str, field: str = "metadata.name") -> list[Cause]:
    """Faults of an object's name."""
    if kind.name in _FREE_NAMED:
        return [invalid_value(field, name, "may not contain '/' or '%'")] if re.search(r"[/%]", name) else []
    if kind.name == "Service":
        return _faults(name, _DNS1035, 63, _DNS1035_DETAIL, field)
    if kind.name in _LABEL_NAMED:
        return _faults(name, _LABEL, 63, LABEL_DETAIL, field)
    return _faults(name, _SUBDOMAIN, 253, SUBDOMAIN_DETAIL, field)


def label_name_faults(name: str, field: str) -> list[Cause]:
    """Container, volume and port names are DNS labels."""
    return _faults(name, _LABEL, 63, LABEL_DETAIL, field)


def _faults(value: str, pattern: str, limit: int, detail: str, field: str) -> list[Cause]:
    found = []
    if len(value) > limit:
        found.append(invalid_value(field, value, f"must be no more than {limit} characters"))
    if not re.fullmatch(pattern, value):
        found.append(invalid_value(field, value, detail))
    return found


def check_metadata(kind: Kind, meta: dict[str, Any]) -> list[Cause]:
    """Faults of name, labels and annotations."""
    name = meta.get("name", "")
    found = name_faults(kind, name) if name else [required("metadata.name", "name or generateName is required")]
    found += label_faults(meta.get("labels") or {}, "metadata.labels")
    annotations = meta.get("annotations") or {}
    found += [fault for key in annotations for fault in _key_faults(key.lower(), "metadata.annotations", key)]
    if sum(len(key) + len(value) for key, value in annotations.items()) > 256 * 1024:
        found.append(
            {
                "reason": "FieldValueTooLong",
                "message": "Too long: may not be more than 262144 bytes",
                "field": "metadata.annotations",
            }
        )
    return found


def label_faults(labels: dict[str, str], field: str) -> list[Cause]:
    """Faults of labels."""
    found = []
    for key, value in labels.items():
        found += _key_faults(key, field, key)
        found += _faults(value, _VALUE, 63, _VALUE_DETAIL, field)
    return found


def _key_faults(key: str, field: str, shown: str) -> list[Cause]:
    prefix, slash, name = key.rpartition("/")
    found = []
    if slash and not re.fullmatch(_SUBDOMAIN, prefix):
        found.append(invalid_value(field, shown, f"prefix part {SUBDOMAIN_DETAIL}"))
    if len(name) > 63:
        found.append(invalid_value(field, shown, "name part must be no more than 63 characters"))
    if not re.fullmatch(_QUALIFIED, name):
        found.append(invalid_value(field, shown, _KEY_DETAIL))
    return found
