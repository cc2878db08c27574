"""Rows of values in the shape that a serializer declares.

A serializer goes through its fields and through models for each row, which costs more than the row's SQL. Here its
fields are looked at once: which columns they show, and what is made of these.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable
from functools import lru_cache
from operator import itemgetter
from typing import Any

from rest_framework import serializers
from rest_framework.fields import empty

# Of these the value is shown as the database has it.
_PLAIN = (
    serializers.CharField,
    serializers.IntegerField,
    serializers.BooleanField,
    serializers.ChoiceField,
)
Json = dict[str, Any]


class Shape:
    """The fields of a serializer class. only: the names of those asked for; none: all.

    A class with SerializerMethodFields says in `reads` which columns these need, named as in values_list(), and they
    find them as attributes of a row: row.cluster__name. `json_columns`: those whose JSON a field's source leads into.
    """

    def __init__(self, declared: Any, only: tuple[str, ...]) -> None:
        self.declared = declared
        fields = declared(context={"only": only}).fields
        json_columns = getattr(declared, "json_columns", ())
        sources = {name: _source(name, field, json_columns) for name, field in fields.items()}
        needed = [path for path, _ in sources.values() if path] + list(getattr(declared, "reads", ()))
        # The columns to select, each once.
        self.columns = list(dict.fromkeys(needed))
        self.row: Any = namedtuple("Row", self.columns)  # type: ignore[misc]
        self._names = list(fields)
        places = [self.columns.index(path) if path else 0 for path, _ in sources.values()]
        self._values = itemgetter(*places, 0)  # one more, so that it is a tuple in any case
        self._made = {name: make for name, (path, make) in sources.items() if path and make}
        self._methods = {name: fields[name].method_name for name, (path, _) in sources.items() if not path}
        # Each field is a column as the database has it.
        self._plain = places == list(range(len(self.columns))) and not self._made and not self._methods

    def row_of(self, value: Any) -> Any:
        """Return the row of an object: its attributes of the columns' names."""
        return self.row._make(getattr(value, column) for column in self.columns)

    def shown(self, context: Json) -> Callable[[tuple[Any, ...]], Json]:
        """Return the function that makes the declared object of a row of `columns`. context: for the methods."""
        names, values, made, named = self._names, self._values, self._made, self.row._make
        if self._plain:
            return lambda row: dict(zip(names, row, strict=True))
        methods = {}
        if self._methods:
            serializer = self.declared(context=context)
            methods = {name: getattr(serializer, method) for name, method in self._methods.items()}

        def show(row: tuple[Any, ...]) -> Json:
            item = dict(zip(names, values(row), strict=False))
            for name, make in made.items():
                item[name] = make(item[name])
            if methods:
                attributes = named(row)
                for name, method in methods.items():
                    item[name] = method(attributes)
            return item

        return show


@lru_cache(maxsize=256)
def shape(declared: Any, only: tuple[str, ...] = ()) -> Shape:
    """Return the shape of a serializer class, made once."""
    return Shape(declared, only)


def _source(name: str, field: Any, json_columns: Iterable[str]) -> tuple[str, Callable[[Any], Any] | None]:
    """Return the column that a field shows, and what makes its value of it; no column: a method does."""
    if isinstance(field, serializers.SerializerMethodField):
        return "", None
    path: list[str] = (field.source or name).split(".")
    if path[0] in json_columns:
        return path[0], _inside(path[1], field)
    return "__".join(path), None if isinstance(field, _PLAIN) else _or_null(field.to_representation)


def _or_null(make: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else make(value)


def _inside(key: str, field: Any) -> Callable[[Json], Any]:
    default = None if field.default is empty else field.default
    if isinstance(field, serializers.ReadOnlyField):  # shows what there is
        return lambda stored: stored.get(key, default)
    return lambda stored: field.to_representation(stored.get(key, default))
