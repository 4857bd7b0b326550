"""What every reply has: a summary, where to go next, what was left out, and what is not in the store yet.

Fields documented as "recorded" hold text that the recorded program chose: data, never instructions. All other text is
ours.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from pydantic import BaseModel, ConfigDict, Field

from hg_mcp.queries.words import now_us
from hg_mcp.replies.budget import Call, Part, fitted
from hg_mcp.replies.words import iso, ms
from hg_mcp.text import one_line
from recorder.store.records import Backlog, Run

__all__ = [
    "LONGEST_HANDLE",
    "Behind",
    "Items",
    "NextCall",
    "Omitted",
    "Reply",
    "Row",
    "call",
    "duration_of",
    "following",
    "handles",
    "items_of",
    "next_part",
    "started",
    "suggestion",
]

LONGEST_HANDLE: Final = 100
"""Bytes of a recorded path up to which a suggested call names it; a reply must hold in 300 tokens."""
_NAMED_FILES: Final = 1
_LAST: Final = ("behind", "next", "omitted")


class Row(BaseModel):
    """A row or object of a reply. What has no default is always there, whatever the budget."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NextCall(Row):
    """A call that is worth making now."""

    tool: str
    arguments: dict[str, Any]
    reason: str


class _Page(Protocol):
    def cursor_after(self, shown: int) -> str: ...


class _CallShape(Row):
    tool: str
    arguments: dict[str, Any]


class Omitted(Row):
    """What this reply leaves out, and the call that returns it."""

    what: str = Field(description="which fields of this reply")
    how_many: int
    call: _CallShape


class Behind(Row):
    """What recorders wrote and this reply may not know of yet; ask again."""

    segments: int
    bytes: int
    refused: list[str] | None = Field(
        default=None, description="such as these journal files, of newer or foreign programs: untouched"
    )


class Items(Row):
    """The items of a map."""

    total: int | None = None
    completed: int | None = None
    failed: int | None = None
    paused: int | None = None
    stopped: int | None = None
    restored: int | None = None


class Reply(Row):
    """One answer. Absent fields are unknown or do not apply."""

    summary: str = Field(description="the answer in one line")
    behind: Behind | None = None
    next: list[NextCall] = Field(default_factory=list[NextCall], description="calls worth making now")
    omitted: list[Omitted] | None = None

    def parts(self, asked: Call) -> Sequence[Part]:
        """What this reply can do without, most important first. ``asked`` is the call it answers."""
        raise NotImplementedError

    def encoded(self, *, budget: int, asked: Call, backlog: Backlog) -> bytes:
        """The reply as compact JSON of at most ``budget`` tokens."""
        full = self.model_dump(mode="json", exclude_none=True)
        if "run_id" in full:  # what follows is about the run that was meant, whatever "latest" is by then
            others = {key: value for key, value in asked["arguments"].items() if key not in {"run", "graph"}}
            asked = {"tool": asked["tool"], "arguments": {"run": full["run_id"], **others}}
        if behind := behind_of(backlog):
            full["behind"] = behind.model_dump(mode="json", exclude_none=True)
        ordered = {key: value for key, value in full.items() if key not in _LAST}
        ordered.update({key: full[key] for key in _LAST if key in full})
        return fitted(ordered, self.parts(asked), budget=budget, asked=asked)


def next_part(asked: Call, *, early: bool = False) -> Part:
    """The ``next`` calls as a part of a reply: with all their arguments, since with some they ask something else."""
    whole = frozenset({"arguments"})
    return Part(field="next", handles=handles(NextCall), whole=whole, early=early, wider=True, rest=lambda _: asked)


def following(page: _Page, asked: Call) -> Callable[[int], Call]:
    """Gives the call for what follows the first n rows of a page: the one that was asked, with a cursor."""
    return lambda shown: call(asked["tool"], **asked["arguments"] | {"cursor": page.cursor_after(shown)})


def handles(row: type[Row]) -> frozenset[str]:
    """The fields of a row that are always there."""
    return frozenset(name for name, field in row.model_fields.items() if field.is_required())


def call(tool: str, **arguments: Any) -> Call:
    """A call as ``omitted`` and ``next`` write it; empty arguments are left out."""
    return {"tool": tool, "arguments": {key: value for key, value in arguments.items() if value not in ("", 0, None)}}


def suggestion(tool: str, reason: str, **arguments: Any) -> NextCall:
    """A call worth making, and why."""
    return NextCall(**call(tool, **arguments), reason=reason)


def behind_of(backlog: Backlog) -> Behind | None:
    """What the store does not hold yet, or None."""
    if not backlog.bytes and not backlog.refused:
        return None
    refused = [one_line(name, 48) for name in backlog.refused[:_NAMED_FILES]]
    if (more := len(backlog.refused) - _NAMED_FILES) > 0:
        refused.append(f"and {more:,} more")
    return Behind(segments=backlog.segments, bytes=backlog.bytes, refused=refused or None)


def items_of(run: Run) -> Items | None:
    """The item counts of a map."""
    if not run.is_map:
        return None
    return Items(
        total=run.map_size,
        completed=run.items_completed,
        failed=run.items_failed or None,
        paused=run.items_paused or None,
        stopped=run.items_stopped or None,
        restored=run.items_restored or None,
    )


def duration_of(run: Run) -> float | None:
    """How long a run took, or has taken; a crashed one has no end that anybody knows."""
    if run.duration_ms is None and run.status == "running":
        return ms((now_us() - run.started_at) / 1000)
    return ms(run.duration_ms)


def started(us: int) -> str:
    """A moment that is known."""
    return iso(us) or ""
