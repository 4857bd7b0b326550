"""Arrow: Table, RecordBatch, Array, ChunkedArray, and scalars; types that are not Arrow's own are only named."""

from typing import Any

from recorder.typenames import class_of, module_name, type_name_of
from recorder.values.copying import Copy, Shape
from recorder.values.libraries.tables import (
    COUNTED_ROWS,
    HEAD_BYTES,
    HEAD_ROWS,
    SCHEMA_COLUMNS,
    Column,
    describe_column,
    describe_table,
)
from recorder.values.standard import tagged

__all__ = ["shape_of"]


def shape_of(cls: type[Any], pyarrow: Any) -> Shape | None:
    """How Arrow's own classes are copied."""
    if module_name(cls).partition(".")[0] != "pyarrow":
        return None
    if issubclass(cls, (pyarrow.Table, pyarrow.RecordBatch)):
        return _table
    if issubclass(cls, (pyarrow.Array, pyarrow.ChunkedArray)):
        return _array
    if issubclass(cls, pyarrow.DataType):
        return lambda copy, value: tagged(copy, value, _dtype(value))
    if issubclass(cls, pyarrow.Schema):
        return _schema
    if issubclass(cls, pyarrow.Scalar):
        return lambda copy, value: _scalar(copy, value, pyarrow)
    return None


def _table(copy: Copy, value: Any) -> Any:
    rows, width = value.shape
    fields = [value.schema.field(at) for at in range(min(width, SCHEMA_COLUMNS))]
    schema = [(field.name, _dtype(field.type)) for field in fields]

    def read(at: int) -> Column:
        return _column(schema[at][0], value.column(at))

    facts = {"$type": type_name_of(value)}
    return describe_table(copy, facts, rows, width, schema, read, min(rows, COUNTED_ROWS))


def _array(copy: Copy, value: Any) -> Any:
    facts = {"$type": type_name_of(value)}
    return describe_column(copy, facts, len(value), _column(None, value), min(len(value), COUNTED_ROWS))


def _column(name: Any, array: Any) -> Column:
    head = array.slice(0, HEAD_ROWS)
    is_readable = _is_own(array.type) and head.nbytes <= HEAD_BYTES
    nulls = array.slice(0, COUNTED_ROWS).null_count
    return Column(name=name, dtype=_dtype(array.type), nulls=nulls, head=head.to_pylist() if is_readable else None)


def _dtype(dtype: Any) -> str:
    return str(dtype) if _is_own(dtype) else type_name_of(dtype)


def _is_own(dtype: Any) -> bool:
    """Whether a type and those inside it are Arrow's, not a user's extension."""
    if module_name(class_of(dtype)).partition(".")[0] != "pyarrow":
        return False
    return all(_is_own(dtype.field(at).type) for at in range(dtype.num_fields))


def _schema(copy: Copy, value: Any) -> Any:
    fields = [value.field(at) for at in range(min(len(value), SCHEMA_COLUMNS))]
    if len(fields) < len(value):
        copy.limit(f"{SCHEMA_COLUMNS} columns named")
    return tagged(copy, value, ", ".join(f"{field.name}: {_dtype(field.type)}" for field in fields))


def _scalar(copy: Copy, value: Any, pyarrow: Any) -> Any:
    """The Python value of a small scalar."""
    is_small = _is_own(value.type) and pyarrow.array([value], value.type).nbytes <= HEAD_BYTES
    return copy.value(value.as_py()) if is_small else copy.hole(type_name_of(value))
