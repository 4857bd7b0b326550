"""Columns: a plain number or word for each item that has it, of everything that can be said of items of a map.

They are made from all items at once, one measure after another: thousands of items with dozens of measures are asked
for while somebody waits.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Self

__all__ = ["Column", "Feature", "Met"]

_NUMERIC: Final = frozenset({"number", "length", "size", "attempts", "duration_ms", "started_ms", "concurrency"})
_EFFECTS: Final = frozenset({"attempts", "duration_ms"})


class Feature(NamedTuple):
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

    def within(self, place: str, direction: str, name: str) -> Self:
        """The same of a value, of what ``path`` is a path inside."""
        return self._replace(place=place, direction=direction, path=f"{name}{self.path}")


@dataclass(frozen=True, slots=True)
class Column:
    """A feature, and what each item (by its number in the map's start order) has of it."""

    feature: Feature
    cells: Mapping[int, Hashable]


@dataclass(slots=True)
class Met:
    """What was met of one kind, in start order, and in which item each; an item comes as often as it was met in it."""

    positions: list[int] = field(default_factory=list[int])
    found: list[Any] = field(default_factory=list[Any])

    @classmethod
    def of(cls, pairs: Sequence[tuple[int, Any]]) -> Self:
        """Positions of items, and what was met there."""
        return cls([position for position, _ in pairs], [one for _, one in pairs])

    def put(self, position: int, one: Any) -> None:
        """One more."""
        self.positions.append(position)
        self.found.append(one)

    def pairs(self) -> Iterable[tuple[int, Any]]:
        """Positions and what was met there."""
        return zip(self.positions, self.found, strict=True)

    def types(self) -> set[type]:
        """Of what types it is."""
        return set(map(type, self.found))

    def typed(self, types: frozenset[type], there: set[type]) -> "Met":
        """What is of some types; ``there`` are those of all."""
        if there <= types:
            return self
        if there.isdisjoint(types):
            return Met()
        return Met.of([(position, one) for position, one in self.pairs() if type(one) in types])

    def cells(self, *, largest: bool) -> dict[int, Any]:
        """One for each item: the largest, or the first."""
        cells: dict[int, Any] = dict(self.pairs())
        if len(cells) < len(self.positions):
            cells.clear()
            for position, one in self.pairs():
                if position not in cells or (largest and one > cells[position]):
                    cells[position] = one
        return cells

    def column(self, feature: Feature, measures: Iterable[Any] | None = None) -> Column | None:
        """The column of what each measures, itself without ``measures``, unless it tells no item from another.

        What measures ``None`` has none of it.
        """
        met = self if measures is None else Met(self.positions, list(measures))
        different = set(met.found)
        if None in different:
            different.remove(None)
            met = Met.of([(position, one) for position, one in met.pairs() if one is not None])
        if len(different) < 2:
            return None
        cells = met.cells(largest=feature.is_number)
        is_one_each = len(cells) == len(met.positions)
        return Column(feature, cells) if is_one_each or len(set(cells.values())) > 1 else None
