"""The reply of ``contrast_items``: what sets some items of a map apart, in sentences that a person would say."""

from collections.abc import Sequence
from typing import Final, Self

from pydantic import Field, PrivateAttr

from hg_mcp.names import GET_RUN_STEPS, GET_STEP_VALUES, TRACE_VALUE
from hg_mcp.queries.columns import Feature
from hg_mcp.queries.contrast import CONCLUSIVE, Contrast, Separator, Side
from hg_mcp.queries.words import as_ranges
from hg_mcp.replies.base import LONGEST_HANDLE, NextCall, Reply, Row, handles, next_part, suggestion
from hg_mcp.replies.budget import Call, Part
from hg_mcp.replies.words import handle, lasted, values_expiry
from hg_mcp.sizes import counted
from hg_mcp.text import one_line, quoted

__all__ = ["ItemContrast", "sentence"]

_WEAK: Final = 3
_LONGEST_SUMMARY: Final = 240


class SeparatorRow(Row):
    """What holds for more items of a than of b."""

    says: str = Field(description="names and texts in quotes are recorded")
    a_hits: int = Field(description="of a_of items of a")
    b_hits: int = Field(description="of b_of items of b")
    p: float = Field(description="chance of as good a separation by accident, corrected for all that was compared")
    a_of: int
    b_of: int
    may_be_effect: bool | None = Field(default=None, description="a failure itself may bring this about")
    range_a: list[float] | None = Field(default=None, description="smallest and largest in a; times in ms")
    range_b: list[float] | None = None
    alike: list[str] | None = Field(default=None, description="other measures that pick out exactly the same items")

    @classmethod
    def of(cls, one: Separator, found: Contrast) -> Self:
        """A separator as a row."""
        return cls(
            says=sentence(one, found),
            a_hits=one.a_hits,
            b_hits=one.b_hits,
            p=float(f"{one.p:.2g}"),
            a_of=one.a,
            b_of=one.b,
            may_be_effect=one.effect or None,
            range_a=_rounded(one.range_a),
            range_b=_rounded(one.range_b),
            alike=[f"{feature.measure} of {_subject(feature)}" for feature in one.alike] or None,
        )


class ItemContrast(Reply):
    """What separates two sets of items, best first."""

    run_id: str
    step: str = Field(default="", description="recorded names: the map's step; empty where the run itself is the map")
    a: str = Field(description="which items, and how many")
    b: str
    compared: int = Field(description="measures that differ between items at all, those that say the same once")
    note: str | None = Field(default=None, description="why little could be found")
    separators: list[SeparatorRow]
    compared_in_part: list[str] | None = Field(
        default=None,
        description="values too large to be compared whole (names in quotes are recorded): of a list or an object the "
        "first 40 elements or members are, of one place the 200 keys met most often, of all 4 levels",
    )
    _found: Contrast = PrivateAttr()

    @classmethod
    def of(cls, found: Contrast) -> Self:
        """The reply for a contrast."""
        reply = cls(
            summary=_summary(found),
            run_id=handle(found.run),
            step=one_line(found.map_path, 200),
            a=_side(found.a),
            b=_side(found.b),
            compared=found.compared,
            note=_note(found),
            separators=[SeparatorRow.of(one, found) for one in _shown(found)],
            compared_in_part=[_subject(feature) for feature in found.cut] or None,
            next=_next(found),
        )
        reply._found = found
        return reply

    def parts(self, asked: Call) -> Sequence[Part]:
        """The best separators, then where to look, then the rest."""
        rows = Part(field="separators", handles=handles(SeparatorRow), head=2, wider=True, rest=lambda _: asked)
        return rows, next_part(asked), Part(field="compared_in_part", wider=True, rest=lambda _: asked)


def _shown(found: Contrast) -> Sequence[Separator]:
    """All that chance would hardly bring about; where there is no cause among them, the best of the others too."""
    strong = [one for one in found.separators if one.p <= CONCLUSIVE]
    return strong if found.conclusive else found.separators[: len(strong) + _WEAK]


def _summary(found: Contrast) -> str:
    run = quoted(found.run.run_id)
    if found.conclusive:
        return one_line(sentence(found.separators[0], found), _LONGEST_SUMMARY)
    perfect = next((one for one in found.separators if one.a_hits == one.a and not one.b_hits and not one.effect), None)
    if perfect is not None:
        weak = f" Of so few items that may be chance (p = {perfect.p:.2g})."
        return one_line(sentence(perfect, found), _LONGEST_SUMMARY) + weak
    a, b = len(found.a.items), len(found.b.items)
    these = f"these {a:,} items" if a > 1 else "this item"
    return f"Nothing recorded tells why {these} and not the other {b:,} of run {run}."


def _note(found: Contrast) -> str | None:
    notes = [
        "" if found.values else "No values are recorded: Recorder(values=True) keeps inputs, which were not compared.",
        f"Contents of this run's values {expired}, and were not compared."
        if (expired := values_expiry(found.run))
        else "",
        f"{counted(found.left_out, 'step')} beyond the first 100,000 were not looked at." if found.left_out else "",
    ]
    if not found.conclusive:
        sizes = f"{len(found.a.items):,} against {len(found.b.items):,}"
        few = f"Too few items: even a perfect separation of {sizes} reaches p = {found.reachable_p:.2g} only."
        none = f"What is listed may be chance (p over {CONCLUSIVE}) or an effect; the cause may not be recorded."
        notes.insert(0, few if found.reachable_p > CONCLUSIVE else none if found.separators else "")
    return " ".join(filter(None, notes)) or None


def _side(side: Side) -> str:
    items = as_ranges([item.item for item in side.items if item.item is not None])
    return one_line(f"{counted(len(side.items), 'item')}: {items}", 100)


def sentence(one: Separator, found: Contrast) -> str:
    """As a person would say it: all 6 failed items this, 2 of 44 completed ones too."""
    a, b = _word(found.a, "items of a"), _word(found.b, "of b")
    first = f"All {one.a:,}" if one.a_hits == one.a > 1 else f"{one.a_hits:,} of {one.a:,}"
    second = f"none of {one.b:,}" if not one.b_hits else f"{one.b_hits:,} of {one.b:,}"
    return f"{first} {a}: {_statement(one)}; {second} {b.removesuffix(' items')}."


def _word(side: Side, otherwise: str) -> str:
    statuses = {item.status for item in side.items}
    return f"{statuses.pop()} items" if side.asked.startswith("status:") and len(statuses) == 1 else otherwise


def _statement(one: Separator) -> str:
    feature, operand = one.feature, one.rule.operand
    subject = _subject(feature)
    if feature.is_number:
        is_over = one.rule.word == "over"
        amount = _amount(feature.measure, operand)
        if feature.measure == "length":
            return f"{subject} is longer than {amount}" if is_over else f"{subject} is at most {amount} long"
        return f"{subject} {_MEASURED[feature.measure]} {'over' if is_over else 'at most'} {amount}"
    return f"{subject} {_predicate(feature.measure, operand)}"


_MEASURED: Final = {
    "number": "is",
    "size": "has a size in bytes of",
    "attempts": "took attempts:",
    "duration_ms": "took",
    "started_ms": "started, after the run did,",
    "concurrency": "started with items executing:",
}


def _predicate(measure: str, operand: object) -> str:
    no = "" if operand else " not"
    words = {
        "missing": "is missing" if operand else "is there",
        "ascii": "is plain ASCII" if operand else "holds characters beyond ASCII",
        "cached": f"was{no} served from a cache",
        "executed": "executed" if operand else "did not execute",
        "decision": f"chose {quoted(str(operand))}",
        "thread": f"ran on thread {quoted(str(operand) or 'main')}",
        "type": f"is of type {quoted(str(operand))}",
        "status": f"is recorded as {operand}",
        "kind": f"is {operand}",
    }
    return words.get(measure) or f"is {quoted(operand) if isinstance(operand, str) else operand}"


def _amount(measure: str, operand: float) -> str:
    return (
        f"{operand:,} ms"
        if measure.endswith("_ms") and operand < 1000
        else lasted(operand)
        if measure.endswith("_ms")
        else f"{operand:,}"
    )


def _subject(feature: Feature) -> str:
    node = quoted(feature.place.rpartition("/")[2]) if feature.place else ""
    if not feature.path:
        return node or "the item"
    return f"{feature.direction} {quoted(feature.path, 80)}" + (f" of {node}" if node else "")


def _rounded(ends: tuple[float, float] | None) -> list[float] | None:
    return [round(end, 3) for end in ends] if ends else None


def _next(found: Contrast) -> list[NextCall]:
    """What an item that shows the best separator holds, and one that does not."""
    run, best = handle(found.run), next(iter(_shown(found)), None)
    if best is None:
        step = found.a.items[0].path
        return [suggestion(GET_RUN_STEPS, "an item of a", run=run, step=step)] if len(step) <= LONGEST_HANDLE else []
    calls = [_look(found, best, path, which) for path, which in ((best.shown_by, "a"), (best.not_by, "b")) if path]
    return [one for one in (*calls, _origin(found, best)) if one is not None]


def _origin(found: Contrast, best: Separator) -> NextCall | None:
    """Where the value of an item of a came from, where it is one that leads somewhere."""
    step, value = f"{best.shown_by}/{best.feature.place}", best.feature.path
    if not best.shown_by or best.feature.direction != "input" or "[]" in value or best.feature.measure == "missing":
        return None
    if len(step) + len(value) > LONGEST_HANDLE:
        return None
    return suggestion(TRACE_VALUE, "where it came from", run=handle(found.run), step=step, value=value)


def _look(found: Contrast, best: Separator, item: str, which: str) -> NextCall | None:
    run, feature = handle(found.run), best.feature
    path = f"{item}/{feature.place}" if feature.place else item
    value = feature.path.partition("[]")[0]
    if feature.measure == "missing":
        value = value.rpartition(".")[0]
    if len(path) + len(value) > LONGEST_HANDLE:
        return None
    if not value:
        return suggestion(GET_RUN_STEPS, f"an item of {which}", run=run, step=path)
    reason = f"the value in an item of {which}"
    return suggestion(GET_STEP_VALUES, reason, run=run, step=path, value=value, direction=feature.direction)
