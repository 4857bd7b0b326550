"""The reply of ``get_step_values``: first what each value is, then as much of them as fits, small ones first."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

from pydantic import Field, PrivateAttr

from hg_mcp.names import EXPLAIN_FAILURE, GET_RUN_STEPS, GET_STEP_VALUES, TRACE_VALUE
from hg_mcp.queries.policies import never_matched
from hg_mcp.queries.profile import Spread, ValueProfile
from hg_mcp.queries.selection import text_of
from hg_mcp.queries.step_paths import outer_item
from hg_mcp.queries.values import ValuePage
from hg_mcp.replies.base import NextCall, Reply, Row, call, following, handles, next_part, suggestion
from hg_mcp.replies.budget import Call, Excerpt, Part
from hg_mcp.replies.words import handle
from hg_mcp.sizes import counted
from hg_mcp.text import one_line, printable, quoted
from recorder.store.records import StepValue

__all__ = ["Profile", "ValueList", "ValueRow"]

_ADVICE: Final = {
    "not_captured": "Not captured: note says which setting of the recorder's ValueTracer left it out",
    "redacted": "Redacted before anything was written, by the rule in note; Recorder(redact=...) decides the rules.",
    "truncated": "Truncated: size is its full size, note the limit; ValueTracer(max_value_bytes=...) keeps more.",
    "expired": "Expired: note says when its content went, and why. `hg-mcp pin RUN` keeps the values of runs to come; "
    "[retention] in the store's config.toml (value_days, max_bytes) decides for all.",
    "unserializable": "Unserializable: its type has no JSON form; what is shown is a bounded preview.",
}
_LOST: Final = "its content is not in the store: it was dropped to stay within limits, or is not read yet"
_LONGEST_HANDLE: Final = 200
_LONGEST_PATH: Final = 120
_SHAPE_BYTES: Final = 160


class ValueRow(Row):
    """A value. ``value`` is all of it, ``text`` and ``preview`` are parts; none is there without content."""

    name: str | None = Field(default=None, description="recorded; pass as value")
    path: str | None = Field(default=None, description="recorded names: its step, where there are several")
    item: int | None = Field(default=None, description="index in the outermost map")
    step_status: str | None = None
    direction: str = Field(description="input or output")
    status: str
    type: str | None = Field(default=None, description="recorded: its Python type")
    size: int | None = Field(default=None, description="full size in bytes: of a text itself, else of its JSON")
    note: str | None = Field(default=None, description="which rule, limit or reason, where something is missing")
    range: str | None = Field(default=None, description="which bytes text is, and of how many")
    value: Any = Field(default=None, description="recorded; null means that the program's value was None")
    text: str | None = Field(default=None, description="recorded: a part of the text, or of the JSON, from range or 0")
    preview: str | None = Field(default=None, description="recorded: the head of its JSON, cut")

    @classmethod
    def of(cls, one: StepValue, page: ValuePage) -> Self:
        """A value without its content; its step and name only where they differ between rows."""
        stored, piece = one.value, page.piece
        note = stored.note or (_LOST if stored.data is None and stored.status == "captured" else None)
        return cls(
            name=printable(stored.name) if not page.across or not page.selected else None,
            path=printable(one.path) if page.across else None,
            item=outer_item(one.path) if page.across else None,
            step_status=one.step_status if page.across else None,
            direction=stored.direction,
            status=stored.status,
            type=one_line(stored.type, 120) or None,
            size=stored.size,
            note=one_line(note, 200) if note else None,
            range=f"{piece.start}:{piece.stop} of {piece.total}" if piece else None,
        )


class SpreadRow(Row):
    """How a measure is distributed over the values that have it; the paths of the steps with the extremes."""

    measure: str | None = Field(
        default=None, description="characters, elements, keys, rows, bytes, or the number itself"
    )
    count: int | None = None
    min: float | None = None
    median: float | None = None
    max: float | None = None
    min_at: str | None = Field(default=None, description="recorded names")
    max_at: str | None = Field(default=None, description="recorded names")
    failing_median: float | None = Field(default=None, description="in failed items")
    passing_median: float | None = Field(default=None, description="in the others")

    @classmethod
    def of(cls, spread: Spread) -> Self:
        """A spread as a row."""
        return cls(
            measure=spread.measure,
            count=spread.count,
            min=spread.min,
            median=spread.median,
            max=spread.max,
            min_at=printable(spread.min_at),
            max_at=printable(spread.max_at),
            failing_median=spread.failing_median,
            passing_median=spread.passing_median,
        )


class Profile(Row):
    """What one value is like over many steps."""

    values: int
    total: int | None = Field(default=None, description="all there are, where only the first were looked at")
    distinct: int | None = Field(default=None, description="different contents")
    nulls: int | None = None
    missing: int | None = Field(default=None, description="without content, or without what the path names")
    failing: int | None = Field(default=None, description="of failed items")
    types: dict[str, int] | None = Field(default=None, description="recorded type names")
    statuses: dict[str, int] | None = None
    spreads: list[SpreadRow] | None = None

    @classmethod
    def of(cls, profile: ValueProfile) -> Self:
        """A profile; counts of zero are left out."""
        return cls(
            values=profile.values,
            total=profile.total if profile.total > profile.values else None,
            distinct=profile.distinct,
            nulls=profile.nulls or None,
            missing=profile.missing or None,
            failing=profile.failing or None,
            types={one_line(name, 80): count for name, count in profile.types.items()} or None,
            statuses=dict(profile.statuses),
            spreads=[SpreadRow.of(spread) for spread in profile.spreads] or None,
        )


class ValueList(Reply):
    """Values of a step, of the whole run, or of many steps."""

    run_id: str
    step: str | None = Field(default=None, description="recorded names; empty for the run's own inputs and outputs")
    total: int
    shape: str | None = Field(default=None, description="what the one value is; type names are recorded")
    profile: Profile | None = Field(default=None, description="what the value is like across the steps")
    inside: dict[str, str] | None = Field(default=None, description="recorded: paths that lead on, and what is there")
    advice: list[str] | None = Field(default=None, description="what the statuses mean and how to change them")
    values: list[ValueRow]
    _page: ValuePage = PrivateAttr()

    @classmethod
    def of(cls, page: ValuePage) -> Self:
        """The reply for a page of values."""
        reply = cls(
            summary=_summary(page),
            run_id=handle(page.run),
            step=None if page.across else one_line(page.step.path, 200) if page.step else "",
            total=page.total,
            shape=one_line(page.shape, _SHAPE_BYTES) if page.shape else None,
            profile=Profile.of(page.profile) if page.profile else None,
            inside={one_line(path, _LONGEST_PATH): shape for path, shape in page.inside.items()} or None,
            advice=_advice(page) or None,
            values=[ValueRow.of(one, page) for one in page.values],
            next=_next(page),
        )
        reply._page = page
        return reply

    def parts(self, asked: Call) -> Sequence[Part]:
        """Names, types and sizes, the profile, what leads on; then contents, smallest first."""
        page = self._page
        named = {"path", "step_status"} if page.across else set[str]()
        kept = frozenset({"direction", "status", *named} | ({"name"} if not (page.across and page.selected) else set()))
        return (
            Part(field="values", handles=kept, head=3, beyond=page.remaining, rest=following(page, asked)),
            Part(field="advice", wider=True, rest=lambda _: asked),
            Part(field="profile", handles=handles(Profile), wider=True, rest=lambda _: asked),
            next_part(asked),
            Part(field="inside", wider=True, rest=lambda _: asked),
            self._contents(asked),
        )

    def _contents(self, asked: Call) -> Part:
        """What the values are: the one alone by characters, several from the smallest on."""
        page = self._page
        contents = {index: one.value.data for index, one in enumerate(page.values) if one.value.data is not None}
        if page.total == 1 and contents:
            return Part(
                field="values", what="contents", excerpt=_excerpt(page, asked), wider=True, rest=lambda _: asked
            )

        def fewer(shown: int) -> Call:
            if len(page.values) == 1 or (page.selected and not page.across):
                smallest = sorted(contents, key=lambda index: (len(contents[index]), index))
                return _call(page, page.values[smallest[min(shown, len(smallest) - 1)]], asked)
            return call(GET_STEP_VALUES, **asked["arguments"] | {"limit": len(page.values) // 2})

        return Part(field="values", what="contents", recorded=contents, wider=True, rest=fewer)


def _excerpt(page: ValuePage, asked: Call) -> Excerpt:
    one, piece = page.values[0], page.piece
    text, data = (piece.text, None) if piece else (text_of(one.value), one.value.data)
    start, stop = (piece.start, f"{piece.stop}") if piece else (0, "")

    def onward(shown: int) -> Call:
        at = start + len(text[:shown].encode("utf-8", "surrogatepass"))
        return _call(page, one, asked, range=f"{at}:{stop}")

    return Excerpt(text=text, data=data, onward=onward)


def _call(page: ValuePage, one: StepValue, asked: Call, **more: Any) -> Call:
    """The call for one value alone, with the budget of the one asked."""
    return call(
        GET_STEP_VALUES,
        run=handle(page.run),
        step=one.path,
        value=one.value.name,
        direction=one.value.direction,
        **more,
        budget=asked["arguments"].get("budget"),
    )


# Words ----------------------------------------------------------------------------------------------------------------


def _summary(page: ValuePage) -> str:
    if page.across:
        return _summary_across(page)
    place = f"step {quoted(page.step.path, 120)}" if page.step else f"run {quoted(page.run.run_id)} itself"
    if not page.values:
        return f"No values are recorded of {place}."
    if page.selected:
        return f"Value {quoted(page.selected, 80)} of {place}."
    return f"{counted(page.total, 'value')} of {place}{_statuses([one.value.status for one in page.values])}."


def _summary_across(page: ValuePage) -> str:
    if not page.total:
        return "No values are recorded of those steps."
    if not page.selected:
        return f"{counted(page.total, 'value')} of those steps{_statuses([one.value.status for one in page.values])}."
    what = f"Value {quoted(page.selected, 80)}, {counted(page.total, 'time')}"
    if page.profile is None:
        return f"{what}{_statuses([one.value.status for one in page.values])}."
    return f"{what}{_of_profile(page.profile)}."


def _of_profile(profile: ValueProfile) -> str:
    words = [f"{profile.distinct:,} distinct{f', {profile.nulls:,} null' * bool(profile.nulls)}"]
    if profile.values < profile.total:
        words[0] += f" in the first {profile.values:,}"
    if set(profile.statuses) != {"captured"}:
        words.append(", ".join(f"{count:,} {status}" for status, count in profile.statuses.items()))
    for spread in profile.spreads[:1]:
        least, middle, most = (
            f"{round(number, 3):,}".removesuffix(".0") for number in (spread.min, spread.median, spread.max)
        )
        words.append(f"{spread.measure} {least} to {most}, median {middle}")
    return ": " + "; ".join(words)


def _statuses(statuses: Sequence[str]) -> str:
    return ": " + ", ".join(f"{statuses.count(status):,} {status}" for status in sorted(set(statuses)))


def _advice(page: ValuePage) -> list[str]:
    statuses = {one.value.status for one in page.values}
    found = [page.absent] if page.absent else [advice for status, advice in _ADVICE.items() if status in statuses]
    if not page.absent and "not_captured" in statuses:
        found[0] += _widened(page)
    unmatched = never_matched(page.run.worker)
    if unmatched and (page.absent or "not_captured" in statuses):
        found.append(f"{unmatched}, in any run of this recorder so far.")
    if page.holders:
        named = ", ".join(f"{quoted(name)} of {quoted(node)}" for node, name in page.holders[:5])
        found.append(f"The run has other values: {named}{', …' * (len(page.holders) > 5)}.")
    return found


def _widened(page: ValuePage) -> str:
    """How to capture what fields of a policy left out, by name; else the note names a limit."""
    left_out = (one.value for one in page.values if one.value.status == "not_captured")
    names = dict.fromkeys(value.name for value in left_out if "fields=" in (value.note or ""))
    if not names:
        return "; widen that one."
    shown = ", ".join(quoted(name) for name in list(names)[:3])
    return f". To capture it: add {shown}{', …' * (len(names) > 3)} to fields."


def _next(page: ValuePage) -> list[NextCall]:
    run = handle(page.run)
    if not page.values:
        node = next((node for node, _ in page.holders if len(node) <= _LONGEST_HANDLE), None)
        if node is None:
            return [suggestion(GET_RUN_STEPS, "its steps", run=run)]
        return [suggestion(GET_STEP_VALUES, "values that it has", run=run, node=node)]
    if page.across:
        return _next_across(page, run)
    step, found = page.step, _next_of_failed(page, run)
    if page.selected and step is not None and step.node and outer_item(step.path) is not None:
        arguments: Mapping[str, Any] = {"run": run, "node": step.node, "value": page.selected}
        found.append(suggestion(GET_STEP_VALUES, "the same value in every item, and its profile", **arguments))
    return found


def _next_of_failed(page: ValuePage, run: str) -> list[NextCall]:
    """What leads from the values of a failed step to why it failed."""
    step, found = page.step, list[NextCall]()
    if step is None or step.status != "failed" or len(step.path) > _LONGEST_HANDLE:
        return found
    if page.suspect and len(page.suspect) <= _LONGEST_HANDLE:
        reason = "where the input that the error speaks of came from"
        found.append(suggestion(TRACE_VALUE, reason, run=run, step=step.path, value=page.suspect))
    return [*found, suggestion(EXPLAIN_FAILURE, "why this step failed", run=run, step=step.path)]


def _next_across(page: ValuePage, run: str) -> list[NextCall]:
    found: list[NextCall] = []
    for spread in page.profile.spreads[:1] if page.profile else ():
        if spread.max > spread.min and len(spread.max_at) <= _LONGEST_HANDLE:
            arguments = {"run": run, "step": spread.max_at, "value": page.selected}
            found.append(suggestion(GET_STEP_VALUES, f"where it is largest: {spread.measure}", **arguments))
    failed = next((one.path for one in page.values if one.step_status == "failed"), "")
    if failed and len(failed) <= _LONGEST_HANDLE:
        found.append(suggestion(GET_RUN_STEPS, "the error of a step that had it", run=run, step=failed))
    return found
