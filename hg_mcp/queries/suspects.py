"""Which input of a failing step is worth following back: the one that its error speaks of.

An error tells the last step that minded, rarely the first that was wrong. But it speaks of what it minded: it quotes a
value, or says ``None``, or that something is empty. Only such an input is a suspect; an optional argument that happens
to be null is none.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, cast

from hg_mcp.queries.contents import decoded
from hg_mcp.queries.paths import path_text
from recorder.journal.frames import ErrorRecord
from recorder.store.records import StoredValue

__all__ = ["suspect"]

_MOST_PARTS: Final = 2_000
_SHORTEST_TEXT: Final = 2
_COMMON_NUMBER: Final = 100
_EMPTY: Final = re.compile(
    r"(?:ZeroDivision|Index|Statistics)Error|StopIteration|\bempty\b|\bat least one\b", re.IGNORECASE
)

Parts = tuple[str | int, ...]


def suspect(inputs: Sequence[StoredValue], error: ErrorRecord) -> str:
    """The path of the input that an error speaks of, such as ``order.items[2].price``; empty where there is none."""
    places = [place for one in inputs if one.data for place in _places(one.name, one.data)]
    told = f"{error.type}: {error.message}"
    speaks: list[tuple[bool, Callable[[Any], bool]]] = [
        ("None" in told, lambda content: content is None),
        (True, lambda content: _is_quoted(content, error.message)),
        ("ZeroDivision" in error.type, _is_zero),
        (bool(_EMPTY.search(told)), lambda content: isinstance(content, str | list | dict) and not content),
    ]
    found = (parts for holds, fits in speaks if holds for parts, content in places if fits(content))
    return next(map(path_text, found), "")


def _places(name: str, data: bytes) -> Iterator[tuple[Parts, Any]]:
    """Every place inside a value, the outer ones first."""
    waiting: list[tuple[Parts, Any]] = [((name,), decoded(data))]
    for parts, content in waiting:  # grows while it is walked
        yield parts, content
        if len(waiting) > _MOST_PARTS:
            continue
        if isinstance(content, dict):
            waiting += [((*parts, key), inner) for key, inner in cast("dict[str, Any]", content).items()]
        elif isinstance(content, list):
            waiting += [((*parts, index), inner) for index, inner in enumerate(cast("list[Any]", content))]


def _is_zero(content: Any) -> bool:
    return isinstance(content, int | float) and not isinstance(content, bool) and content == 0


def _is_quoted(content: Any, message: str) -> bool:
    if isinstance(content, str):
        return len(content) >= _SHORTEST_TEXT and any(f"{mark}{content}{mark}" in message for mark in "'\"`")
    if isinstance(content, bool) or not isinstance(content, int | float) or abs(content) <= _COMMON_NUMBER:
        return False
    return re.search(rf"(?<![\w.]){re.escape(str(content))}(?![\w.]*\w)", message) is not None
