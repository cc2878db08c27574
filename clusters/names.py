"""The rule for names of clusters and for labels (contract, Clusters and nodes)."""

import re
from collections.abc import Iterable

LENGTH = 63
RESERVED = "all"
RULE = re.compile(rf"[A-Za-z0-9](?:[A-Za-z0-9-]{{0,{LENGTH - 2}}}[A-Za-z0-9])?")


def fault(name: str) -> str:
    """Return what is wrong with a name or label, as a sentence; '' when nothing is."""
    if not RULE.fullmatch(name):
        return f"It must be 1 to {LENGTH} letters, digits and '-', and neither begin nor end with '-'."
    if name.lower() == RESERVED:
        return f"'{RESERVED}' is reserved."
    return ""


def listed(names: Iterable[str], most: int = 5) -> str:
    """Return names for a sentence: quoted, sorted, the first few and how many more."""
    ordered = sorted(names)
    more = f" and {len(ordered) - most} more" if len(ordered) > most else ""
    return ", ".join(f"'{name}'" for name in ordered[:most]) + more
