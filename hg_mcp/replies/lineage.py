"""The reply of ``trace_value``: the trail of a value, from where it was asked for back to where it was born."""

from collections.abc import Sequence
from typing import Final, Self

import msgspec
from pydantic import Field, PrivateAttr

from hg_mcp.names import COMPARE_RUNS, GET_STEP_VALUES
from hg_mcp.queries.lineage import Hop, Lineage, Place
from hg_mcp.replies.base import LONGEST_HANDLE, NextCall, Reply, Row, handles, next_part, suggestion
from hg_mcp.replies.budget import Call, Part
from hg_mcp.replies.words import handle
from hg_mcp.sizes import counted
from hg_mcp.text import one_line, printable, quoted

__all__ = ["ValueTrace"]

_LONGEST_SUMMARY: Final = 300
_TIES: Final = {
    "edge": "edge of the graph",
    "equal": "inferred: equal value",
    "part": "inferred: equal to a part of it",
    "text": "inferred: a text that holds it",
    "holds": "inferred: the value before holds it",
}


class HopRow(Row):
    """A place on the trail; the first is the one that was asked for."""

    step: str = Field(description="recorded names; empty for the run itself")
    direction: str
    value: str = Field(description="recorded names: pass as value")
    by: str | None = Field(default=None, description="how the one before is tied to this: by an edge, or inferred")
    content: str | None = Field(default=None, description="recorded: the head of its JSON")

    @classmethod
    def of(cls, hop: Hop) -> Self:
        """A hop as a row."""
        tie = _TIES.get(hop.how)
        place = hop.place
        return cls(
            step=printable(place.step.path) if place.step else "",
            direction=place.direction,
            value=printable(place.path),
            by=f"{tie}, though a common one" if tie and hop.common else tie,
            content=one_line(msgspec.json.encode(place.content).decode(), 160),
        )


class ValueTrace(Reply):
    """Where a value came from."""

    run_id: str
    end: str = Field(
        description="run_input; born: an output that no input of its step holds; outside: no earlier recorded value "
        "holds it; limit: the trail goes on"
    )
    hops: list[HopRow]
    note: str | None = None
    _found: Lineage = PrivateAttr()

    @classmethod
    def of(cls, found: Lineage) -> Self:
        """The reply for a trail."""
        reply = cls(
            summary=_summary(found),
            run_id=handle(found.run),
            end=found.end,
            hops=[HopRow.of(hop) for hop in found.hops],
            note=_note(found),
            next=_next(found),
        )
        reply._found = found
        return reply

    def parts(self, asked: Call) -> Sequence[Part]:
        """The trail; its ends are in the summary."""
        return (
            Part(field="hops", handles=handles(HopRow), head=1, wider=True, rest=lambda _: asked),
            next_part(asked),
        )


def _summary(found: Lineage) -> str:
    first, last = found.hops[0].place, found.hops[-1].place
    start = f"{_named(first)} {quoted(first.path, 60)}"
    end = f"{last.direction} {quoted(last.path, 60)} of {_owner(last)}"
    hops = counted(len(found.hops) - 1, "hop")
    ending = {
        "run_input": f"comes from {end} in {hops}",
        "born": f"comes from {end} in {hops}, born there: {_unheld(found)}",
        "outside": f"comes from {end} in {hops}; no earlier recorded value holds it",
        "limit": f"is as far as {end} after {hops}, and the trail goes on",
    }[found.end]
    if len(found.hops) == 1:
        ending = {
            "run_input": "is an input of the run itself",
            "born": f"was born there: {_unheld(found)}",
            "outside": "is held by no earlier recorded value",
            "limit": "goes on",
        }[found.end]
    return one_line(f"{start} of {_owner(first)} {ending}.", _LONGEST_SUMMARY)


def _named(place: Place) -> str:
    return place.direction.capitalize()


def _owner(place: Place) -> str:
    return quoted(place.step.path, 80) if place.step else "the run"


def _unheld(found: Lineage) -> str:
    if found.is_ambiguous:
        return "or passed on, since an input holds an equal value, too common to tell"
    return "none of its inputs hold it" if found.has_inputs else "it has no recorded inputs"


def _note(found: Lineage) -> str | None:
    notes: list[str] = []
    if found.end == "outside":
        notes.append("It was made between recorded steps, is a constant or a default, or its source was not recorded.")
        notes.append("Only the 150 nearest earlier steps were searched, and of values kept in part what was kept.")
        if found.edges_from:
            names = ", ".join(quoted(name) for name in found.edges_from[:5])
            notes.append(f"Edges of the graph lead there from {names}: record their outputs (Recorder(values=True)).")
    if any(hop.common for hop in found.hops):
        notes.append("Ties of values as common as null, true or 1 may be chance.")
    return " ".join(notes) or None


def _next(found: Lineage) -> list[NextCall]:
    """What the step at the end of the trail was given, and whether it did otherwise before."""
    run, last = handle(found.run), found.hops[-1].place
    path = last.step.path if last.step else ""
    calls: list[NextCall] = []
    if found.has_good:
        calls.append(suggestion(COMPARE_RUNS, "whether a good run had another value there", run=run))
    if len(path) <= LONGEST_HANDLE:
        reason = "all that went into the step where the trail ends, and came out" if path else "the run's own inputs"
        calls.insert(0, suggestion(GET_STEP_VALUES, reason, run=run, step=path))
    return calls
