"""Faults over runs: which are new, go on or are gone; and of one of them, whether it is fixed, and how sure that is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from hg_mcp.errors import BadArgumentError, UnknownWordError
from hg_mcp.names import LIST_ERROR_GROUPS, LIST_RUNS
from hg_mcp.queries.graphs import require_graph
from hg_mcp.queries.words import cursor_of, now_us, read_cursor, read_moment
from hg_mcp.text import quoted
from recorder.store.protocols import RunReader
from recorder.store.records import DAY_US, ErrorGroup, ErrorGroupFilter, NodeWindow, RunFilter
from recorder.store.retention import ExpiredRuns

__all__ = ["STATES", "Check", "GroupPage", "GroupState", "NodeChange", "Sampled", "group_page"]

STATES: Final = ("rising", "new", "ongoing", "gone", "not_run")
"""Worst first. Seen since the moment: more than twice as often as before; for the first time; also before. Not seen
since: its graphs ran; they did not run, so nobody knows."""

_MOST: Final = 5_000
_ENDED: Final = ("completed", "failed", "partial")
_RISING: Final = 2.0
_LEAST_RISING: Final = 3
_LUCK: Final = 0.05
_SLOWER: Final = 1.5
_LEAST_MS: Final = 1.0
_LEAST_TIMED: Final = 5
_LEAST_TIMED_P95: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """So many runs, and in how many of them the fault was. Runs that did not come to an end are left out."""

    runs: int
    with_fault: int

    @property
    def rate(self) -> float:
        """The share of runs that had it."""
        return self.with_fault / self.runs if self.runs else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupState:
    """A group and what became of it since the moment; ``runs_since`` counts all runs of its graphs."""

    group: ErrorGroup
    state: str
    runs_since: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeChange:
    """A node that became worse: ``slower`` is the ratio of its durations (of the median, or else of p95)."""

    node: str
    before: NodeWindow
    after: NodeWindow
    slower: float | None
    fails_more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Whether a fault is gone: ``gone``, ``still_there``, ``unproven`` or ``not_run``.

    ``luck`` is the chance that as many runs since show none although nothing changed. The rate is that of the runs
    after the first that had it, by the rule of succession.
    ``executions`` are those of its node since, absent where no node is known.
    """

    verdict: str
    before: Sampled
    after: Sampled
    luck: float | None
    executions: int | None
    nodes: int
    worse: Sequence[NodeChange]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPage:
    """Groups that the filters keep, worst state first.

    ``counts`` are by state, of the ``judged``: all of the ``total``, or the 5,000 that were in most runs since.
    Where there are none, ``expired`` are failed runs that are gone.
    """

    groups: Sequence[GroupState]
    total: int
    since: int
    judged: int = 1
    seen: int = 0
    counts: Mapping[str, int] = field(default_factory=dict[str, int])
    check: Check | None = None
    expired: ExpiredRuns | None = None

    @property
    def remaining(self) -> int:
        """How many of the judged come after these."""
        return max(0, self.judged - self.seen - len(self.groups))

    def cursor_after(self, shown: int) -> str:
        """The cursor of what follows the first ``shown`` groups."""
        return cursor_of(self.seen + shown)


async def group_page(
    reader: RunReader, *, fingerprint: str, graph: str, since: str, commit: str, limit: int, cursor: str
) -> GroupPage:
    """Groups of failures and their state since a moment, a commit's first run, or a day before the latest run.

    With ``fingerprint`` that one alone, checked: since the moment, or else since the last run that had it was over.

    Raises:
        BadArgumentError: There is no such fingerprint, graph or commit, or an argument is not of its form.
    """
    moment = await _moment(reader, since, commit)
    if graph:
        await require_graph(reader, graph)
    if fingerprint:
        return await _checked(reader, fingerprint.strip().lower(), graph, moment)
    if moment is None:
        latest = await reader.latest_run()
        moment = latest.started_at - DAY_US if latest else 0
    found = await reader.error_groups(ErrorGroupFilter(graph=graph, since=moment), limit=_MOST)
    total = await reader.count_error_groups(ErrorGroupFilter(graph=graph))
    states = await _states(reader, found, moment)
    after = (read_cursor(cursor, 1) or (0,))[0]
    counts = {state: sum(one.state == state for one in states) for state in STATES}
    gone = None if total else await reader.expired_among(RunFilter(graph=graph, failed=True))
    page = states[after : after + limit]
    return GroupPage(groups=page, total=total, since=moment, judged=len(found), seen=after, counts=counts, expired=gone)


async def _moment(reader: RunReader, since: str, commit: str) -> int | None:
    if not commit.strip():
        return read_moment("since", since)
    if since.strip():
        raise BadArgumentError("commit", "commit and since both say from when: give only one of the two.")
    start = await reader.first_start_of_commit(commit.strip())
    if start is None:
        message = f"No recorded run has a git commit that begins with {quoted(commit)}. Call {LIST_RUNS} for the runs."
        raise BadArgumentError("commit", message)
    return start


async def _states(reader: RunReader, groups: Sequence[ErrorGroup], moment: int) -> list[GroupState]:
    """The groups with their states, worst first, then by how many runs had them."""
    names = sorted({name for group in groups for name in group.graphs})
    after = {name: await _count(reader, name, since=moment) for name in names}
    before = {name: await _count(reader, name, until=moment) for name in names}
    states: list[GroupState] = []
    for group in groups:
        since = sum(after[name] for name in group.graphs)
        states.append(
            GroupState(
                group=group,
                state=_state(group, moment, since, sum(before[name] for name in group.graphs)),
                runs_since=since,
            )
        )
    return sorted(states, key=lambda one: (STATES.index(one.state), -one.group.runs_since, -one.group.count))


def _state(group: ErrorGroup, moment: int, since: int, before: int) -> str:
    if not group.runs_since:
        return "gone" if since else "not_run"
    if group.first_started_at >= moment:
        return "new"
    now = Sampled(runs=max(since, group.runs_since), with_fault=group.runs_since)
    then = Sampled(runs=before, with_fault=group.runs - group.runs_since)
    rising = group.runs_since >= _LEAST_RISING and now.rate > _RISING * then.rate
    return "rising" if rising else "ongoing"


async def _count(
    reader: RunReader, graph: str, *, fingerprint: str = "", since: int | None = None, until: int | None = None
) -> int:
    """Runs of a graph that came to an end and started within the time."""
    which = RunFilter(graph=graph, fingerprint=fingerprint, since=since, until=until, statuses=_ENDED)
    return await reader.count_runs(which)


async def _checked(reader: RunReader, fingerprint: str, graph: str, moment: int | None) -> GroupPage:
    found = await reader.error_groups(ErrorGroupFilter(fingerprint=fingerprint, graph=graph), limit=1)
    if not found:
        known = await reader.error_groups(ErrorGroupFilter(graph=graph), limit=50)
        prints = [group.fingerprint for group in known]
        raise UnknownWordError(
            "fingerprint", fingerprint, prints, hint=f"Call {LIST_ERROR_GROUPS} for those there are."
        )
    start = await _end_of_last(reader, found[0]) + 1 if moment is None else moment
    (group,) = await reader.error_groups(ErrorGroupFilter(fingerprint=fingerprint, graph=graph, since=start), limit=1)
    (state,) = await _states(reader, [group], start)
    return GroupPage(groups=[state], total=1, since=start, check=await _check(reader, group, start))


async def _end_of_last(reader: RunReader, group: ErrorGroup) -> int:
    """When the last run that had it was over."""
    runs = await reader.match_runs(group.last_run, limit=1)
    return max([group.last_at, *(run.ended_at for run in runs if run.ended_at)])


async def _check(reader: RunReader, group: ErrorGroup, moment: int) -> Check:
    """Count the runs on both sides of a moment, and compare their nodes."""
    begin = min(group.first_started_at, moment)
    before = await _sampled(reader, group, begin, moment)
    after = await _sampled(reader, group, moment, None)
    then, now = await _windows(reader, group.graphs, begin, moment), await _windows(reader, group.graphs, moment, None)
    executions = sum(one.count for one in now if one.node == group.node) if group.node else None
    luck = (1 - before.with_fault / (before.runs + 1)) ** after.runs if before.with_fault else None
    return Check(
        verdict=_verdict(after, luck, executions),
        before=before,
        after=after,
        luck=luck,
        executions=executions,
        nodes=len({(one.graph, one.node) for one in now} & {(one.graph, one.node) for one in then}),
        worse=_worse(then, now),
    )


def _verdict(after: Sampled, luck: float | None, executions: int | None) -> str:
    if after.with_fault:
        return "still_there"
    if not after.runs or executions == 0:
        return "not_run"
    return "gone" if luck is not None and luck <= _LUCK else "unproven"


async def _sampled(reader: RunReader, group: ErrorGroup, since: int, until: int | None) -> Sampled:
    runs = [await _count(reader, name, since=since, until=until) for name in group.graphs]
    faulty = [
        await _count(reader, name, fingerprint=group.fingerprint, since=since, until=until) for name in group.graphs
    ]
    return Sampled(runs=sum(runs), with_fault=sum(faulty))


async def _windows(reader: RunReader, graphs: Iterable[str], since: int, until: int | None) -> list[NodeWindow]:
    found = [await reader.windows(graph, since, now_us() if until is None else until) for graph in graphs]
    return [window for windows in found for window in windows]


def _worse(before: Sequence[NodeWindow], after: Sequence[NodeWindow]) -> list[NodeChange]:
    """The nodes that got slower or fail more, those that fail more first."""
    then = {(one.graph, one.node): one for one in before}
    changes = [_change(then[one.graph, one.node], one) for one in after if (one.graph, one.node) in then]
    worse = [change for change in changes if change.fails_more or change.slower is not None]
    return sorted(worse, key=lambda change: (not change.fails_more, -(change.slower or 0.0)))


def _change(before: NodeWindow, after: NodeWindow) -> NodeChange:
    expected = before.errors / before.count * after.count if before.count else 0.0
    return NodeChange(
        node=after.node,
        before=before,
        after=after,
        slower=_slower(before, after),
        fails_more=after.errors > expected + 3 * expected**0.5 + 1,
    )


def _slower(before: NodeWindow, after: NodeWindow) -> float | None:
    """How many times slower, where that is beyond noise: half as long again, over at least 5 executions (p95: 20)."""
    timed = min(before.timed, after.timed)
    for least, then, now in (
        (_LEAST_TIMED, before.p50_ms, after.p50_ms),
        (_LEAST_TIMED_P95, before.p95_ms, after.p95_ms),
    ):
        if timed >= least and now - then >= _LEAST_MS and now >= _SLOWER * then:
            return now / max(then, 1e-6)
    return None
