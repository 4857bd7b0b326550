"""The one form that tables and columns take, whichever library holds them: schema first, then nulls, then a few rows.

``describe_table`` and ``describe_column`` write it from ``Column``, which a library's module fills without reading more
than the rows it is asked for. A missing cell is ``null``; NaN that its library tells apart from missing stays NaN.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, cast

from msgspec import Struct

from recorder.typenames import type_name_of
from recorder.values.copying import Copy

__all__ = ["COUNTED_ROWS", "HEAD_BYTES", "HEAD_ROWS", "SCHEMA_COLUMNS", "Column", "describe_column", "describe_table"]

HEAD_ROWS: Final = 5
HEAD_BYTES: Final = 1 << 16
"""Cells whose data is larger than this together are not read."""

COUNTED_ROWS: Final = 1 << 16
"""Nulls are counted in so many first rows, where counting means reading."""

_READ_COLUMNS: Final = 32
SCHEMA_COLUMNS: Final = 500
"""So many columns are named."""

_CELL_CHARS: Final = 200

_TABLE: Final = 300
_COLUMN: Final = 250
"""The work of describing a table, and of each column: a quarter of what it costs, for a few are worth more than it."""


class Column(Struct, frozen=True, kw_only=True):
    """A column, or the first rows of it.

    Attributes:
        name: Any label that its library allows.
        dtype: The name of its type.
        nulls: Missing cells among those counted, None where they were not.
        head: The first cells, None where they were not read.
    """

    name: Any
    dtype: str
    nulls: int | None = None
    head: list[Any] | None = None


def describe_table(
    copy: Copy,
    facts: dict[str, Any],
    rows: int,
    width: int,
    schema: Sequence[tuple[Any, str]],
    read: Callable[[int], Column],
    counted: int,
) -> dict[str, Any]:
    """A table of so many rows and columns.

    Args:
        copy: The copy it is part of.
        facts: What comes first.
        rows: How many rows there are.
        width: How many columns.
        schema: Names and types of at least the first ``SCHEMA_COLUMNS``.
        read: Gives the column at a position.
        counted: How many first rows its nulls are counted in.
    """
    labels = _labels([name for name, _ in schema[:SCHEMA_COLUMNS]])
    copy.room -= 80
    facts["shape"] = [rows, width]
    facts["columns"] = types = dict[str, str]()
    for label, (_, dtype) in zip(labels, schema, strict=False):
        if copy.is_full():
            return facts
        types[copy.name(label)] = copy.text(dtype)
    columns = {label: read(at) for at, label in enumerate(labels[:_READ_COLUMNS])}
    facts["nulls"] = {copy.name(label): column.nulls for label, column in columns.items() if column.nulls}
    if counted < rows:
        facts["nulls_of_first"] = counted
    for limit, kind in ((_READ_COLUMNS, "columns read"), (SCHEMA_COLUMNS, "columns named")):
        if width > limit:
            copy.limit(f"{limit} {kind}")
    _say_what_is_missing(copy, rows, columns.values())
    facts["head"] = _rows(copy, columns, min(rows, HEAD_ROWS))
    copy.work -= _TABLE + _COLUMN * len(columns)
    return facts


def describe_column(copy: Copy, facts: dict[str, Any], length: int, column: Column, counted: int) -> dict[str, Any]:
    """One column by itself, after the ``facts`` that its library knows."""
    copy.room -= 80
    if column.name is not None:
        facts["name"] = copy.value(column.name)
    facts.update({"dtype": copy.text(column.dtype), "shape": [length]})
    if column.nulls is not None:
        facts["nulls"] = column.nulls
        if counted < length:
            facts["nulls_of_first"] = counted
    _say_what_is_missing(copy, length, [column])
    if column.head is not None:
        head: dict[str, Any] = {}
        copy.field(head, "" if column.name is None else _label(column.name), [_cell(copy, it) for it in column.head])
        (facts["head"],) = head.values()
    copy.work -= _COLUMN
    return facts


def _say_what_is_missing(copy: Copy, rows: int, columns: Iterable[Column]) -> None:
    if rows > HEAD_ROWS:
        copy.limit(f"{HEAD_ROWS} rows")
    if rows and any(column.head is None for column in columns):
        copy.leave_out("cells that are large, or of a type unknown here")


def _rows(copy: Copy, columns: dict[str, Column], count: int) -> list[Any]:
    """The first rows, each as an object of its cells."""
    rows: list[Any] = []
    for at in range(count):
        row: dict[str, Any] = {}
        rows.append(row)
        for label, column in columns.items():
            if copy.is_full():
                return rows
            if column.head is not None and at < len(column.head):
                copy.field(row, label, _cell(copy, column.head[at]))
    return rows


def _cell(copy: Copy, cell: Any) -> Any:
    if type(cell) is not str or len(cell) <= _CELL_CHARS:
        return cell
    copy.limit(f"{_CELL_CHARS} characters of a cell")
    return copy.beginning(cell, _CELL_CHARS)


def _labels(names: Iterable[Any]) -> list[str]:
    """Names as distinct texts; the second column of a name is ``name#2``."""
    labels: dict[str, None] = {}
    for name in names:
        label, number = _label(name), 1
        while (free := label if number == 1 else f"{label}#{number}") in labels:
            number += 1
        labels[free] = None
    return list(labels)


def _label(name: Any) -> str:
    """A column's name as text: of a hierarchical one ``a/b``."""
    if type(name) is str:
        return name
    if type(name) is tuple:
        return "/".join(map(_label, cast("tuple[Any, ...]", name)))
    return str(name) if name is None or type(name) in (int, float, bool) else f"<{type_name_of(name)}>"
