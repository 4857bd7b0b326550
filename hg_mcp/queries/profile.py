"""One value over many steps: its types and sizes, how often it is null or the same, and where it is extreme."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final, cast

from hg_mcp.errors import CannotAnswer
from hg_mcp.queries.contents import content_of
from hg_mcp.queries.shapes import elements_of, special_of
from recorder.store.records import StepValue

__all__ = ["Spread", "ValueProfile", "profile_of"]

_SAID: Final = ("captured", "unserializable")
"""Statuses whose content is all there is, so that its length is the value's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How a measure of values is distributed, and the paths of the steps that have the extremes."""

    measure: str
    count: int
    min: float
    median: float
    max: float
    min_at: str
    max_at: str
    failing_median: float | None
    passing_median: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueProfile:
    """What the first ``values`` of ``total`` values are like. ``failing`` counts those of failing items.

    ``missing`` counts those whose content, or the path into it, is not there.
    """

    values: int
    total: int
    failing: int
    statuses: Mapping[str, int]
    types: Mapping[str, int]
    nulls: int
    missing: int
    distinct: int
    spreads: Sequence[Spread]


@dataclass(slots=True)
class _Measured:
    """Where each value of a measure was found, and whether its item failed."""

    found: list[tuple[float, str, bool]] = field(default_factory=list[tuple[float, str, bool]])

    def spread(self, measure: str) -> Spread:
        low, high = min(self.found, key=lambda one: one[0]), max(self.found, key=lambda one: one[0])
        return Spread(
            measure=measure,
            count=len(self.found),
            min=low[0],
            median=median(value for value, _, _ in self.found),
            max=high[0],
            min_at=low[1],
            max_at=high[1],
            failing_median=self._median(failing=True),
            passing_median=self._median(failing=False),
        )

    def _median(self, *, failing: bool) -> float | None:
        """Of one kind, where there are both kinds."""
        kinds = {failed for _, _, failed in self.found}
        return median(value for value, _, failed in self.found if failed is failing) if len(kinds) == 2 else None


def profile_of(rows: Sequence[tuple[StepValue, bool]], total: int) -> ValueProfile:
    """The profile of values, each with whether the item it belongs to failed."""
    measured: dict[str, _Measured] = {}
    present = [one.value for one, _ in rows if one.value.data is not None]
    for one, failing in rows:
        for measure, size in _measures(one):
            measured.setdefault(measure, _Measured()).found.append((size, one.path, failing))
    return ValueProfile(
        values=len(rows),
        total=total,
        failing=sum(failing for _, failing in rows),
        statuses=_counts(one.value.status for one, _ in rows),
        types=_counts(value.type for value in present),
        nulls=sum(value.data == b"null" for value in present),
        missing=sum(one.value.data is None and one.value.status == "captured" for one, _ in rows),
        distinct=len({value.digest or value.data for value in present}),
        spreads=sorted((of.spread(name) for name, of in measured.items()), key=lambda spread: -spread.count),
    )


def _counts(words: Iterable[str]) -> dict[str, int]:
    return dict(Counter(words).most_common())


def _measures(one: StepValue) -> Iterable[tuple[str, float]]:
    """What can be measured of a value: its length or itself; of one that is not whole only its size in bytes."""
    if one.value.status == "truncated" and one.value.size is not None:
        yield "bytes of truncated", one.value.size
    if one.value.status not in _SAID:
        return
    try:
        yield from _measure(content_of(one.value))
    except CannotAnswer:
        return


def _measure(value: Any) -> Iterable[tuple[str, float]]:
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int | float):
        yield "number", value
    elif isinstance(value, str):
        yield "characters", len(value)
    elif (elements := elements_of(value)) is not None:
        yield "elements", len(elements)
    elif special_of(value):
        yield from _measure_special(cast("dict[str, Any]", value))
    else:
        yield "keys", len(value)


def _measure_special(value: dict[str, Any]) -> Iterable[tuple[str, float]]:
    extent: Any = value.get("shape")
    if isinstance(extent, list) and extent and isinstance(extent[0], int):
        yield "rows", extent[0]
    elif isinstance(value.get("size"), int):
        yield "bytes", value["size"]
