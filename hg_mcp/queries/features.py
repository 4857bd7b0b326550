"""What can be said of each item of a map: a column for everything that its steps and their values have a measure of.

A column holds a plain number or word for each item that has it. Columns that could not tell any item from another are
not made.
"""

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, Final, NamedTuple, cast

import msgspec

from hg_mcp.queries.step_paths import place_within
from recorder.store.records import Run, Step, StepValue

__all__ = ["Column", "Feature", "columns_of"]

_DEPTH: Final = 4
_WIDTH: Final = 40
_LONGEST_CATEGORY: Final = 60
_NUMERIC: Final = frozenset({"number", "length", "size", "attempts", "duration_ms", "started_ms", "concurrency"})
_EFFECTS: Final = frozenset({"attempts", "duration_ms"})

Cells = dict[int, Any]


class Feature(NamedTuple):  # a tuple, since it is hashed a hundred times for each item
    """What is measured: ``measure`` of the value at ``path``, or of the step itself, at ``place`` within the item.

    ``direction`` and ``path`` are empty where it is a measure of the step; ``place`` too where it is one of the item.
    """

    measure: str
    place: str = ""
    direction: str = ""
    path: str = ""

    @property
    def is_number(self) -> bool:
        """Whether it is judged by a threshold, not by categories."""
        return self.measure in _NUMERIC

    @property
    def may_be_effect(self) -> bool:
        """Whether a failure itself changes it, so that it explains none."""
        return self.measure in _EFFECTS


@dataclass(frozen=True, slots=True)
class Column:
    """A feature, and what each item (by its number in the map's start order) has of it."""

    feature: Feature
    cells: Mapping[int, Hashable]


def columns_of(
    run: Run, items: Sequence[Step], below: Mapping[int, Sequence[Step]], values: Mapping[int, Sequence[StepValue]]
) -> list[Column]:
    """Every column that tells some items from others.

    Args:
        run: The run, from whose start moments count.
        items: The item rows.
        below: By an item's position in ``items``, the steps inside it, in start order.
        values: Likewise the values of those steps.
    """
    table = _Table()
    _add_items(table, run, items)
    for position, item in enumerate(items):
        _add_steps(table, position, item, below.get(position, ()))
        _add_values(table, position, item, values.get(position, ()))
    return list(table.columns(len(items)))


class _Table:
    """Columns in the making. A feature met again within an item keeps its largest number and its first word."""

    def __init__(self) -> None:
        self._cells: dict[Feature, Cells] = {}
        self._parents: dict[Feature, Feature] = {}
        self._decoded: dict[str, Any] = {}

    def put(self, position: int, feature: Feature, cell: Any) -> None:
        cells = self._cells.get(feature)
        if cells is None:
            cells = self._cells[feature] = {}
        if position not in cells or (feature.is_number and cell > cells[position]):
            cells[position] = cell

    def put_inside(self, position: int, parent: Feature, feature: Feature, cell: Any) -> None:
        """The kind of what stands inside a container, which another container of that place may lack."""
        self._parents[feature] = parent
        self.put(position, feature, cell)

    def decoded(self, one: StepValue) -> Any:
        """The content of a value; equal ones are decoded once."""
        digest, data = one.value.digest or "", one.value.data or b""
        if digest not in self._decoded:
            try:
                content = msgspec.json.decode(data)
            except (msgspec.DecodeError, UnicodeDecodeError):
                content = None
            self._decoded[digest] = content
        return self._decoded[digest]

    def columns(self, count: int) -> Iterator[Column]:
        for feature, found in self._cells.items():
            is_total = feature.measure == "executed"
            cells = {position: position in found for position in range(count)} if is_total else found
            if len(set(cells.values())) > 1:
                yield Column(feature, cells)
        yield from self._missing()

    def _missing(self) -> Iterator[Column]:
        for feature, parent in self._parents.items():
            inside, around = self._cells[feature], self._cells[parent]
            lacking = {position: position not in inside for position, kind in around.items() if kind == "an object"}
            if any(lacking.values()) and not all(lacking.values()):
                yield Column(Feature("missing", feature.place, feature.direction, feature.path), lacking)


def _add_items(table: _Table, run: Run, items: Sequence[Step]) -> None:
    """When each started, and how many were executing then."""
    starts = sorted((item.started_at, position) for position, item in enumerate(items))
    ends = sorted(item.ended_at for item in items if item.ended_at is not None)
    ended = 0
    for before, (start, position) in enumerate(starts):
        while ended < len(ends) and ends[ended] <= start:
            ended += 1
        table.put(position, Feature("started_ms"), (start - run.started_at) / 1000)
        table.put(position, Feature("concurrency"), max(before - ended, 0) + 1)


def _add_steps(table: _Table, position: int, item: Step, steps: Sequence[Step]) -> None:
    for step in steps:
        if step.kind != "node":
            continue
        place = place_within(item.path, step.path)
        table.put(position, Feature("executed", place), cell=True)
        table.put(position, Feature("cached", place), step.cached)
        table.put(position, Feature("thread", place), step.thread)
        table.put(position, Feature("attempts", place), step.attempts)
        if step.decision is not None:
            table.put(position, Feature("decision", place), step.decision[:_LONGEST_CATEGORY])
        if step.duration_ms is not None:
            table.put(position, Feature("duration_ms", place), step.duration_ms)


def _add_values(table: _Table, position: int, item: Step, values: Sequence[StepValue]) -> None:
    for one in values:
        stored, place = one.value, place_within(item.path, one.path)

        def feature(measure: str, path: str, place: str = place, direction: str = stored.direction) -> Feature:
            return Feature(measure, place, direction, path)

        table.put(position, feature("type", stored.name), stored.type)
        table.put(position, feature("status", stored.name), stored.status)
        if stored.size is not None:
            table.put(position, feature("size", stored.name), stored.size)
        if stored.status == "captured" and stored.data is not None:
            _add_content(table, position, feature("kind", stored.name), table.decoded(one), None, _DEPTH)


def _add_content(table: _Table, position: int, at: Feature, content: Any, around: Feature | None, depth: int) -> None:
    """What a JSON value at a place is, and what is inside it."""
    kind = _kind(content)
    if around is None:
        table.put(position, at, kind)
    else:
        table.put_inside(position, around, at, kind)
    for measure, cell in _measures(content, kind):
        table.put(position, Feature(measure, at.place, at.direction, at.path), cell)
    if depth:
        around = at if isinstance(content, dict) else None
        for path, inner in islice(_inside(content, at), _WIDTH):
            feature = Feature("kind", at.place, at.direction, path)
            _add_content(table, position, feature, inner, around, depth - 1)


def _inside(content: Any, at: Feature) -> Iterator[tuple[str, Any]]:
    """Members and elements with their paths; the elements of a list share one, a null among them first."""
    if isinstance(content, dict):
        for key, inner in cast("dict[str, Any]", content).items():
            yield f"{at.path}{_member(key)}", inner
    elif isinstance(content, list):
        for inner in sorted(cast("list[Any]", content)[:_WIDTH], key=lambda one: one is not None):
            yield f"{at.path}[]", inner


@lru_cache(maxsize=4096)
def _member(key: str) -> str:
    return f".{key}" if re.fullmatch(r"[\w$-]+", key) else f'["{key}"]'


def _measures(content: Any, kind: str) -> Iterator[tuple[str, Any]]:
    if kind in {"a text", "a list"}:
        yield "length", len(content)
    if kind == "a text":
        yield "ascii", content.isascii()
    if kind == "a number":
        yield "number", content
    if kind in {"a text", "a boolean", "a number"} and len(str(content)) <= _LONGEST_CATEGORY:
        yield "value", content


def _kind(content: Any) -> str:
    match content:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
        case _:
            return "an object"
