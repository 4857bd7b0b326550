"""numpy: arrays as dtype, shape and statistics of a bounded sample, scalars as the Python value they stand for.

An array is read in place: as a plain view without the methods of a subclass, in a few blocks that lie evenly over it.
One over mapped memory is not read: that may wait for a disk, and a file that shrank would kill the process.
"""

from typing import Any, Final

from recorder.typenames import class_of, type_name, type_name_of
from recorder.values.binary import digest_of
from recorder.values.copying import Copy, Shape
from recorder.values.records import attributes_of
from recorder.values.standard import tagged

__all__ = ["describe_array", "shape_of"]

_DESCRIBED: Final = 256
"""The work of describing an array; more is charged by what is read of it."""

_WHOLE: Final = 64
"""An array of no more elements is written out."""

_TEXT: Final = 24
"""That of writing a moment as text."""

_HEAD: Final = 8
_HEAD_BYTES: Final = 1 << 16
_BLOCKS: Final = 16
_SAMPLED: Final = 1 << 15
_SAMPLED_ITEM: Final = 32
_BASES: Final = 8
_READ_KINDS: Final = "biufcMmSUTO"


def shape_of(cls: type[Any], numpy: Any) -> Shape | None:
    """How numpy's arrays, scalars and dtypes are copied, and those of subclasses."""
    if issubclass(cls, numpy.ndarray):
        return lambda copy, value: _array(copy, value, numpy)
    if issubclass(cls, numpy.generic):
        return lambda copy, value: _scalar(copy, value, numpy)
    if issubclass(cls, numpy.dtype):
        return lambda copy, value: {"$type": "numpy.dtype", "value": _dtype(copy, value)}
    return None


def _scalar(copy: Copy, value: Any, numpy: Any) -> Any:
    """The Python value that a scalar stands for; of times and long floats, which have none, their text."""
    dtype = numpy.generic.dtype.__get__(value)
    if dtype.names:
        return copy.value(dict(zip(dtype.names, numpy.generic.item(value), strict=False)))
    if _is_text(dtype):
        copy.work -= _TEXT
        return tagged(copy, value, _texts(numpy.array(value), numpy).item())
    if dtype.kind not in _READ_KINDS and type_name_of(value) != "numpy.void":
        return copy.hole(type_name_of(value))
    return copy.value(numpy.generic.item(value))


def _array(copy: Copy, value: Any, numpy: Any) -> dict[str, Any]:
    array = numpy.ndarray.view(value, numpy.ndarray)
    copy.sizes[id(value)] = array.nbytes
    mask = attributes_of(value, class_of(value)).get("_mask")
    is_masked = issubclass(type(mask), numpy.ndarray) and numpy.ndarray.shape.__get__(mask) == array.shape
    masked = numpy.ndarray.view(mask, numpy.ndarray) if is_masked else None
    facts = {"$type": type_name_of(value), "dtype": _dtype(copy, array.dtype)}
    return describe_array(copy, facts, array, numpy, masked)


def describe_array(copy: Copy, facts: dict[str, Any], array: Any, numpy: Any, masked: Any = None) -> dict[str, Any]:
    """What is said of a plain array, after the ``facts`` that its owner knows."""
    copy.room -= 160
    copy.work -= _DESCRIBED
    facts["shape"] = list(array.shape)
    if _is_mapped(array, numpy):
        copy.leave_out("mapped memory is not read")
        return {**facts, "nbytes": array.nbytes}
    axes = sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))
    is_readable = array.dtype.kind in _READ_KINDS or bool(array.dtype.names)
    sample = _sampled(array, axes, numpy) if is_readable and array.itemsize <= _SAMPLED_ITEM else None
    if sample is not None:
        copy.work -= sample.nbytes >> 7
    if sample is not None and sample.size and array.dtype.kind in "biufcMm":
        facts.update(_statistics(array, sample, None if masked is None else _sampled(masked, axes, numpy), numpy))
    if is_readable and array.size <= _WHOLE and array.nbytes <= _HEAD_BYTES:
        return {**facts, "values": _elements(copy, array, numpy)}
    copy.limit(f"{_WHOLE} elements of an array")
    facts["nbytes"] = array.nbytes
    if sample is not None and not array.dtype.hasobject:
        content = array.flat[:] if copy.reads_all(array.nbytes) else sample
        facts.update(digest_of(content.tobytes(), array.nbytes))
    if is_readable and array.itemsize * _HEAD <= _HEAD_BYTES:
        facts["head"] = _elements(copy, array.flat[:_HEAD], numpy)
    return facts


def _dtype(copy: Copy, dtype: Any) -> str:
    """A dtype's name, or the fields of a structured one."""
    if dtype.names:
        return copy.text(", ".join(f"{name} {_dtype(copy, dtype[name])}" for name in dtype.names[:_WHOLE]))
    return str(dtype) if type_name_of(dtype).startswith("numpy.") else type_name_of(dtype)


def _is_mapped(array: Any, numpy: Any) -> bool:
    """Whether its memory belongs to a mapped file, or is shared."""
    base = array
    for _ in range(_BASES):
        cls = class_of(base)
        if type_name(cls) == "mmap.mmap":
            return True
        if issubclass(cls, numpy.ndarray):
            base = numpy.ndarray.base.__get__(base)
        elif cls is memoryview:
            base = base.obj
        else:
            return False
    return False


def _sampled(array: Any, axes: list[int], numpy: Any) -> Any:
    """At most so many elements: of a large array, blocks evenly over it in the order of its memory."""
    flat = array.transpose(axes).flat
    if array.size <= _SAMPLED:
        return flat[:]
    length = _SAMPLED // _BLOCKS
    starts = ((array.size - length) * block // (_BLOCKS - 1) for block in range(_BLOCKS))
    return numpy.concatenate([flat[start : start + length] for start in starts])


def _statistics(array: Any, sample: Any, hidden: Any, numpy: Any) -> dict[str, Any]:
    """Least, greatest and mean of the finite numbers, and how many are not."""
    kind = array.dtype.kind
    found: dict[str, Any] = {"sampled": sample.size} if array.size > sample.size else {}
    if hidden is not None:
        found["masked"] = int(hidden.sum())
        sample = sample[~hidden]
    with numpy.errstate(all="ignore"):
        finite = sample[numpy.isfinite(sample)]
        if kind in "Mm":
            found["nat"] = sample.size - finite.size
        elif kind in "fc":
            found["nan"] = int(numpy.isnan(sample).sum())
            if infinite := sample.size - finite.size - found["nan"]:
                found["inf"] = infinite
        return {**(_extremes(finite, kind, numpy) if finite.size else {}), **found}


def _extremes(finite: Any, kind: str, numpy: Any) -> dict[str, Any]:
    if kind == "c":
        return {"mean": str(finite.mean())}
    least, greatest = finite.min(), finite.max()
    if kind in "Mm":
        return {"min": str(least), "max": str(greatest)}
    mean = float(finite.mean(dtype=numpy.float64))
    extremes = (
        {"min": float(least), "max": float(greatest)} if kind == "f" else {"min": int(least), "max": int(greatest)}
    )
    return {**extremes, "mean": mean} if numpy.isfinite([mean, *extremes.values()]).all() else {}


def _elements(copy: Copy, array: Any, numpy: Any) -> Any:
    if array.dtype.names:
        rows = array.reshape(-1).tolist()
        return copy.value([dict(zip(array.dtype.names, row, strict=False)) for row in rows])
    return copy.value((_texts(array, numpy) if _is_text(array.dtype) else array).tolist())


def _is_text(dtype: Any) -> bool:
    return dtype.kind in "Mm" or dtype.char in "gG"


def _texts(array: Any, numpy: Any) -> Any:
    return numpy.datetime_as_string(array) if array.dtype.kind == "M" else array.astype(str)
