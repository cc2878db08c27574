"""Kubernetes quantities: 100m, 2Gi, 1e3."""

import re
from decimal import ROUND_UP, Decimal

PATTERN = r"^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"
_QUANTITY = re.compile(r"^([+-]?(?:\d+\.?\d*|\.\d+))(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?\d+)?$")
_FACTORS = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}

_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL = {-9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P", 18: "E"}


def parse(text: object) -> Decimal:
    """The value of a quantity. Raises ValueError."""
    found = _QUANTITY.match(str(text).strip())
    if not found:
        raise ValueError(f"quantities must match the regular expression '{PATTERN}'")
    number, suffix = Decimal(found.group(1)), found.group(2) or ""
    if suffix in _FACTORS:
        return number * _FACTORS[suffix]
    return number * Decimal(10) ** int(suffix[1:])


def canonical(text: object) -> str:
    """The same quantity as an API server stores it: 1024Mi is 1Gi, 0.5 is 500m, 1000 is 1k. Raises ValueError.

    Source: k8s.io/apimachinery/pkg/api/resource, the comment of Quantity: no fraction, the largest suffix that fits.
    """
    value = parse(text)
    found = _QUANTITY.match(str(text).strip())
    suffix = (found.group(2) or "") if found else ""
    if value == 0:
        return "0"
    if suffix.endswith("i") and abs(value) >= 1024 and value == int(value):
        whole, power = int(value), 0
        while whole % 1024 == 0 and power < len(_BINARY) - 1:
            whole, power = whole // 1024, power + 1
        return f"{whole}{_BINARY[power]}"
    whole, power = int(value.scaleb(9).to_integral_value(ROUND_UP)), -9
    while whole % 1000 == 0 and power < 18:
        whole, power = whole // 1000, power + 3
    if suffix[:1] in {"e", "E"} and suffix[1:]:
        return f"{whole}e{power}"
    return f"{whole}{_DECIMAL[power]}"
