"""The grammar of q and sort, and paging, over a table.

Harbor decodes q once more than the server did, ignores keys that it does not know, and sorts by its own default when
no key of `sort` is known.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus, urlencode

from .database import Database, Row
from .errors import bad_request, unknown
from .wire import Request

Condition = tuple[str, tuple[Any, ...]]

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


@dataclass(frozen=True)
class Exactly:
    """k=v"""

    text: str


@dataclass(frozen=True)
class Contains:
    """k=~v"""

    text: str


@dataclass(frozen=True)
class Between:
    """k=[a~b]; None is open."""

    least: str | None
    most: str | None


@dataclass(frozen=True)
class AnyOf:
    """k={a b}"""

    values: tuple[str, ...]


@dataclass(frozen=True)
class AllOf:
    """k=(a b); tables that know no such thing ignore it."""

    values: tuple[str, ...]


Wanted = Exactly | Contains | Between | AnyOf | AllOf


@dataclass(frozen=True)
class Table:
    """Which columns may be asked for, and the order when nobody asks."""

    name: str
    texts: frozenset[str]
    numbers: frozenset[str]
    order: str
    # Keys with a meaning of their own.
    special: dict[str, Callable[[Wanted], Condition]] = field(default_factory=dict)

    def column(self, key: str) -> str:
        """The column of a key, which may be spelled as in Go; empty when there is none."""
        column = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower()
        return column if column in self.texts | self.numbers else ""


def parse(text: str) -> dict[str, Wanted]:
    """Take a q apart. Raises a 400 when it is malformed."""
    found: dict[str, Wanted] = {}
    if not text:
        return found
    for pair in unquote_plus(text).split(","):
        key, equals, value = pair.partition("=")
        if not (key and equals and value):
            raise bad_request('the query string must contain "=" and the key/value cannot be empty')
        found[key] = _pattern(value)
    return found


def _pattern(value: str) -> Wanted:
    inner = value[1:-1]
    if value[0] == "~":
        if len(value) < 2:
            raise bad_request(f"invalid query string value: {value}")
        return Contains(value[1:])
    if value[0] == "[":
        least, _, most = (part.strip() for part in inner.partition("~"))
        if value[-1] != "]" or value.count("~") != 1 or not (least or most):
            raise bad_request(f"invalid query string value: {value}")
        return Between(_plain(least) or None, _plain(most) or None)
    if value[0] in "{(":
        if value[-1] != {"{": "}", "(": ")"}[value[0]] or len(value) < 2:
            raise bad_request(f"invalid query string value: {value}")
        values = tuple(filter(None, map(_plain, inner.split(" "))))
        return AnyOf(values) if value[0] == "{" else AllOf(values)
    return Exactly(value[1:] if value[0] == "\\" else value)


def _plain(value: str) -> str:
    return value.strip().strip("\"'")


def is_true(text: str) -> bool:
    """What a filter on a bool takes for true."""
    return text.lower() in ("true", "1")


def conditions(table: Table, wanted: dict[str, Wanted]) -> list[Condition]:
    """What the keys mean in SQL; unknown ones mean nothing."""
    found = []
    for key, one in wanted.items():
        if key in table.special:
            found.append(table.special[key](one))
        elif column := table.column(key):
            found += _condition(table, column, one)
    return found


def _condition(table: Table, column: str, wanted: Wanted) -> Iterable[Condition]:
    def cast(text: str) -> int | str:
        if column in table.numbers:
            if not re.fullmatch(r"[+-]?\d{1,18}", text):
                raise unknown(f"invalid input syntax for a number: {text}")
            return int(text)
        return f"{text}.000Z" if _MOMENT.fullmatch(text) else text

    name = f"{table.name}.{column}"
    match wanted:
        case Exactly(text):
            yield f"{name} = ?", (cast(text),)
        case Contains(text):
            yield f"instr(lower({name}), lower(?)) > 0", (text,)
        case Between(least, most):
            if least is not None:
                yield f"{name} >= ?", (cast(least),)
            if most is not None:
                yield f"{name} <= ?", (cast(most),)
        case AnyOf(values):
            yield f"{name} IN ({', '.join('?' * len(values))})", tuple(map(cast, values))
        case AllOf():
            return


def ordering(table: Table, sort: str) -> str:
    """An ORDER BY."""
    parts = []
    for key in sort.split(","):
        if column := table.column(key.removeprefix("-")):
            parts.append(f"{table.name}.{column} {'DESC' if key.startswith('-') else 'ASC'}")
    return ", ".join(parts) or table.order


@dataclass
class Page:
    """The rows of one page, how many there are in all, and the links to the next."""

    rows: list[Row]
    total: int
    headers: dict[str, str]


def page(database: Database, table: Table, request: Request, where: list[Condition]) -> Page:
    """Read the page that the request asks for, filtered by its q and by `where`."""
    where = [*conditions(table, parse(request.one("q"))), *where]
    clause = " AND ".join(sql for sql, _ in where) or "1"
    values = [value for _, some in where for value in some]
    total = int(database.value(f"SELECT count(*) FROM {table.name} WHERE {clause}", *values))
    statement = f"SELECT * FROM {table.name} WHERE {clause} ORDER BY {ordering(table, request.one('sort'))}"
    number, size = request.whole("page", 1), request.whole("page_size", 10, most=100)
    if size > 0:  # 0 and less: no limit
        statement += f" LIMIT {size} OFFSET {max(number - 1, 0) * size}"
    return Page(database.rows(statement, *values), total, paging(request, total))


def paging(request: Request, total: int) -> dict[str, str]:
    """The headers of a list. The query in the links is not escaped: whoever follows them must do so."""
    number, size = request.whole("page", 1), request.whole("page_size", 10, most=100)
    links = []
    if number > 1 and 0 < (number - 1) * size < total:
        links.append((number - 1, "prev"))
    if size and 0 < size * number < total:
        links.append((number + 1, "next"))
    headers = {"X-Total-Count": str(total)}
    if links:
        headers["Link"] = " , ".join(f'<{_link(request, target, size)}>; rel="{rel}"' for target, rel in links)
    return headers


def _link(request: Request, number: int, size: int) -> str:
    query = {key: values for key, values in request.query.items() if key not in ("page", "page_size")}
    query |= {"page": [str(number)], "page_size": [str(size)]}
    text = unquote_plus(urlencode(sorted(query.items()), doseq=True))
    return f"{request.path}?{text}".replace("\r", "").replace("\n", "")
