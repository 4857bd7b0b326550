"""What can be said of each item of a map: a column for everything that its steps and their values have a measure of.

Columns that could not tell any item from another are not made.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, islice
from operator import attrgetter
from typing import Any, Final

from hg_mcp.queries.columns import Column, Feature, Met
from hg_mcp.queries.contents import decoded
from recorder.store.records import BriefStep, Run

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
_LIST: Final = frozenset({list})
_OBJECT: Final = frozenset({dict})
_HOLDING: Final = _LIST | _OBJECT


@dataclass(frozen=True, slots=True)
class Inside:
    """What was met inside the items: executions by place, and their values by place, direction and name."""

    executions: defaultdict[str, Met] = field(default_factory=lambda: defaultdict(Met))
    values: defaultdict[tuple[str, str, str], Met] = field(default_factory=lambda: defaultdict(Met))

    @property
    def contents(self) -> set[int]:
        """Those of values that were captured whole."""
        found = {one.content for met in self.values.values() for one in met.found if one.status == "captured"}
        return found - {None}


def columns_of(
    run: Run, items: Sequence[BriefStep], inside: Inside, contents: Mapping[int, bytes]
) -> tuple[list[Column], list[Feature]]:
    """Every column that tells some items from others, and the places that were not looked at whole.

    Args:
        run: The run, from whose start moments count.
        items: The item rows.
        inside: What was met inside them, in start order; ``BriefStep`` and ``BriefValue``.
        contents: What the values hold that were captured whole.
    """
    cut: dict[Feature, None] = {}
    found = [*_of_items(run, items), *_of_steps(inside, len(items)), *_of_values(inside, contents, cut)]
    return [column for column in found if column is not None], list(cut)[:_MOST_CUT]


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


def _of_steps(inside: Inside, items: int) -> Iterator[Column | None]:
    for place, met in inside.executions.items():
        there = set(met.positions)
        executed = Met(list(range(items)), [position in there for position in range(items)])
        yield executed.column(Feature("executed", place))
        for measure, measured in _STEP.items():
            yield met.column(Feature(measure, place), map(measured, met.found))


def _of_values(inside: Inside, contents: Mapping[int, bytes], cut: dict[Feature, None]) -> Iterator[Column | None]:
    """Of values, and of what is in them; that is looked at once where what came out of a step went into another."""
    held = {number: decoded(data) for number, data in contents.items()}
    known: dict[object, _Contents] = {}
    for (place, direction, name), met in inside.values.items():
        for measure, measured in _VALUE:
            yield met.column(Feature(measure, place, direction, name), map(measured, met.found))
        captured = tuple([(position, one.content) for position, one in met.pairs() if one.status == "captured"])
        if captured not in known:
            known[captured] = _Contents(Met.of([(at, held[number]) for at, number in captured if number in held]))
        for column in known[captured].columns:
            yield Column(column.feature.within(place, direction, name), column.cells)
        cut |= dict.fromkeys(one.within(place, direction, name) for one in known[captured].cut)


def _categories(contents: Iterable[Any]) -> list[Any]:
    """Contents that are short enough to be one."""
    return [one if len(one if type(one) is str else str(one)) <= _LONGEST_CATEGORY else None for one in contents]


_MEASURES: Final[Sequence[tuple[str, frozenset[type], Callable[[Sequence[Any]], Iterable[Any]]]]] = (
    ("length", frozenset({str, list}), lambda contents: map(len, contents)),
    ("ascii", frozenset({str}), lambda contents: map(str.isascii, contents)),
    ("number", frozenset({int, float}), lambda contents: contents),
    ("value", frozenset({str, bool, int, float}), _categories),
)


class _Contents:
    """The JSON values of one name as columns, by paths from there. ``cut`` are those that were not looked at whole."""

    def __init__(self, met: Met) -> None:
        self.cut: list[Feature] = []
        self.columns = list(filter(None, self._of(Feature("kind"), met, _DEPTH)))

    def _of(self, at: Feature, met: Met, depth: int) -> Iterator[Column | None]:
        """What the values are, and what is inside them."""
        there = met.types()
        if len(there) > 1:
            yield met.column(at, [_KINDS[type(one)] for one in met.found])
        for measure, types, measures in _MEASURES:
            of_type = met.typed(types, there)
            if of_type.positions:
                yield of_type.column(at._replace(measure=measure), measures(of_type.found))
        if depth:
            yield from self._of_elements(at, met.typed(_LIST, there), depth)
            yield from self._of_members(at, met, met.typed(_OBJECT, there), depth)
        elif any(met.typed(_HOLDING, there).found):
            self.cut.append(at)

    def _of_elements(self, at: Feature, lists: Met, depth: int) -> Iterator[Column | None]:
        """The elements of a list share one path, a null among them comes first."""
        self._note(at, max(map(len, lists.found), default=0) > _WIDTH)
        inner = [
            (position, one)
            for position, elements in lists.pairs()
            for one in sorted(elements[:_WIDTH], key=lambda one: one is not None)
        ]
        yield from self._of(at._replace(path=f"{at.path}[]"), Met.of(inner), depth - 1)

    def _of_members(self, at: Feature, met: Met, objects: Met, depth: int) -> Iterator[Column | None]:
        """The members of an object, and which objects lack one."""
        heads = [one if len(one) <= _WIDTH else dict(islice(one.items(), _WIDTH)) for one in objects.found]
        named = self._named(at, heads, max(map(len, objects.found), default=0))
        kinds = met.cells(largest=False) if named else {}
        around = [position for position, content in kinds.items() if type(content) is dict]
        for key in named:
            pairs = zip(objects.positions, heads, strict=True)
            inner = Met.of([(position, head[key]) for position, head in pairs if key in head])
            feature = at._replace(path=f"{at.path}{_member(key)}")
            yield from self._of(feature, inner, depth - 1)
            there = set(inner.positions)
            if len(there) < len(around):
                lacking = Met(around, [position not in there for position in around])
                yield lacking.column(feature._replace(measure="missing"))

    def _named(self, at: Feature, heads: Sequence[Mapping[str, Any]], widest: int) -> list[str]:
        """The keys; where these are too many for names of members, those met most often."""
        keys = Counter(chain.from_iterable(heads))
        self._note(at, len(keys) > _MOST_KEYS or widest > _WIDTH)
        return list(keys) if len(keys) <= _MOST_KEYS else [key for key, met in keys.most_common(_MOST_KEYS) if met > 1]

    def _note(self, at: Feature, is_cut: bool) -> None:
        if is_cut:
            self.cut.append(at)


@lru_cache(maxsize=4096)
def _member(key: str) -> str:
    return f".{key}" if re.fullmatch(r"[\w$-]+", key) else f'["{key}"]'
