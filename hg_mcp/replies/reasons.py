"""Why a run took its time, in sentences: each from one finding, with the time that it concerns."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hg_mcp.queries.timeline import Stretch
from hg_mcp.queries.why_slow import Slowness
from hg_mcp.replies.words import lasted
from hg_mcp.sizes import counted
from hg_mcp.text import quoted

__all__ = ["Reason", "percent", "reasons_of"]

_WORTH_TELLING: Final = 0.05
_OF_PATH: Final = ("critical_path", "between_steps")
_NOWHERE: Final = Stretch(number=0, parent=0, start=0.0, end=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason. ``step`` is one to look at, the run itself where there is none."""

    kind: str
    says: str
    ms: float
    step: Stretch = _NOWHERE


def reasons_of(facts: Slowness) -> list[Reason]:
    """Where the critical path lay, then what explains it, those that concern most time first; small ones left out.

    Room comes last: whoever set a limit knows of it. Where most of the path lay in no node, that comes before any node.
    """
    explained = [*_turns(facts), *_room(facts), *_retries(facts), *_queues(facts), *_outliers(facts)]
    explained += [*_against_usual(facts), *_between(facts), *_alone(facts)]
    worth = [reason for reason in explained if reason.ms > _WORTH_TELLING * facts.ms]
    found = [*_dominant(facts), *worth]
    path = max((one for one in found if one.kind in _OF_PATH), key=lambda one: one.ms, default=None)
    return sorted(found, key=lambda one: (one is not path, one.kind == "room", -one.ms))


def percent(part: float, whole: float) -> str:
    """A share in words."""
    return f"{100 * part / whole:.0f} %" if whole else "0 %"


def _dominant(facts: Slowness) -> Iterator[Reason]:
    share = next((one for one in facts.shares if one.node), None)
    if share is not None:
        times = f", in {counted(share.steps, 'step')} one after another" if share.steps > 1 else ""
        says = f"{percent(share.ms, facts.ms)} of its critical path is {quoted(share.node, 40)}{times}."
        yield Reason(kind="critical_path", says=says, ms=share.ms, step=share.longest.step)


def _turns(facts: Slowness) -> Iterator[Reason]:
    """Maps whose items, and nodes whose executions, went one after another."""
    for pace in facts.maps:
        if pace.peak == 1:
            says = f"The {counted(pace.items, 'item')} of {_map(pace.path)} ran one after another."
            yield Reason(kind="one_at_a_time", says=says, ms=pace.ms)
    for one in facts.serial:
        apart = f"one ends every {lasted(one.apart_ms)}"
        inside = f"although they overlap in the record: their durations include waiting for each other ({apart})"
        how = inside if one.inside else f"({apart}) although items ran side by side"
        executions = f"{counted(one.executions, 'execution')} of {quoted(one.node, 40)}"
        says = f"The {executions} took turns {how}: a lock, a limit, or code that blocks."
        yield Reason(kind="serialized", says=says, ms=one.ms)


def _map(path: str) -> str:
    return f"the map at {quoted(path, 60)}" if path else "the map"


def _room(facts: Slowness) -> Iterator[Reason]:
    for pace in facts.maps:
        if pace.held and pace.peak > 1:
            held = f"{pace.held:,} of {counted(pace.items, 'item')} of {_map(pace.path)}"
            says = f"{held} waited, {lasted(pace.held_avg_ms)} on average: no more than {pace.peak:,} ran at once."
            yield Reason(kind="room", says=says, ms=pace.ms)


def _retries(facts: Slowness) -> Iterator[Reason]:
    for wait in facts.waits:
        again = wait.back_off_ms + wait.lost_ms
        if not again:
            continue
        limits = f" ({counted(wait.timed_out, 'attempt')} timed out)" if wait.timed_out else ""
        says = (
            f"{quoted(wait.node, 40)} was tried again {counted(wait.retries, 'time')}{limits}: {lasted(wait.lost_ms)} "
            f"in attempts that came to nothing, {lasted(wait.back_off_ms)} between attempts."
        )
        yield Reason(kind="retries", says=says, ms=again, step=wait.worst)


def _queues(facts: Slowness) -> Iterator[Reason]:
    told = any(pace.held for pace in facts.maps)  # what waits in a queue there is an item that waits for room
    for wait in facts.waits:
        waited = wait.held_ms + (0.0 if told else wait.queued_ms)
        says = (
            f"{quoted(wait.node, 40)} waited {lasted(waited)} in all to be executed, {lasted(wait.held_ms)} of it "
            "after its start for a first attempt."
        )
        yield Reason(kind="queue", says=says, ms=waited, step=wait.worst)


def _outliers(facts: Slowness) -> Iterator[Reason]:
    if not facts.outliers:
        return
    first = facts.outliers[0]
    more = f"; {counted(len(facts.outliers), 'such step')} in all" if len(facts.outliers) > 1 else ""
    times = f"{first.step.ms / first.usual_ms:,.0f} times the median" if first.usual_ms else "far over the median"
    says = f"{quoted(first.step.path, 60)} took {lasted(first.step.ms)}, {times} of its node{more}."
    yield Reason(kind="outliers", says=says, ms=first.step.ms - first.usual_ms, step=first.step)


def _against_usual(facts: Slowness) -> Iterator[Reason]:
    for pace in facts.paces:
        if pace.verdict == "slower":
            says = (
                f"{quoted(pace.node, 40)} is slower than usual: {lasted(pace.median_ms)}, where nine in ten of "
                f"{counted(pace.earlier, 'earlier execution')} took {lasted(pace.low_ms)} to {lasted(pace.high_ms)}."
            )
            yield Reason(kind="slower_than_usual", says=says, ms=pace.more_ms)


def _between(facts: Slowness) -> Iterator[Reason]:
    ms = sum(share.ms for share in facts.shares if not share.node) if facts.steps else 0.0
    says = f"For {percent(ms, facts.ms)} of the time it was in no node: overhead, or code outside of nodes."
    yield Reason(kind="between_steps", says=says, ms=ms)


def _alone(facts: Slowness) -> Iterator[Reason]:
    one_by_one = any(pace.peak == 1 for pace in facts.maps)  # then that is told already
    ms = 0.0 if one_by_one else facts.at_once.lost_ms
    yield Reason(kind="lost_concurrency", says=f"For {lasted(ms)} one step ran alone while others were ready.", ms=ms)
