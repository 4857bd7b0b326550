"""pandas: DataFrame, Series, Index, arrays and their scalars.

A frame or series of a subclass is read through a plain one over the same data. Of columns of other libraries' types
only the type is told, and cells of ``object`` columns are looked at, never asked.
"""

from typing import Any, Final

from recorder.typenames import class_of, module_name, type_name, type_name_of
from recorder.values.copying import Copy, Shape
from recorder.values.libraries.tables import (
    COUNTED_ROWS,
    HEAD_ROWS,
    SCHEMA_COLUMNS,
    Column,
    describe_column,
    describe_table,
)
from recorder.values.records import attributes_of
from recorder.values.standard import MOMENT_ZONES, tagged

__all__ = ["shape_of"]

_COUNTED_OBJECTS: Final = 2_000
_COUNTED_CELLS: Final = 1 << 20


def shape_of(cls: type[Any], pandas: Any) -> Shape | None:
    """How pandas' tables and scalars are copied."""
    if issubclass(cls, pandas.DataFrame):
        return lambda copy, value: _frame(copy, value, pandas)
    if issubclass(cls, pandas.Series):
        return lambda copy, value: _series(copy, value, pandas)
    if cls is type(pandas.NaT) or cls is type(pandas.NA):
        return lambda _, value: {"$type": type_name(cls), "value": "NaT" if value is pandas.NaT else "NA"}
    if cls is pandas.Timestamp or cls is pandas.Timedelta:
        return _moment
    if cls is pandas.Period or cls is pandas.Interval:
        return lambda copy, value: tagged(copy, value, str(value))
    if module_name(cls).partition(".")[0] != "pandas":
        return None
    if issubclass(cls, (pandas.Index, pandas.api.extensions.ExtensionArray)):
        return lambda copy, value: _array(copy, value, pandas)
    return None


def _moment(copy: Copy, value: Any) -> Any:
    zone = getattr(value, "tzinfo", None)
    if zone is None or type_name_of(zone) in MOMENT_ZONES:
        return tagged(copy, value, value.isoformat())
    return {**tagged(copy, value, value.asm8.item().isoformat()), "tzinfo": type_name_of(zone)}


def _plain(value: Any, base: type[Any], pandas: Any) -> Any:
    """The value itself, or a plain one over the data of a subclass, whose methods may be the user's."""
    if type(value) is base:
        return value
    attributes = attributes_of(value, class_of(value))
    plain = object.__new__(base)
    pandas.core.generic.NDFrame.__init__(plain, attributes["_mgr"])
    if base is pandas.Series:
        plain.name = attributes.get("_name")
    return plain


def _frame(copy: Copy, value: Any, pandas: Any) -> Any:
    frame = _plain(value, pandas.DataFrame, pandas)
    rows, width = frame.shape
    names = frame.columns[:SCHEMA_COLUMNS].tolist()
    dtypes = frame.dtypes.iloc[:SCHEMA_COLUMNS].tolist()
    schema = [(_name(name, pandas), _dtype(dtype)) for name, dtype in zip(names, dtypes, strict=True)]
    objects = sum(dtype.kind == "O" for dtype in dtypes)
    counted = min(rows, _COUNTED_OBJECTS if objects else COUNTED_ROWS, max(HEAD_ROWS, _COUNTED_CELLS // max(1, width)))

    def read(at: int) -> Column:
        return _column(schema[at][0], frame.iloc[:, at].array, counted, pandas)

    facts = {"$type": type_name_of(value), **_index(copy, frame.index, pandas)}
    return describe_table(copy, facts, rows, width, schema, read, counted)


def _series(copy: Copy, value: Any, pandas: Any) -> Any:
    series = _plain(value, pandas.Series, pandas)
    column, counted = _alone(_name(series.name, pandas), series.array, pandas)
    facts = {"$type": type_name_of(value), **_index(copy, series.index, pandas)}
    return describe_column(copy, facts, len(series), column, counted)


def _array(copy: Copy, value: Any, pandas: Any) -> Any:
    """An Index, a Categorical or another array of pandas' own."""
    facts: dict[str, Any] = {"$type": type_name_of(value)}
    is_index = issubclass(type(value), pandas.Index)
    name = _name(value.name, pandas) if is_index else None
    column, counted = _alone(name, value, pandas)
    if type(value) is pandas.Categorical:
        facts["categories"] = len(value.categories)
    return describe_column(copy, facts, len(value), column, counted)


def _alone(name: Any, array: Any, pandas: Any) -> tuple[Column, int]:
    counted = min(len(array), _COUNTED_OBJECTS if array.dtype.kind == "O" else COUNTED_ROWS)
    return _column(name, array, counted, pandas), counted


def _column(name: Any, array: Any, counted: int, pandas: Any) -> Column:
    dtype = _dtype(array.dtype)
    if module_name(class_of(array)).partition(".")[0] != "pandas":
        return Column(name=name, dtype=dtype)
    head = [None if _is_missing(cell, pandas) else cell for cell in array[:HEAD_ROWS].tolist()]
    return Column(name=name, dtype=dtype, nulls=_nulls(array[:counted], pandas), head=head)


def _nulls(array: Any, pandas: Any) -> int | None:
    if array.dtype.kind == "O":
        return sum(_is_missing(cell, pandas) for cell in array.tolist())
    return int(array.isna().sum())


def _is_missing(cell: Any, pandas: Any) -> bool:
    is_nan = issubclass(type(cell), float) and float.__ne__(cell, cell)
    return is_nan or cell is None or cell is pandas.NA or cell is pandas.NaT


def _index(copy: Copy, index: Any, pandas: Any) -> dict[str, Any]:
    """What tells the rows' labels, where they are not just their numbers."""
    if type(index) is pandas.RangeIndex and index.name is None:
        return {}
    if module_name(class_of(index)).partition(".")[0] != "pandas":
        return {"index": {"$type": type_name_of(index)}}
    return {"index": _array(copy, index, pandas)}


def _name(name: Any, pandas: Any) -> Any:
    return name.isoformat() if type(name) is pandas.Timestamp and name.tzinfo is None else name


def _dtype(dtype: Any) -> str:
    cls = class_of(dtype)
    return str(dtype) if module_name(cls).partition(".")[0] in {"numpy", "pandas"} else type_name(cls)
