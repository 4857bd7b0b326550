"""Which installed packages the frames of errors are in, and the versions that ran."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from recorder.journal.frames import ErrorRecord
from recorder.store.records import Run

__all__ = ["packages_of"]

_INSTALLED: Final = re.compile(r"[\\/](?:site|dist)-packages[\\/](\w+)(?:[\\/](\w+))?")
_FRAMEWORKS: Final = ("hypergraph",)
"""Their own frames are folded away, so no error names them."""


def packages_of(run: Run, errors: Iterable[ErrorRecord]) -> Mapping[str, str]:
    """Versions of the framework and of the packages that the errors' frames are in, by import name, where known."""
    names = [*_FRAMEWORKS, *(name for error in errors for name in _names(error))]
    known = run.worker.packages
    return {name: known[name] for name in dict.fromkeys(names) if name in known}


def _names(error: ErrorRecord) -> Iterable[str]:
    """What each frame's package may be called: its directory, or that within a namespace (``google.genai``)."""
    for file, *_ in error.frames:
        found = _INSTALLED.search(file)
        if found is not None:
            yield from (found[1], f"{found[1]}.{found[2]}")
