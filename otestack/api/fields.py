"""Fields of requests and responses: strict JSON types in bodies, parsed text in query strings."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from rest_framework import serializers
from rest_framework.fields import empty

UINT32 = 2**32 - 1
INT31 = 2**31 - 1


class Text(serializers.CharField):
    """A JSON string, kept unchanged. NUL and lone surrogates are refused; so is "" unless allow_blank."""

    default_error_messages = {"invalid": "It must be a string."}

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, **options)

    def to_internal_value(self, data: Any) -> str:
        """Refuse what is no string."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Whole(serializers.IntegerField):
    """A JSON integer; true, 1.5 and "1" are refused. 0 to 2^32-1 unless told otherwise."""

    default_error_messages = {"invalid": "It must be a whole number."}

    def __init__(self, *, min_value: int = 0, max_value: int = UINT32, **options: Any) -> None:
        super().__init__(min_value=min_value, max_value=max_value, **options)

    def to_internal_value(self, data: Any) -> int:
        """Refuse what is no integer."""
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return data


class Flag(serializers.Field):
    """A JSON boolean and nothing else."""

    default_error_messages = {"invalid": "It must be true or false."}

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

    default_error_messages = {"invalid": "It must be a whole number."}

    def to_internal_value(self, data: Any) -> int:
        """Parse ASCII digits, nothing else."""
        if not (isinstance(data, str) and data.isascii() and data.lstrip("-").isdigit() and len(data) <= 20):
            self.fail("invalid")
        return super().to_internal_value(data)


class QueryFlag(serializers.Field):
    """true or false in a query string."""

    default_error_messages = {"invalid": "It must be true or false."}

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

    default_error_messages = {"unknown": "There is no field {name}; there are {names}."}

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


class UnixTime(serializers.Field):
    """A time as integer Unix seconds, UTC; null stays null."""

    def __init__(self, **options: Any) -> None:
        super().__init__(read_only=True, **options)

    def to_representation(self, value: datetime) -> int:
        """Return whole seconds."""
        return int(value.timestamp())


class Body(serializers.Serializer[Any]):
    """Base of request bodies and nested objects: null counts as absent."""

    default_error_messages = {"invalid": "It must be an object."}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Drop nulls, then validate."""
        if not isinstance(data, dict):
            self.fail("invalid")
        return super().to_internal_value({key: value for key, value in data.items() if value is not None})


class Listed(serializers.ListField):
    """A JSON array of a bounded length."""

    default_error_messages = {"not_a_list": "It must be an array."}

    def __init__(self, *, child: Any, max_length: int = 1000, **options: Any) -> None:
        super().__init__(child=child, max_length=max_length, **options)

    def to_internal_value(self, data: Any) -> list[Any]:
        """Refuse what is no array."""
        if not isinstance(data, list):
            self.fail("not_a_list", input_type=type(data).__name__)
        return super().to_internal_value(data)
