"""What can be said of each item of a map: a column for everything that its steps and their values have a measure of.

Columns that could not tell any item from another are not made.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from operator import attrgetter
from typing import Any, Final, NamedTuple

from hg_mcp.queries.columns import Column, Feature, Met
from hg_mcp.queries.contents import decoded
from recorder.store.records import BriefStep, BriefValue, Run

__all__ = ["Inside", "columns_of"]

_DEPTH: Final = 4
_WIDTH: Final = 40
_MOST_KEYS: Final = 200
"""Different keys of the objects at one place, from which more are data, as ids are, and not names of members."""
_LONGEST_CATEGORY: Final = 60
_KINDS: Final[Mapping[type, str]] = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "an object",
}
_STEP: Final[Mapping[str, Callable[[BriefStep], Any]]] = {
    "cached": attrgetter("cached"),
    "thread": attrgetter("thread"),
    "attempts": attrgetter("attempts"),
    "decision": lambda step: step.decision and step.decision[:_LONGEST_CATEGORY],
    "duration_ms": attrgetter("duration_ms"),
}
_VALUE: Final = tuple((measure, attrgetter(measure)) for measure in ("type", "status", "size"))
_TEXT: Final = frozenset({str})
_SIZED: Final = frozenset({str, list})
_NUMBER: Final = frozenset({int, float})
_PLAIN: Final = frozenset({str, bool, int, float})


class Inside(NamedTuple):
    """Where a step is: in which item (its position among those looked at), and at which place within it."""

    position: int
    place: str


def columns_of(
    run: Run,
    items: Sequence[BriefStep],
    steps: Sequence[tuple[Inside, BriefStep]],
    values: Sequence[tuple[Inside, BriefValue]],
    contents: Mapping[str, bytes],
) -> list[Column]:
    """Every column that tells some items from others.

    Args:
        run: The run, from whose start moments count.
        items: The item rows.
        steps: The executions of nodes inside them, in start order.
        values: Likewise their values.
        contents: What those hold that were captured, by digest.
    """
    found = [*_of_items(run, items), *_of_steps(steps, len(items)), *_of_values(values, contents)]
    return [column for column in found if column is not None]


def _of_items(run: Run, items: Sequence[BriefStep]) -> Iterator[Column | None]:
    """When each started, and how many were executing then."""
    starts = sorted((item.started_at, position) for position, item in enumerate(items))
    ends = sorted(item.ended_at for item in items if item.ended_at is not None)
    started, concurrency, ended = Met(), Met(), 0
    for before, (start, position) in enumerate(starts):
        while ended < len(ends) and ends[ended] <= start:
            ended += 1
        started.put(position, (start - run.started_at) / 1000)
        concurrency.put(position, max(before - ended, 0) + 1)
    yield started.column(Feature("started_ms"))
    yield concurrency.column(Feature("concurrency"))


def _of_steps(steps: Sequence[tuple[Inside, BriefStep]], items: int) -> Iterator[Column | None]:
    by_place: dict[str, Met] = {}
    for (position, place), step in steps:
        (by_place.get(place) or by_place.setdefault(place, Met())).put(position, step)
    for place, met in by_place.items():
        there = set(met.positions)
        executed = Met(list(range(items)), [position in there for position in range(items)])
        yield executed.column(Feature("executed", place))
        for measure, measured in _STEP.items():
            yield met.measured(measured).column(Feature(measure, place))


def _of_values(values: Sequence[tuple[Inside, BriefValue]], contents: Mapping[str, bytes]) -> Iterator[Column | None]:
    by_name: dict[tuple[str, str, str], Met] = {}
    for (position, place), one in values:
        at = place, one.direction, one.name
        (by_name.get(at) or by_name.setdefault(at, Met())).put(position, one)
    held = {digest: decoded(data) for digest, data in contents.items()}
    for at, met in by_name.items():
        for measure, measured in _VALUE:
            yield met.measured(measured).column(Feature(measure, *at))
        captured = ((at, one.digest) for at, one in met.pairs() if one.status == "captured" and one.digest in held)
        yield from _of_contents(Feature("kind", *at), Met.of((at, held[digest]) for at, digest in captured), _DEPTH)


def _of_contents(at: Feature, met: Met, depth: int) -> Iterator[Column | None]:
    """What the JSON values at a place are, and what is inside them."""
    if not met.positions:
        return
    yield Met(met.positions, [_KINDS[type(one)] for one in met.found]).column(at)
    for measure, types, measured in _MEASURES:
        of_type = met.typed(types)
        if of_type.positions:
            yield of_type.measured(measured).column(at._replace(measure=measure))
    if depth:
        yield from _of_elements(at, met.typed(frozenset({list})), depth)
        yield from _of_members(at, met, depth)


def _category(content: Any) -> Any:
    """A content that is short enough to be one."""
    return content if len(content if isinstance(content, str) else str(content)) <= _LONGEST_CATEGORY else None


_MEASURES: Final[Sequence[tuple[str, frozenset[type], Callable[[Any], Any]]]] = (
    ("length", _SIZED, len),
    ("ascii", _TEXT, str.isascii),
    ("number", _NUMBER, lambda content: content),
    ("value", _PLAIN, _category),
)


def _of_elements(at: Feature, lists: Met, depth: int) -> Iterator[Column | None]:
    """The elements of a list share one path, a null among them comes first."""
    inner = Met.of(
        (position, one)
        for position, elements in lists.pairs()
        for one in sorted(elements[:_WIDTH], key=lambda one: one is not None)
    )
    yield from _of_contents(at._replace(path=f"{at.path}[]"), inner, depth - 1)


def _of_members(at: Feature, met: Met, depth: int) -> Iterator[Column | None]:
    """The members of an object, and which objects lack one."""
    objects = met.typed(frozenset({dict}))
    members: dict[str, Met] = {}
    for position, content in objects.pairs():
        for key, inner in islice(content.items(), _WIDTH):
            if met_there := members.get(key) or (len(members) < _MOST_KEYS and members.setdefault(key, Met())):
                met_there.put(position, inner)
    if not members:
        return
    kinds = met.cells(largest=False)
    around = [position for position, content in kinds.items() if type(content) is dict]
    for key, inner in members.items():
        feature = at._replace(path=f"{at.path}{_member(key)}")
        yield from _of_contents(feature, inner, depth - 1)
        there = set(inner.positions)
        if len(there) < len(around):
            lacking = Met(around, [position not in there for position in around])
            yield lacking.column(feature._replace(measure="missing"))


@lru_cache(maxsize=4096)
def _member(key: str) -> str:
    return f".{key}" if re.fullmatch(r"[\w$-]+", key) else f'["{key}"]'
