"""What can be said of each item of a map: a column for everything that its steps and their values have a measure of.

Columns that could not tell any item from another are not made.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain, islice
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
_MOST_CUT: Final = 50
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
_HOLDING: Final = frozenset({list, dict})
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
) -> tuple[list[Column], list[Feature]]:
    """Every column that tells some items from others, and the places that were not looked at whole.

    Args:
        run: The run, from whose start moments count.
        items: The item rows.
        steps: The executions of nodes inside them, in start order.
        values: Likewise their values.
        contents: What those hold that were captured, by digest.
    """
    inside = _Contents()
    found = [*_of_items(run, items), *_of_steps(steps, len(items)), *_of_values(values, contents, inside)]
    return [column for column in found if column is not None], list(dict.fromkeys(inside.cut))[:_MOST_CUT]


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


def _of_values(
    values: Sequence[tuple[Inside, BriefValue]], contents: Mapping[str, bytes], inside: "_Contents"
) -> Iterator[Column | None]:
    by_name: dict[tuple[str, str, str], Met] = {}
    for (position, place), one in values:
        at = place, one.direction, one.name
        (by_name.get(at) or by_name.setdefault(at, Met())).put(position, one)
    held = {digest: decoded(data) for digest, data in contents.items()}
    for at, met in by_name.items():
        for measure, measured in _VALUE:
            yield met.measured(measured).column(Feature(measure, *at))
        captured = (pair for pair in met.pairs() if pair[1].status == "captured" and pair[1].digest in held)
        whole = Met.of((position, held[one.digest]) for position, one in captured)
        yield from inside.columns(Feature("kind", *at), whole, _DEPTH)


def _category(content: Any) -> Any:
    """A content that is short enough to be one."""
    return content if len(content if isinstance(content, str) else str(content)) <= _LONGEST_CATEGORY else None


_MEASURES: Final[Sequence[tuple[str, frozenset[type], Callable[[Any], Any]]]] = (
    ("length", _SIZED, len),
    ("ascii", _TEXT, str.isascii),
    ("number", _NUMBER, lambda content: content),
    ("value", _PLAIN, _category),
)


class _Contents:
    """The JSON values at a place as columns. ``cut`` are the places of which something was left out."""

    def __init__(self) -> None:
        self.cut: list[Feature] = []

    def columns(self, at: Feature, met: Met, depth: int) -> Iterator[Column | None]:
        """What the values are, and what is inside them."""
        if not met.positions:
            return
        yield Met(met.positions, [_KINDS[type(one)] for one in met.found]).column(at)
        for measure, types, measured in _MEASURES:
            of_type = met.typed(types)
            if of_type.positions:
                yield of_type.measured(measured).column(at._replace(measure=measure))
        if depth:
            yield from self._of_elements(at, met.typed(frozenset({list})), depth)
            yield from self._of_members(at, met, depth)
        elif any(met.typed(_HOLDING).found):
            self.cut.append(at)

    def _of_elements(self, at: Feature, lists: Met, depth: int) -> Iterator[Column | None]:
        """The elements of a list share one path, a null among them comes first."""
        self._note(at, max(map(len, lists.found), default=0) > _WIDTH)
        inner = Met.of(
            (position, one)
            for position, elements in lists.pairs()
            for one in sorted(elements[:_WIDTH], key=lambda one: one is not None)
        )
        yield from self.columns(at._replace(path=f"{at.path}[]"), inner, depth - 1)

    def _of_members(self, at: Feature, met: Met, depth: int) -> Iterator[Column | None]:
        """The members of an object, and which objects lack one."""
        objects = met.typed(frozenset({dict}))
        members = self._named(at, objects)
        if not members:
            return
        kinds = met.cells(largest=False)
        around = [position for position, content in kinds.items() if type(content) is dict]
        for key, inner in members.items():
            feature = at._replace(path=f"{at.path}{_member(key)}")
            yield from self.columns(feature, inner, depth - 1)
            there = set(inner.positions)
            if len(there) < len(around):
                lacking = Met(around, [position not in there for position in around])
                yield lacking.column(feature._replace(measure="missing"))

    def _named(self, at: Feature, objects: Met) -> dict[str, Met]:
        """What stands under each key; where these are too many for names of members, under those met most often."""
        first: Iterator[Iterator[str]] = (islice(content, _WIDTH) for content in objects.found)
        keys = Counter(chain.from_iterable(first))
        self._note(at, len(keys) > _MOST_KEYS or max(map(len, objects.found), default=0) > _WIDTH)
        named = keys if len(keys) <= _MOST_KEYS else [key for key, met in keys.most_common(_MOST_KEYS) if met > 1]
        members = {key: Met() for key in named}
        for position, content in objects.pairs():
            for key, inner in islice(content.items(), _WIDTH):
                if (there := members.get(key)) is not None:
                    there.put(position, inner)
        return members

    def _note(self, at: Feature, is_cut: bool) -> None:
        if is_cut:
            self.cut.append(at)


@lru_cache(maxsize=4096)
def _member(key: str) -> str:
    return f".{key}" if re.fullmatch(r"[\w$-]+", key) else f'["{key}"]'
