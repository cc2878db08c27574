"""Fields of requests and responses: strict JSON types in bodies, parsed text in query strings."""

import json
import math
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.fields import empty

from otestack.sentences import told

UINT32 = 2**32 - 1
INT31 = 2**31 - 1


class Rule:
    """A validator made of a function that says what is wrong. shape: the same in JSON Schema's words, for the document.

    A pattern is for the whole text, unless it begins with '^'. The function stays the judge.
    """

    def __init__(self, fault: Callable[[str], str | None], **shape: Any) -> None:
        self.fault, self.shape = fault, shape

    def __call__(self, value: str) -> None:
        """Raise ValidationError with the function's sentence."""
        if sentence := self.fault(value):
            raise serializers.ValidationError(told(sentence))


class Text(serializers.CharField):
    """A JSON string, kept unchanged. NUL and lone surrogates are refused; so is "" unless allow_blank."""

    default_error_messages = {"invalid": _("It must be a string.")}

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, **options)

    def to_internal_value(self, data: Any) -> str:
        """Refuse what is no string."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Whole(serializers.IntegerField):
    """A JSON integer; true, 1.5 and "1" are refused. 0 to 2^32-1 unless told otherwise."""

    default_error_messages = {"invalid": _("It must be a whole number.")}

    def __init__(self, *, min_value: int = 0, max_value: int = UINT32, **options: Any) -> None:
        super().__init__(min_value=min_value, max_value=max_value, **options)

    def to_internal_value(self, data: Any) -> int:
        """Refuse what is no integer."""
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return data


class Flag(serializers.Field):
    """A JSON boolean and nothing else."""

    default_error_messages = {"invalid": _("It must be true or false.")}

    def to_internal_value(self, data: Any) -> bool:
        """Refuse what is no boolean."""
        if not isinstance(data, bool):
            self.fail("invalid")
        return data

    def to_representation(self, value: Any) -> bool:
        """Return it."""
        return bool(value)


class QueryWhole(serializers.IntegerField):
    """A whole number in a query string."""

    default_error_messages = {"invalid": _("It must be a whole number.")}

    def to_internal_value(self, data: Any) -> int:
        """Parse ASCII digits, nothing else."""
        if not (isinstance(data, str) and data.isascii() and data.lstrip("-").isdigit() and len(data) <= 20):
            self.fail("invalid")
        return super().to_internal_value(data)


class QueryFlag(serializers.Field):
    """true or false in a query string."""

    default_error_messages = {"invalid": _("It must be true or false.")}

    def to_internal_value(self, data: Any) -> bool:
        """Parse the two words."""
        if data not in {"true", "false"}:
            self.fail("invalid")
        return data == "true"

    def to_representation(self, value: Any) -> bool:
        """Return it."""
        return bool(value)


class QueryNames(Text):
    """Comma-separated names in a query string, out of those there are; empty: all. Its value is a list."""

    default_error_messages = {"unknown": _("There is no field {name}; there are {names}.")}

    def __init__(self, *, names: Iterable[str], **options: Any) -> None:
        self.names = tuple(names)
        super().__init__(default="", allow_blank=True, max_length=1000, **options)

    def run_validation(self, data: Any = empty) -> Any:
        """Validate the text, then split it."""
        chosen = [name.strip() for name in super().run_validation(data).split(",")]
        for name in chosen:
            if name and name not in self.names:
                shown = name if len(name) <= 63 else f"{name[:63]}…"
                self.fail("unknown", name=f"'{shown}'", names=", ".join(self.names))
        return [name for name in chosen if name]


class Projected(serializers.Serializer[Any]):
    """Base of answers whose fields a caller may choose. context["only"]: the names; empty: all."""

    def get_fields(self) -> dict[str, Any]:
        """Return the fields asked for."""
        only: Any = self.context.get("only")
        return {name: field for name, field in super().get_fields().items() if not only or name in only}


class Upload(serializers.Field):
    """A file of a form; its value is its bytes. max_bytes: no more of it are taken."""

    default_error_messages = {
        "invalid": _("It must be a file."),
        "empty": _("It must not be empty."),
        "too_large": _("It is larger than {most} MB."),
    }

    def __init__(self, *, max_bytes: int, **options: Any) -> None:
        self.max_bytes = max_bytes
        super().__init__(write_only=True, **options)

    def to_internal_value(self, data: Any) -> bytes:
        """Refuse what is no file, and one that is too large."""
        if not isinstance(data, UploadedFile):
            self.fail("invalid")
        if (data.size or 0) > self.max_bytes:
            self.fail("too_large", most=self.max_bytes // 2**20)
        content = bytes(data.read())
        if not content:
            self.fail("empty")
        return content


class JsonObject(serializers.Field):
    """A JSON object of whatever content, bounded in bytes and nesting, without NUL, half characters and infinity."""

    default_error_messages = {
        "invalid": _("It must be an object."),
        "text": _("It holds a NUL or half a character."),
        "number": _("It holds a number that is too large."),
        "deep": _("It is nested more than {most} deep."),
        "long": _("It is longer than {most} bytes."),
    }

    def __init__(self, *, max_bytes: int, max_depth: int, **options: Any) -> None:
        self.max_bytes, self.max_depth = max_bytes, max_depth
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return it unchanged."""
        if not isinstance(data, dict):
            self.fail("invalid")
        left: list[tuple[Any, int]] = [(data, 1)]
        while left:
            value, depth = left.pop()
            if depth > self.max_depth:
                self.fail("deep", most=self.max_depth)
            if isinstance(value, dict):
                left += [(item, depth + 1) for pair in value.items() for item in pair]
            elif isinstance(value, list):
                left += [(item, depth + 1) for item in value]
            elif isinstance(value, str) and any(sign == "\0" or "\ud800" <= sign <= "\udfff" for sign in value):
                self.fail("text")
            elif isinstance(value, float) and not math.isfinite(value):
                self.fail("number")
        if len(json.dumps(data, ensure_ascii=False).encode()) > self.max_bytes:
            self.fail("long", most=self.max_bytes)
        return data


class UnixTime(serializers.Field):
    """A time as integer Unix seconds, UTC; null stays null."""

    def __init__(self, **options: Any) -> None:
        super().__init__(read_only=True, **options)

    def to_representation(self, value: datetime) -> int:
        """Return whole seconds."""
        return int(value.timestamp())


class Body(serializers.Serializer[Any]):
    """Base of request bodies and nested objects: null counts as absent."""

    default_error_messages = {"invalid": _("It must be an object.")}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Drop nulls, then validate."""
        if not isinstance(data, dict):
            self.fail("invalid")
        return super().to_internal_value({key: value for key, value in data.items() if value is not None})


class Listed(serializers.ListField):
    """A JSON array of a bounded length."""

    default_error_messages = {"not_a_list": _("It must be an array.")}

    def __init__(self, *, child: Any, max_length: int = 1000, **options: Any) -> None:
        super().__init__(child=child, max_length=max_length, **options)

    def to_internal_value(self, data: Any) -> list[Any]:
        """Refuse what is no array."""
        if not isinstance(data, list):
            self.fail("not_a_list", input_type=type(data).__name__)
        if self.max_length is not None and len(data) > self.max_length:
            # Said before looking at the items: a sentence for each of a million is an answer of its own size.
            self.fail("max_length", max_length=self.max_length)
        return super().to_internal_value(data)
