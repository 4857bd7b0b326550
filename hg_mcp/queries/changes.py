"""Where two JSON values differ: paths with what stands there on each side, a bounded number of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, cast

from hg_mcp.queries.paths import path_text

__all__ = ["ABSENT", "Change", "changes"]

_Path = tuple[str | int, ...]
ABSENT: Final = object()
"""What stands at a path that one side does not have."""
_COMMON_HEAD: Final = 80
"""Characters of a common beginning up to which two texts are shown from their start."""


@dataclass(frozen=True, slots=True)
class Change:
    """A path into a value, and what each side has there: JSON, or ``ABSENT``."""

    path: str
    before: Any
    after: Any

    def around(self) -> tuple[Any, Any, int | None]:
        """Both sides; of two texts that begin alike for long, from shortly before they part, and where that is."""
        before, after = self.before, self.after
        if not isinstance(before, str) or not isinstance(after, str):
            return before, after, None
        at = next((at for at, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), None)
        at = min(len(before), len(after)) if at is None else at
        if at <= _COMMON_HEAD:
            return before, after, None
        cut = at - _COMMON_HEAD // 2
        return f"…{before[cut:]}", f"…{after[cut:]}", at


def changes(name: str, before: Any, after: Any, *, limit: int) -> list[Change]:
    """The first differences of two values, in the order of the first, lists by position."""
    return list(islice(_walk((name,), before, after), limit))


def _change(path: _Path, before: Any, after: Any) -> Change:
    return Change(path_text(path), before, after)


def _walk(path: _Path, before: Any, after: Any) -> Iterator[Change]:
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _members(path, cast("dict[str, Any]", before), cast("dict[str, Any]", after))
    elif isinstance(before, list) and isinstance(after, list):
        yield from _elements(path, cast("list[Any]", before), cast("list[Any]", after))
    elif before != after or isinstance(before, bool) != isinstance(after, bool):
        yield _change(path, before, after)


def _members(path: _Path, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    for key in dict.fromkeys([*before, *after]):
        yield from _walk((*path, key), before.get(key, ABSENT), after.get(key, ABSENT))


def _elements(path: _Path, before: list[Any], after: list[Any]) -> Iterator[Change]:
    """By position; where elements were put in or taken out, only those."""
    if len(before) != len(after):
        head = _alike(before, after)
        tail = _alike(before[head:][::-1], after[head:][::-1])
        removed, added = before[head : len(before) - tail], after[head : len(after) - tail]
        if not removed or not added:
            yield from (_change((*path, head + n), one, ABSENT) for n, one in enumerate(removed))
            yield from (_change((*path, head + n), ABSENT, one) for n, one in enumerate(added))
            return
    for index in range(max(len(before), len(after))):
        sides = (side[index] if index < len(side) else ABSENT for side in (before, after))
        yield from _walk((*path, index), *sides)


def _alike(one: list[Any], other: list[Any]) -> int:
    """How many elements both begin with."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count
