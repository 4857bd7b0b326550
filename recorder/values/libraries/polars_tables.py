"""polars: DataFrame and Series; a LazyFrame is never collected, nor asked for its schema, which may read files.

Everything goes column by column, in this thread: after a fork polars' own threads are gone, and waiting for them would
never end.
"""

from typing import Any

from recorder.typenames import class_of, module_name, type_name_of
from recorder.values.copying import Copy, Shape
from recorder.values.libraries.tables import (
    HEAD_BYTES,
    HEAD_ROWS,
    SCHEMA_COLUMNS,
    Column,
    describe_column,
    describe_table,
)
from recorder.values.records import attributes_of

__all__ = ["shape_of"]


def shape_of(cls: type[Any], polars: Any) -> Shape | None:
    """How polars' tables are copied, and those of subclasses."""
    if issubclass(cls, polars.DataFrame):
        return lambda copy, value: _frame(copy, value, polars)
    if issubclass(cls, polars.Series):
        return lambda copy, value: _series(copy, value, polars)
    if issubclass(cls, polars.LazyFrame):
        return _lazy
    return None


def _frame(copy: Copy, value: Any, polars: Any) -> Any:
    frame = polars.DataFrame._from_pydf(attributes_of(value, class_of(value))["_df"])  # noqa: SLF001 - plain, as below
    names, dtypes = frame.columns[:SCHEMA_COLUMNS], frame.dtypes[:SCHEMA_COLUMNS]
    schema = [(name, _dtype(dtype)) for name, dtype in zip(names, dtypes, strict=True)]
    facts, (rows, width) = {"$type": type_name_of(value)}, frame.shape
    return describe_table(copy, facts, rows, width, schema, lambda at: _column(frame.to_series(at)), rows)


def _series(copy: Copy, value: Any, polars: Any) -> Any:
    series = polars.Series._from_pyseries(attributes_of(value, class_of(value))["_s"])  # noqa: SLF001 - without a subclass
    return describe_column(copy, {"$type": type_name_of(value)}, len(series), _column(series), len(series))


def _lazy(copy: Copy, value: Any) -> Any:
    copy.leave_out("a lazy frame is not collected")
    return {"$type": type_name_of(value), "lazy": True}


def _column(series: Any) -> Column:
    head = series.slice(0, HEAD_ROWS)
    is_small = head.estimated_size() <= HEAD_BYTES and _is_own(series.dtype)
    cells = head.to_list() if is_small else None
    return Column(name=series.name, dtype=_dtype(series.dtype), nulls=series.null_count(), head=cells)


def _dtype(dtype: Any) -> str:
    return str(dtype) if _is_own(dtype) else type_name_of(dtype)


def _is_own(dtype: Any) -> bool:
    cls = dtype if issubclass(type(dtype), type) else class_of(dtype)
    return module_name(cls).partition(".")[0] == "polars"
