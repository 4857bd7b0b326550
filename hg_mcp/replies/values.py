"""The reply of ``get_step_values``: first what each value is, then as much of them as fits, small ones first."""

from collections.abc import Sequence
from typing import Any, Final, Self

from pydantic import Field, PrivateAttr

from hg_mcp.names import GET_RUN_STEPS, GET_STEP_VALUES
from hg_mcp.queries.values import ValuePage
from hg_mcp.replies.base import NextCall, Reply, Row, call, handles, next_part, suggestion
from hg_mcp.replies.budget import Call, Part
from hg_mcp.replies.words import counted, handle
from hg_mcp.text import one_line, printable, quoted
from recorder.store.protocols import StoredValue

__all__ = ["ValueList", "ValueRow"]

_ADVICE: Final = {
    "not_captured": "Not captured: record with Recorder(values=True) to keep inputs and outputs.",
    "redacted": "Redacted: a rule took it out before anything was written; change the recorder's redact= to keep it.",
    "truncated": "Truncated: larger than a capture may be (64 KiB); only its beginning was kept.",
    "expired": "Expired: it was recorded, but its retention is over.",
    "unserializable": "Unserializable: its type has no JSON form; what is shown is a bounded preview.",
}


class ValueRow(Row):
    """A value. ``value`` is all of it; ``preview`` only the head of its JSON. Neither is there unless captured."""

    name: str = Field(description="recorded; pass as value")
    direction: str = Field(description="input or output")
    status: str
    type: str | None = Field(default=None, description="recorded: its Python type")
    size: int | None = Field(default=None, description="full size in bytes, as JSON")
    note: str | None = Field(default=None, description="which rule or limit, where it is not captured")
    value: Any = Field(default=None, description="recorded; null means that the program's value was None")
    preview: str | None = Field(default=None, description="recorded: the head of its JSON, cut")

    @classmethod
    def of(cls, stored: StoredValue) -> Self:
        """A stored value without its content."""
        return cls(
            name=printable(stored.name),
            direction=stored.direction,
            status=stored.status,
            type=one_line(stored.type, 120) or None,
            size=stored.size,
            note=one_line(stored.note, 160) if stored.note else None,
        )


class ValueList(Reply):
    """Values of a step, or of the whole run."""

    run_id: str
    step: str = Field(default="", description="recorded names; empty for the run's own inputs and outputs")
    total: int
    shape: str | None = Field(default=None, description="what the selected value is")
    advice: list[str] | None = Field(default=None, description="what the statuses mean and how to change them")
    values: list[ValueRow]
    _page: ValuePage = PrivateAttr()

    @classmethod
    def of(cls, page: ValuePage) -> Self:
        """The reply for a page of values."""
        reply = cls(
            summary=_summary(page),
            run_id=handle(page.run),
            step=one_line(page.step.path, 200) if page.step else "",
            total=len(page.values),
            shape=page.shape or None,
            advice=_advice(page) or None,
            values=[ValueRow.of(stored) for stored in page.values],
            next=_next(page),
        )
        reply._page = page
        return reply

    def parts(self, asked: Call) -> Sequence[Part]:
        """Names, types and sizes; then contents, smallest first."""
        contents = {index: one.data for index, one in enumerate(self._page.values) if one.data is not None}
        by_size = sorted(contents, key=lambda index: (len(contents[index]), index))

        def rest(kept: int) -> Call:
            one = self._page.values[by_size[min(kept, len(by_size) - 1)]]
            return self._call(asked, one)

        rows = Part(field="values", handles=handles(ValueRow), wider=True, rest=lambda _: asked)
        data = Part(field="values", what="contents", recorded=contents, wider=len(by_size) == 1, rest=rest)
        return rows, next_part(asked), data

    def _call(self, asked: Call, one: StoredValue) -> Call:
        """The call for one value alone, or for what is inside it once it is alone."""
        if len(self._page.values) == 1:
            return asked
        path = self._page.step.path if self._page.step else ""
        return call(GET_STEP_VALUES, run=handle(self._page.run), step=path, value=one.name, direction=one.direction)


def _summary(page: ValuePage) -> str:
    place = f"step {quoted(page.step.path, 120)}" if page.step else f"run {quoted(page.run.run_id)} itself"
    if not page.values:
        return f"No values are recorded of {place}."
    if page.selected:
        return f"Value {quoted(page.selected, 80)} of {place}."
    statuses = sorted({one.status for one in page.values})
    kinds = ", ".join(f"{sum(one.status == status for one in page.values)} {status}" for status in statuses)
    return f"{counted(len(page.values), 'value')} of {place}: {kinds}."


def _advice(page: ValuePage) -> list[str]:
    statuses = {one.status for one in page.values} or {"not_captured"}
    return [advice for status, advice in _ADVICE.items() if status in statuses]


def _next(page: ValuePage) -> list[NextCall]:
    if page.values or page.step is None:
        return [] if page.values else [suggestion(GET_RUN_STEPS, "steps whose values to ask for", run=handle(page.run))]
    return []
