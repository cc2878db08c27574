"""The rule for names of clusters and for labels (contract, Clusters and nodes)."""

import re
from collections.abc import Iterable

from otestack.sentences import say

LENGTH = 63
RESERVED = "all"
RULE = re.compile(rf"[A-Za-z0-9](?:[A-Za-z0-9-]{{0,{LENGTH - 2}}}[A-Za-z0-9])?")


def fault(name: str) -> str:
    """Return what is wrong with a name or label, as a sentence; '' when nothing is."""
    if not RULE.fullmatch(name):
        return say(
            "It must be 1 to %(length)s letters, digits and '-', and neither begin nor end with '-'.", length=LENGTH
        )
    if name.lower() == RESERVED:
        return say("'%(reserved)s' is reserved.", reserved=RESERVED)
    return ""


def listed(names: Iterable[str], most: int = 5) -> str:
    """Return names for a sentence: quoted, sorted, the first few and how many more."""
    ordered = sorted(names)
    shown = ", ".join(f"'{name}'" for name in ordered[:most])
    if len(ordered) <= most:
        return shown
    return say("%(names)s and %(number)s more", names=shown, number=len(ordered) - most)
