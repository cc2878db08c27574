"""Sentences that people read: made in English, shown in the reader's language.

A `Sentence` is its English text, so whatever handles it as text (logs, the audit trail, comparisons) stays English.
It remembers the message it was made of and the values in it: all that `told` needs to say it in the language of the
request at hand, and what a `SentenceField` stores, so that whoever reads the row later reads it in their own language.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from django.db import models
from django.utils.functional import Promise
from django.utils.html import escape
from django.utils.translation import gettext, override

# Around a sentence in a column's text: signs that one_line() and JSON keep out of everything else there.
_OPEN, _CLOSE = "\x02", "\x03"
_STORED = re.compile(f"{_OPEN}([^{_OPEN}{_CLOSE}]*){_CLOSE}")


class Sentence(str):
    """An English text with the message and the values that it was made of. Made by `say`."""

    __slots__ = ("message", "values")
    message: str
    values: dict[str, Any]

    def __html__(self) -> str:
        """Templates and format_html show it in the reader's language."""
        return str(escape(told(self)))

    def __reduce__(self) -> Any:
        return _made, (self.message, self.values)


def say(message: str, /, **values: object) -> Sentence:
    """Return a sentence. message: a literal with named placeholders, as the catalog has it; see `make words`.

    A value may be a sentence itself, an error that has one, or a lazy word: they are told in the reader's language too.
    """
    return _made(message, {name: _value(value) for name, value in values.items()})


def told(text: str) -> str:
    """Return a text in the active language; one that is no sentence as it is."""
    if not isinstance(text, Sentence):
        return text
    shown = gettext(text.message)
    return shown % {name: _told(value) for name, value in text.values.items()} if text.values else shown


def english(value: Any) -> Any:
    """Return a lazy word in English, whatever the active language; anything else as it is."""
    if isinstance(value, Promise):
        with override("en"):
            return str(value)
    return value


def joined(parts: Iterable[str], between: str = "") -> str:
    """Return texts and sentences one after the other, as one."""
    texts = list(parts)
    if not any(isinstance(text, Sentence) for text in texts):
        return between.join(texts)
    if len(texts) == 1:
        return texts[0]
    values = {str(number): text for number, text in enumerate(texts)}
    return _made(between.replace("%", "%%").join(f"%({name})s" for name in values), values)


def continued(sentence: str) -> str:
    """Return it as the end of another: it begins small. The catalog has to know it so too."""
    small = sentence[:1].lower() + sentence[1:]
    if not isinstance(sentence, Sentence):
        return small
    return _made(sentence.message[:1].lower() + sentence.message[1:], sentence.values)


def bounded(text: str, most: int, end: str = "") -> str:
    """Return a text cut to `most` signs, `end` at its end. A sentence stays one where its last value can give way."""
    if len(text) <= most:
        return text
    cut = text[: most - len(end)] + end
    if isinstance(text, Sentence) and text.values:
        name, last = list(text.values.items())[-1]
        if isinstance(last, str) and len(last) > len(text) - len(cut):
            shorter = bounded(last, len(last) - len(text) + most, end)
            if (kept := _made(text.message, text.values | {name: shorter})) == cut:
                return kept
    return cut


def packed(text: str) -> str:
    """Return what a column stores: a sentence as its message and values, any other text as it is."""
    if not isinstance(text, Sentence):
        return text
    return f"{_OPEN}{json.dumps(_plain(text), ensure_ascii=False, sort_keys=True)}{_CLOSE}"


def unpacked(text: str) -> str:
    """Return what a column holds, also where SQL put text around a sentence; text of before is as it was."""
    if _OPEN not in text:
        return text
    parts: list[str] = []
    for number, part in enumerate(_STORED.split(text)):
        if part:
            parts.append(_read(part) if number % 2 else part)
    return joined(parts)


class SentenceField(models.TextField):
    """A column for a text that may be a sentence; it comes back as one."""

    def from_db_value(self, value: str | None, *_: Any) -> str | None:
        """Read it."""
        return value if value is None else unpacked(value)

    def get_prep_value(self, value: Any) -> Any:
        """Write it."""
        return packed(value) if isinstance(value, Sentence) else super().get_prep_value(value)


def _made(message: str, values: dict[str, Any]) -> Sentence:
    made = Sentence(message % {name: english(value) for name, value in values.items()} if values else message)
    made.message, made.values = message, values
    return made


def _value(value: object) -> Any:
    if isinstance(value, Exception) and value.args and isinstance(value.args[0], Sentence):
        return value.args[0]
    return value if type(value) is int or isinstance(value, Sentence | Promise) else str(value)


def _told(value: Any) -> Any:
    return told(value) if isinstance(value, Sentence) else value


def _plain(value: Any) -> Any:
    if isinstance(value, Sentence):
        return [value.message, {name: _plain(part) for name, part in value.values.items()}]
    return english(value)


def _read(stored: str) -> str:
    try:
        made = _remade(json.loads(stored))
    except (ValueError, TypeError, KeyError, AttributeError):
        return stored
    return made if isinstance(made, Sentence) else stored


def _remade(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    message, values = value
    return _made(message, {name: _remade(part) for name, part in values.items()})
