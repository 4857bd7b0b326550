"""The shapes of 200,000 items of which none may take longer to record than any other: what is kept is bounded by cost.

Each is a list, a dict or a set as a step might return it, and some as it should not.
"""

import datetime as dt
import decimal
import enum
import fractions
import ipaddress
import pathlib
import types
import uuid
from collections import ChainMap, Counter, OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from msgspec import Struct
from pydantic import BaseModel

__all__ = ["ITEMS", "SECRETS", "SHAPES"]

ITEMS: Final = 200_000
SENTENCE: Final = "The invoice of 12 March lists three items, two of which were returned: see page 4. "


@dataclass(kw_only=True)
class Document:
    """A row that declares its fields."""

    id: Any
    name: Any
    score: Any


@dataclass(kw_only=True)
class Hit:
    """A row with rows inside."""

    rank: int
    document: Document
    tags: list[str]


class Thing:
    """A row that declares nothing."""

    def __init__(self, number: int) -> None:
        self.id, self.name, self.score = number, f"document {number}", 1.5


class Model(BaseModel):
    """A row of pydantic's."""

    id: int
    name: str
    score: float


class Packed(Struct):
    """A row of msgspec's."""

    id: int
    name: str


class Point(NamedTuple):
    """A row with a position for each field."""

    x: int
    y: int


class Color(enum.Enum):
    """A row that is one of a few."""

    RED = 1


def _row(number: int) -> dict[str, Any]:
    return {"id": number, "name": f"document {number}", "score": 1.5}


def _mixed_row(number: int) -> dict[str, Any]:
    moment, amount = dt.datetime(2026, 1, 1, tzinfo=dt.UTC), decimal.Decimal(number) / 7
    return {"id": uuid.UUID(int=number), "at": moment, "amount": amount, "tags": ["a", "b"], "seen": None, "ok": True}


def _document(number: int) -> Document:
    return Document(**_row(number))


_MIXED: Final = (1, "a", 2.5, None, {"a": 1}, (1, 2), b"xy", Color.RED, uuid.UUID(int=5), dt.date(2026, 1, 1))

_ITEMS: Final[dict[str, Callable[[int], Any]]] = {
    "integers": lambda number: number,
    "large integers": lambda number: 10**12 + number,
    "integers beyond 64 bits": lambda number: 10**30 + number,
    "fractions as floats": lambda number: number / 7,
    "NaN": lambda _: float("nan"),
    "None": lambda _: None,
    "short texts": lambda number: f"x{number}",
    "sentences": lambda number: SENTENCE + str(number),
    "URLs": lambda number: f"https://example.com/items/{number}?page=2",
    "hexadecimal texts": lambda number: f"{number * 7919**10:064x}",
    "bytes": lambda number: b"%010d" % number,
    "2 KiB of bytes": lambda _: bytes(2_048),
    "1 MiB of bytes": lambda _: _MEBIBYTE,
    "tuples": lambda number: (number, 2, 3),
    "pairs": lambda number: (f"k{number}", f"v{number}"),
    "dictionaries of three": _row,
    "dictionaries of ten": lambda number: {f"k{each}": number for each in range(10)},
    "dictionaries with 2 KB of text": lambda number: {"id": number, "text": SENTENCE * 25},
    "dictionaries of six types": _mixed_row,
    "dictionaries with names of their own": lambda number: {f"field {number}": number},
    "dictionaries with numbers as keys": lambda number: {number: number},
    "dictionaries in dictionaries": lambda number: {"a": {"b": {"c": {"d": number}}}},
    "dictionaries with a secret": lambda number: {"id": number, "api_key": f"x{number}"},
    "messages": lambda number: {"role": "user", "content": [{"type": "text", "text": f"hello {number}"}]},
    "lists in lists": lambda number: [[[[number]]]],
    "empty lists": lambda _: [],
    "sets": lambda number: {number, 2},
    "deques": lambda number: deque([number, 2]),
    "ordered dictionaries": lambda number: OrderedDict[str, int](a=number),
    "counters": lambda _: Counter("ab"),
    "chained maps": lambda number: ChainMap({"a": number}),
    "namespaces": lambda number: types.SimpleNamespace(a=number, b="x"),
    "dataclasses of three": _document,
    "dataclasses in dataclasses": lambda number: Hit(rank=1, document=_document(number), tags=["a"]),
    "pydantic models": lambda number: Model.model_construct(**_row(number)),
    "Structs": lambda number: Packed(number, "row"),
    "named tuples": lambda number: Point(number, 2),
    "objects of an undeclared type": Thing,
    "objects without attributes": lambda _: object(),
    "UUIDs": lambda number: uuid.UUID(int=number),
    "Decimals": lambda number: decimal.Decimal(number) / 7,
    "fractions": lambda number: fractions.Fraction(number, 7),
    "fractions too long to write": lambda _: _UNREADABLE,
    "moments": lambda _: dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    "spans of time": lambda _: dt.timedelta(1),
    "paths": lambda number: pathlib.PurePosixPath(f"/a/{number}"),
    "IPv6 addresses": lambda number: ipaddress.IPv6Address(number * 7919**5),
    "enum members": lambda _: Color.RED,
    "exceptions": lambda number: ValueError("bad row", number),
    "functions": lambda _: len,
    "generators": lambda _: (each for each in ()),
    "ten types": lambda number: _MIXED[number % 10],
}
_MEBIBYTE: Final = bytes(1 << 20)
_UNREADABLE: Final = fractions.Fraction(10**5_000, 3)


def _listed(make: Callable[[int], Any]) -> Callable[[], Any]:
    return lambda: [make(number) for number in range(ITEMS)]


def _keyed(name: Callable[[int], Any], make: Callable[[int], Any]) -> Callable[[], Any]:
    return lambda: {name(number): make(number) for number in range(ITEMS)}


def _of(kind: Callable[[Iterable[Any]], Any], make: Callable[[int], Any]) -> Callable[[], Any]:
    return lambda: kind(make(number) for number in range(ITEMS))


SHAPES: Final[dict[str, Callable[[], Any]]] = {
    **{f"list of {what}": _listed(make) for what, make in _ITEMS.items()},
    "dict of integers": _keyed(str, int),
    "dict of rows": _keyed(lambda number: f"doc-{number}", _row),
    "dict with long names": _keyed(lambda number: f"a name that is rather long: {number}", int),
    "dict with secret names": _keyed(lambda number: f"api_key_{number}", str),
    "dict with UUIDs as keys": _keyed(lambda number: uuid.UUID(int=number), int),
    "set of texts": _of(set, str),
    "tuple of integers": _of(tuple, int),
    "deque of integers": _of(deque, int),
}
"""What each shape is called, and what makes one."""

SECRETS: Final[dict[str, Callable[[], Any]]] = {
    "password=…": _listed(lambda number: f"password=hunter{number}"),
    "key=…": _listed(lambda number: f"key={number}"),
    "sk-ant-…": _listed(lambda number: f"sk-ant-aaaaaaaaaaaaaa{number}"),
    "eyJ….….": _listed(lambda number: f"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIi{number}"),
    "https://…@…": _listed(lambda number: f"https://e.com/{number} to a@b.c"),
}
"""Texts that are, or hold, or seem to hold a secret, by how they begin."""
