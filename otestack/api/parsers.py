"""Reading bodies: strict JSON of a bounded size."""

import codecs
import json
from typing import Any

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser, MultiPartParser

from otestack.sentences import say, told


def _refuse(constant: str) -> Any:
    raise ParseError(told(say("The body is not valid JSON: there is no %(constant)s.", constant=constant)))


class StrictJSONParser(BaseParser):
    """application/json in UTF-8; an object at the top. Raises ParseError (422) with what is wrong."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> dict[str, Any]:
        """Return the body as a dict."""
        encoding = (parser_context or {}).get("encoding") or "utf-8"
        try:
            known = codecs.lookup(encoding).name
        except LookupError:
            known = ""
        if known != "utf-8":
            raise ParseError(told(say("The body must be UTF-8.")))
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            raise ParseError(told(say("The body is longer than %(limit)s bytes.", limit=limit)))
        try:
            body = json.loads(raw.decode("utf-8-sig"), parse_constant=_refuse)
        except RecursionError as error:
            raise ParseError(told(say("The body is nested too deeply."))) from error
        except UnicodeDecodeError as error:
            raise ParseError(told(say("The body must be UTF-8."))) from error
        except json.JSONDecodeError as error:
            raise ParseError(told(say("The body is not valid JSON: %(error)s.", error=error))) from error
        except ValueError as error:  # what is left: Python turns no longer text into a number
            raise ParseError(told(say("The body holds a number of too many digits."))) from error
        if not isinstance(body, dict):
            raise ParseError(told(say("The body must be a JSON object.")))
        return body


class FormParser(MultiPartParser):
    """multipart/form-data of a few short fields and one file. Raises ParseError (422) with what is wrong.

    max_bytes: of the whole body. No more of one is read, whatever it says of itself.
    """

    max_bytes = 10 * 2**20 + 64 * 2**10

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Return fields and files."""
        request = (parser_context or {})["request"]
        if int(request.META.get("CONTENT_LENGTH") or 0) > self.max_bytes:
            raise ParseError(told(say("The form is longer than %(limit)s bytes.", limit=self.max_bytes)))
        try:
            return super().parse(stream, media_type, parser_context)
        except (SuspiciousOperation, UnicodeError, ValueError) as error:
            raise ParseError(told(say("The form cannot be read: it is malformed, or has too many fields."))) from error
