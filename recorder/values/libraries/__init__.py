"""Values of libraries that the process has already loaded: arrays, tables and images become summaries.

None of these libraries is imported here; a class is recognized by identity with what the loaded library holds. Each is
described by one module, which is imported when the first of its values comes.
"""

import sys
from importlib import import_module
from typing import Any, Final

from recorder.typenames import module_name
from recorder.values.copying import Shape
from recorder.values.records import mro

__all__ = ["library_shape"]

_MODULES: Final = {
    "numpy": "arrays",
    "torch": "tensors",
    "pandas": "pandas_tables",
    "polars": "polars_tables",
    "pyarrow": "arrow_tables",
    "PIL": "images",
}


def library_shape(cls: type[Any]) -> Shape | None:
    """How a value is copied whose class is of one of these libraries, or derived from one; else None."""
    for base in mro(cls):
        library = module_name(base).partition(".")[0]
        if library in _MODULES and library in sys.modules:
            # lazy: most processes hold no such value
            described = import_module(f"{__name__}.{_MODULES[library]}")
            shape = described.shape_of(cls, sys.modules[library])
            return _within(shape) if shape else None
    return None


def _within(shape: Shape) -> Shape:
    """An array or a table may hold itself."""
    return lambda copy, value: copy.inside(value, lambda it: shape(copy, it), value)
