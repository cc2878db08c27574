"""A record's history in the back-office: sentences that each reader gets in the own language."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.admin.models import LogEntry

from otestack.sentences import packed, say, told, unpacked


def kept(done: str, comment: str = "") -> str:
    """Return what an entry keeps. done: what was done, in small letters; comment: what was said of it."""
    if comment:
        return packed(say("%(done)s. Comment: %(comment)s", done=done, comment=comment))
    return packed(say("%(done)s.", done=done))


def shown(message: str) -> str:
    """Return what an entry says to whoever reads it; text of before as it stands."""
    text = told(unpacked(message))
    return text[:1].upper() + text[1:]


def show(entries: Iterable[LogEntry]) -> None:
    """Have entries say it, for a page."""
    for entry in entries:
        entry.change_message = shown(entry.change_message)
