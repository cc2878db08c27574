"""Log lines that stay one line: nothing that a client or an edge sent can start another or steer a terminal."""

import logging
import re
from types import TracebackType

from otestack.caller import request_id

# Control characters, and those that end a line or turn the text around for whoever shows Unicode.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_INDENT = "    "


def escaped(text: str) -> str:
    """Return the text with what could start another line or steer a terminal written out."""
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _indented(text: str) -> str:
    """Return lines that nobody takes for the beginning of an entry."""
    return "\n".join(_INDENT + escaped(line) for line in text.split("\n"))


class OneLine(logging.Formatter):
    """An entry is one line; a traceback follows it indented."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the entry, with the id of the request or the work that it belongs to."""
        record.request_id = request_id() or "-"
        return escaped(super().formatMessage(record))

    def formatException(
        self, ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    ) -> str:
        """Return the traceback."""
        return _indented(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:
        """Return the stack."""
        return _indented(super().formatStack(stack_info))
