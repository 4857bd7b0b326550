"""Steps that have not ended, and what is said of a run that they hold."""

from collections.abc import Sequence
from typing import Self

from pydantic import Field

from hg_mcp.queries.holdup import MUCH_LONGER, HoldUp
from hg_mcp.queries.words import now_us
from hg_mcp.replies.base import Row, started
from hg_mcp.replies.words import lasted, ms, since_now
from hg_mcp.sizes import counted
from hg_mcp.text import printable, quoted
from recorder.store.records import Step

__all__ = ["OpenStep", "held_words", "open_rows"]


class OpenStep(Row):
    """A step that has not ended, or never did."""

    path: str = Field(description="recorded names; pass as step")
    status: str
    started_at: str
    running_ms: float | None = None
    usual_ms: float | None = Field(default=None, description="p95 of earlier executions of its node")
    overdue: bool | None = Field(default=None, description="runs for more than five times that, and three seconds")

    @classmethod
    def of(cls, step: Step, holdup: HoldUp | None) -> Self:
        """A step as a row."""
        running = since_now(now_us(), step.started_at) if step.status == "running" else None
        return cls(
            path=printable(step.path),
            status=step.status,
            started_at=started(step.started_at),
            running_ms=running,
            usual_ms=ms(holdup.usual.nodes.get(step.node)) if holdup else None,
            overdue=(holdup is not None and step.step in holdup.overdue) or None,
        )


def open_rows(steps: Sequence[Step], holdup: HoldUp | None) -> list[OpenStep] | None:
    """Steps as rows, overdue ones first; None where there are none."""
    overdue = holdup.overdue if holdup else frozenset[int]()
    return [OpenStep.of(step, holdup) for step in sorted(steps, key=lambda step: step.step not in overdue)] or None


def held_words(holdup: HoldUp) -> str:
    """What holds a run: ``Stuck: nothing happened for 4m12s; 'a' runs for 4m12s, usually 1.2 s.``; or what goes on."""
    idle = lasted(holdup.idle_ms)
    late = next((step for step in holdup.steps if step.step in holdup.overdue), None)
    if late is None:
        return _nothing_open(holdup, idle) if holdup.stuck else _going(holdup, idle)
    times = f"runs for {lasted(since_now(now_us(), late.started_at))}, usually {lasted(holdup.usual.nodes[late.node])}"
    others = f", and {counted(len(holdup.overdue) - 1, 'other')} overdue" if len(holdup.overdue) > 1 else ""
    if holdup.stuck:
        return f"Stuck: nothing happened for {idle}; {quoted(late.path)} {times}{others}."
    return f"Executing now: {counted(holdup.total, 'step')}; {quoted(late.path)} is overdue: it {times}{others}."


def _nothing_open(holdup: HoldUp, idle: str) -> str:
    usual = f"over {MUCH_LONGER} times what whole runs took ({lasted(holdup.usual.run_ms)})"
    return f"Stuck: no step is executing, and nothing happened for {idle}, {usual}."


def _going(holdup: HoldUp, idle: str) -> str:
    where = f" at {quoted(holdup.steps[0].path)}" if holdup.steps else ""
    quiet = f", nothing new for {idle}" if holdup.idle_ms > 3000 else ""
    return f"Executing now: {counted(holdup.total, 'step')}{where}{quiet}."
