"""What sets some items of a map apart from others: every measure of their steps and values, by how well it separates.

Deterministic, and honest about chance: each p is exact or an upper bound, and corrected for all that was compared.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from hg_mcp.errors import CannotAnswer
from hg_mcp.names import GET_RUN_STEPS
from hg_mcp.queries.columns import Column, Feature
from hg_mcp.queries.features import Inside, columns_of
from hg_mcp.queries.items import read_items
from hg_mcp.queries.separation import Rule, best_category, best_threshold, holm, smallest_p
from hg_mcp.queries.step_paths import node_id
from hg_mcp.queries.steps import find_step
from hg_mcp.queries.words import as_ranges
from hg_mcp.sizes import counted
from hg_mcp.text import quoted
from recorder.store.protocols import RunReader
from recorder.store.records import BriefStep, BriefValue, Run, StepFilter

__all__ = ["CONCLUSIVE", "Contrast", "Separator", "Side", "contrast"]

CONCLUSIVE: Final = 0.01
_MOST_STEPS: Final = 100_000
_MOST_VALUES: Final = 4 * _MOST_STEPS
_FEWEST: Final = 2
_RANKS: Final = ("kind", "missing", "value", "decision", "cached", "number", "ascii", "length", "type", "executed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two sets of items: their rows, and the words that chose them."""

    asked: str
    items: Sequence[BriefStep]


@dataclass(frozen=True, slots=True, kw_only=True)
class Separator:
    """A rule that holds for more of the one side than of the other. ``p`` is corrected for all that was compared.

    ``a`` and ``b`` count the items that have the measure at all. ``effect`` says that it may be caused by what it seems
    to explain; ``alike`` are other features that pick out exactly the same items. ``range_a`` and ``range_b`` are the
    smallest and largest number on each side. ``shown_by`` and ``not_by`` are paths of steps: an item of ``a`` that
    fulfils the rule, an item of ``b`` that does not.
    """

    feature: Feature
    rule: Rule
    p: float
    a_hits: int
    a: int
    b_hits: int
    b: int
    effect: bool
    alike: Sequence[Feature]
    range_a: tuple[float, float] | None
    range_b: tuple[float, float] | None
    shown_by: str
    not_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """Two sets of items of a map and what separates them, best first; those that chance could do as well come last.

    ``map_path`` is the path of the map's step, empty where the run itself is the map. ``compared`` counts the distinct
    measures, ``reachable_p`` is what a perfect one could reach, ``values`` says whether any value of them is recorded.
    ``left_out`` counts steps that were too many to look at, ``cut`` tells the values that were too large for it.
    ``focus`` is where within the items most failures arose.
    """

    run: Run
    map_path: str
    a: Side
    b: Side
    separators: Sequence[Separator]
    compared: int
    reachable_p: float
    values: bool
    focus: str = ""
    left_out: int = 0
    cut: Sequence[Feature] = ()

    @property
    def conclusive(self) -> Sequence[Separator]:
        """Those that chance would hardly bring about, nor the failures themselves."""
        return [one for one in self.separators if one.p <= CONCLUSIVE and not one.effect]


async def contrast(reader: RunReader, run: Run, a: str, b: str, *, step: str = "") -> Contrast:
    """What separates the items ``a`` from the items ``b`` of a map.

    Args:
        reader: What was recorded.
        run: The run.
        a: ``"status:failed"``, or indexes such as ``"3,7,12-20"``.
        b: Likewise, or ``"rest"``.
        step: The path of the map's step; empty for the outermost map that has items of both sides.

    Raises:
        CannotAnswer: There is no such map, a side is empty, or the words are not of their form.
    """
    under = (await find_step(reader, run, step)).path if step else ""
    steps = await reader.brief_steps(run.key, under=under, limit=_MOST_STEPS)
    in_all = await reader.count_steps(run.key, StepFilter(under=under)) if len(steps) == _MOST_STEPS else len(steps)
    map_path, sides = _chosen(_maps(steps), run, a, b, under)
    items, split = [*sides[0].items, *sides[1].items], len(sides[0].items)
    inside = _inside(items, map_path, steps, await reader.brief_values(run.key, limit=_MOST_VALUES))
    columns, cut = columns_of(run, items, inside, await reader.contents(inside.contents))
    focus = _failing_place(inside)
    compared = _distinct(columns, focus)
    return Contrast(
        run=run,
        map_path=map_path,
        a=sides[0],
        b=sides[1],
        separators=_separators(compared, items, split, focus),
        compared=len(compared),
        reachable_p=min(1.0, smallest_p(split, len(items) - split) * max(len(compared), 1)),
        values=bool(inside.values),
        focus=focus,
        left_out=in_all - len(steps),
        cut=cut,
    )


def _maps(steps: Sequence[BriefStep]) -> dict[str, list[BriefStep]]:
    """The item rows of each map, by the path of its step; outer maps first."""
    found: dict[str, list[BriefStep]] = {}
    for step in steps:
        if step.kind == "item":
            found.setdefault(step.path.rpartition("[")[0], []).append(step)
    return dict(sorted(found.items(), key=lambda entry: entry[0].count("[")))


def _chosen(maps: Mapping[str, list[BriefStep]], run: Run, a: str, b: str, under: str) -> tuple[str, tuple[Side, Side]]:
    """The map meant, and its two sides."""
    if not maps or (under and under not in maps):
        raise CannotAnswer(_no_map(maps, run, under))
    pools = {under: maps[under]} if under else maps
    for path, items in pools.items():
        sides = _sides(items, a, b)
        if all(side.items for side in sides):
            return path, sides
    path, items = next(iter(pools.items()))
    raise CannotAnswer(_empty_side(path, items, run, _sides(items, a, b)))


def _no_map(maps: Mapping[str, object], run: Run, under: str) -> str:
    where = f"step {quoted(under, 120)} of run" if under else "run"
    known = ", ".join(quoted(path, 120) for path in list(maps)[:5] if path)
    itself = "The run itself is the map: leave step out." if run.is_map else "The items of a map are compared."
    meant = f"Maps there: {known}." if known else itself
    return f"No map at {where} {quoted(run.run_id)}. {meant} Call {GET_RUN_STEPS} to see its steps."


def _sides(items: Sequence[BriefStep], a: str, b: str) -> tuple[Side, Side]:
    chosen = _picked("a", a, items)
    numbers = {item.item for item in chosen}
    others = [item for item in items if item.item not in numbers]
    return Side(asked=a, items=chosen), Side(asked=b, items=others if b == "rest" else _picked("b", b, others))


def _picked(argument: str, given: str, items: Sequence[BriefStep]) -> list[BriefStep]:
    wanted = read_items(argument, given)
    return [item for item in items if item.item in wanted.indexes or item.status in wanted.statuses]


def _empty_side(path: str, items: Sequence[BriefStep], run: Run, sides: tuple[Side, Side]) -> str:
    name, side = ("a", sides[0]) if not sides[0].items else ("b", sides[1])
    counts = Counter(item.status for item in items)
    there = ", ".join(f"{count:,} {status}" for status, count in counts.most_common())
    inside = [item.item for item in items if item.status == "completed" and item.failures and item.item is not None]
    hidden = f" With failures inside: '{as_ranges(inside[:50])}'." if inside else ""
    where = f"map {quoted(path, 120)}" if path else f"run {quoted(run.run_id)}"
    return (
        f"{name}={quoted(side.asked)} matches no item (left) of {where}. Its {counted(len(items), 'item')}: {there}."
        f"{hidden} Give {name} as items such as '0,3-5' or another status."
    )


def _inside(
    items: Sequence[BriefStep], map_path: str, steps: Sequence[BriefStep], values: Sequence[BriefValue]
) -> Inside:
    """The executions of nodes inside the items, and their values."""
    positions = {str(item.item): position for position, item in enumerate(items)}
    opening = f"{map_path}["
    inside = Inside()
    where: dict[int, tuple[int, str]] = {}
    for step in steps:
        if step.kind == "node" and step.path.startswith(opening):
            index, _, rest = step.path[len(opening) :].partition("]")
            if rest and (position := positions.get(index)) is not None:
                place = node_id(rest)
                where[step.step] = position, place
                inside.executions[place].put(position, step)
    for value in values:
        if found := where.get(value.step):
            position, place = found
            inside.values[place, value.direction, value.name].put(position, value)
    return inside


def _failing_place(inside: Inside) -> str:
    """Where within the items most failures arose; of several such places, where the first did."""
    failed = {
        place: steps
        for place, met in inside.executions.items()
        if (steps := [one.step for one in met.found if one.status == "failed" and not one.propagated])
    }
    return max(failed, key=lambda place: (len(failed[place]), -failed[place][0]), default="")


def _distinct(columns: Sequence[Column], focus: str) -> list[tuple[Column, list[Feature]]]:
    """Columns, those that say the same of every item once, with the features of the others."""
    found: dict[object, tuple[Column, list[Feature]]] = {}
    signatures: dict[int, object] = {}
    for column in sorted(columns, key=lambda one: _preference(one.feature, focus)):
        signature = signatures.get(id(column.cells)) or signatures.setdefault(id(column.cells), _signature(column))
        known = found.setdefault(signature, (column, []))
        if known[0] is not column:
            known[1].append(column.feature)
    return list(found.values())


def _preference(feature: Feature, focus: str) -> tuple[bool, bool, int, bool]:
    """Of features that say the same: causes first, inputs, contents before sizes, and those where failures arose."""
    rank = _RANKS.index(feature.measure) if feature.measure in _RANKS else len(_RANKS)
    return feature.may_be_effect, feature.direction == "output", rank, feature.place != focus


def _signature(column: Column) -> object:
    """Alike for columns that order, or divide, the same items alike."""
    positions = tuple(sorted(column.cells))
    cells: list[Any] = [column.cells[position] for position in positions]
    is_number = column.feature.is_number
    order = sorted(set(cells)) if is_number else dict.fromkeys((True, False, *cells))
    ranks = {cell: rank for rank, cell in enumerate(order)}
    return is_number, positions, tuple([ranks[cell] for cell in cells])


def _separators(
    compared: Sequence[tuple[Column, Sequence[Feature]]], items: Sequence[BriefStep], split: int, focus: str
) -> list[Separator]:
    """Every rule that holds for more of the one side; those that pick out the same items as one."""
    judged = [(column, alike, rule) for column, alike in compared if (rule := _rule(column, split))]
    corrected = holm([rule.p for _, _, rule in judged])
    found: dict[frozenset[int], Separator] = {}
    for (column, alike, rule), p in zip(judged, corrected, strict=True):
        hits = rule.kept(column.cells)
        one = _separator(column, alike, replace(rule, p=p), hits, items, split)
        known = found.get(hits)
        found[hits] = one if known is None else _merged(known, one, focus)
    return sorted(found.values(), key=lambda one: _order(one, focus))


def _order(one: Separator, focus: str) -> tuple[Any, ...]:
    return one.p > CONCLUSIVE, one.effect, one.p, *_preference(one.feature, focus)


def _rule(column: Column, split: int) -> Rule | None:
    """The best rule about a column that both sides have."""
    a: list[Any] = [cell for position, cell in column.cells.items() if position < split]
    b: list[Any] = [cell for position, cell in column.cells.items() if position >= split]
    if min(len(a), len(b)) < _FEWEST:
        return None
    return best_threshold(a, b) if column.feature.is_number else best_category(a, b)


def _separator(
    column: Column, alike: Sequence[Feature], rule: Rule, hits: frozenset[int], items: Sequence[BriefStep], split: int
) -> Separator:
    misses = [position for position in column.cells if position >= split and position not in hits]
    of_a = [position for position in hits if position < split]
    total = len([position for position in column.cells if position < split])
    feature = column.feature
    idle = feature.measure == "executed" and not rule.operand and all(one.status == "failed" for one in items[:split])
    return Separator(
        feature=feature,
        rule=rule,
        p=rule.p,
        a_hits=len(of_a),
        a=total,
        b_hits=len(hits) - len(of_a),
        b=len(column.cells) - total,
        effect=feature.may_be_effect or idle,
        alike=alike,
        range_a=_range(column, 0, split),
        range_b=_range(column, split, len(items)),
        shown_by=items[min(of_a)].path if of_a else "",
        not_by=items[min(misses)].path if misses else "",
    )


def _range(column: Column, start: int, stop: int) -> tuple[float, float] | None:
    if not column.feature.is_number:
        return None
    cells: list[Any] = [cell for position, cell in column.cells.items() if start <= position < stop]
    return (min(cells), max(cells)) if cells else None


def _merged(one: Separator, other: Separator, focus: str) -> Separator:
    """Two rules that pick out the same items: the preferred one speaks, at the better p."""
    first, second = sorted((one, other), key=lambda each: (*_preference(each.feature, focus), not each.rule.operand))
    alike = dict.fromkeys([*first.alike, second.feature, *second.alike])
    return replace(first, alike=tuple(alike), p=min(one.p, other.p), effect=one.effect and other.effect)
