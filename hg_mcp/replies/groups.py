"""The reply of ``list_error_groups``: faults over runs, and of one of them whether it is gone."""

from collections.abc import Sequence
from typing import Final, Self

from pydantic import Field, PrivateAttr

from hg_mcp.names import EXPLAIN_FAILURE, LIST_ERROR_GROUPS, LIST_RUNS
from hg_mcp.queries.groups import Check, GroupPage, GroupState, NodeChange, Sampled
from hg_mcp.queries.words import expiry_words
from hg_mcp.replies.base import NextCall, Reply, Row, following, handles, next_part, started, suggestion
from hg_mcp.replies.budget import Call, Part
from hg_mcp.replies.words import handle_of, ms
from hg_mcp.sizes import counted
from hg_mcp.text import one_line, quoted

__all__ = ["ErrorGroupList"]


class GroupRow(Row):
    """Failures alike, over runs."""

    fingerprint: str = Field(description="pass as fingerprint")
    state: str = Field(
        description="since the moment: rising, new, ongoing, gone (its graphs ran), not_run (they did not)"
    )
    node: str = Field(description="recorded name; empty where no node failed but an item or the run around it")
    error_type: str = Field(description="recorded")
    count: int = Field(description="failures in all runs")
    runs: int = Field(description="runs that had it")
    message: str | None = Field(default=None, description="recorded, its data replaced by marks such as <number>")
    runs_since: int | None = Field(default=None, description="runs that had it since the moment")
    of_runs_since: int | None = Field(default=None, description="of so many runs of its graphs since")
    first_seen: str | None = None
    last_seen: str | None = None
    first_run: str | None = Field(default=None, description="pass as run")
    last_run: str | None = Field(default=None, description="pass as run")
    graphs: list[str] | None = Field(default=None, description="recorded names")

    @classmethod
    def of(cls, found: GroupState) -> Self:
        """A group as a row."""
        group = found.group
        return cls(
            fingerprint=group.fingerprint,
            state=found.state,
            node=one_line(group.node, 80),
            error_type=one_line(group.type, 80),
            count=group.count,
            runs=group.runs,
            message=one_line(group.message, 300) or None,
            runs_since=group.runs_since,
            of_runs_since=found.runs_since,
            first_seen=started(group.first_at),
            last_seen=started(group.last_at),
            first_run=handle_of(group.first_run),
            last_run=handle_of(group.last_run),
            graphs=[one_line(name, 80) for name in group.graphs],
        )


class CheckOf(Row):
    """Whether the one fault that was asked for is gone, and what that rests on. Only runs that ended are counted."""

    verdict: str = Field(
        description="gone; still_there; unproven: not seen, but so few runs may be luck; not_run: nothing is known"
    )
    runs_since: int
    with_it_since: int
    runs_before: int = Field(description="from the first run that had it")
    with_it_before: int
    luck: float | None = Field(
        default=None,
        description="chance of seeing none in the runs since although nothing changed (rule of succession)",
    )
    executions_since: int | None = Field(default=None, description="of its node")
    nodes_compared: int

    @classmethod
    def of(cls, check: Check) -> Self:
        """A check as an object."""
        return cls(
            verdict=check.verdict,
            runs_since=check.after.runs,
            with_it_since=check.after.with_fault,
            runs_before=check.before.runs,
            with_it_before=check.before.with_fault,
            luck=None if check.luck is None else round(check.luck, 4),
            executions_since=check.executions,
            nodes_compared=check.nodes,
        )


class WorseRow(Row):
    """A node of the fault's graphs that fails more, or got slower, since the moment; errors passed on are counted."""

    node: str = Field(description="recorded name")
    fails_more: bool
    slower: float | None = Field(default=None, description="how many times, by the median or else by p95")
    errors_before: int
    count_before: int
    errors_since: int
    count_since: int
    p50_before_ms: float | None = None
    p50_since_ms: float | None = None
    p95_before_ms: float | None = None
    p95_since_ms: float | None = None

    @classmethod
    def of(cls, change: NodeChange) -> Self:
        """A node that became worse as a row."""
        before, after = change.before, change.after
        return cls(
            node=one_line(change.node, 80),
            fails_more=change.fails_more,
            slower=None if change.slower is None else round(change.slower, 2),
            errors_before=before.errors,
            count_before=before.count,
            errors_since=after.errors,
            count_since=after.count,
            p50_before_ms=ms(before.p50_ms),
            p50_since_ms=ms(after.p50_ms),
            p95_before_ms=ms(before.p95_ms),
            p95_since_ms=ms(after.p95_ms),
        )


class ErrorGroupList(Reply):
    """Faults over runs."""

    since: str = Field(description="the moment that states and runs_since count from")
    total: int = Field(description="groups that the filters keep")
    check: CheckOf | None = Field(default=None, description="with fingerprint: whether it is gone")
    worse: list[WorseRow] | None = Field(default=None, description="with fingerprint: nodes that became worse since")
    groups: list[GroupRow] = Field(description="worst state first, then by runs since")
    _page: GroupPage = PrivateAttr()

    @classmethod
    def of(cls, page: GroupPage) -> Self:
        """The reply for a page of groups."""
        reply = cls(
            summary=_verdict(page, page.check) if page.check else _summary(page),
            since=started(page.since),
            total=page.total,
            check=CheckOf.of(page.check) if page.check else None,
            worse=[WorseRow.of(change) for change in page.check.worse] if page.check else None,
            groups=[GroupRow.of(found) for found in page.groups],
            next=_next(page),
        )
        reply._page = page
        return reply

    def parts(self, asked: Call) -> Sequence[Part]:
        """The first group, what became worse, the calls; then the other groups."""
        rest = following(self._page, asked)
        groups = Part(field="groups", handles=handles(GroupRow), head=1, beyond=self._page.remaining, rest=rest)
        worse = Part(field="worse", handles=handles(WorseRow), wider=True, rest=lambda _: asked)
        return groups, next_part(asked), worse


_WORDS: Final = {"not_run": "not run since"}


def _summary(page: GroupPage) -> str:
    if not page.total:
        if page.expired:
            return f"No failures are left. {expiry_words(page.expired, 'failed run')}"
        return "No failures are recorded: no step failed, and no run."
    states = ", ".join(f"{count:,} {_WORDS.get(state, state)}" for state, count in page.counts.items() if count)
    most = f", of the {page.judged:,} in most runs since" if page.judged < page.total else ""
    told = f"{counted(page.total, 'error group')}; since {started(page.since)}{most}: {states}."
    if not page.groups:
        return f"{told} None after this cursor."
    first = page.groups[0].group
    where = f"{quoted(first.node, 40)} raised " if first.node else ""
    return f"{told} First: {where}{quoted(first.type, 40)} in {counted(first.runs, 'run')}."


def _verdict(page: GroupPage, check: Check) -> str:
    after, before = _of(check.after), _of(check.before)
    told = {
        "still_there": f"Still there: in {after} since {started(page.since)}; before in {before}.",
        "gone": f"Gone: in {after} since {started(page.since)}; before in {before}.",
        "unproven": f"Not seen, but not proven: in {after} since {started(page.since)}; before in {before}. "
        "So few runs may be luck.",
        "not_run": f"Nothing is known: {_not_run(check)} since {started(page.since)}; before in {before}.",
    }[check.verdict]
    return f"{told} {_regressions(check)}".strip()


def _of(sampled: Sampled) -> str:
    return f"{sampled.with_fault:,} of {counted(sampled.runs, 'run')}"


def _not_run(check: Check) -> str:
    if not check.after.runs:
        return "no run of its graphs ended"
    return f"its node did not execute in {counted(check.after.runs, 'run')}"


def _regressions(check: Check) -> str:
    if not check.nodes:
        return ""
    if not check.worse:
        return f"Of {counted(check.nodes, 'node')} compared none got slower or fails more."
    names = ", ".join(quoted(change.node, 40) for change in check.worse[:3])
    more = f" and {len(check.worse) - 3:,} more" if len(check.worse) > 3 else ""
    return f"Slower or failing more: {names}{more}."


def _next(page: GroupPage) -> list[NextCall]:
    if not page.groups:
        return [suggestion(LIST_RUNS, "the recorded runs")]
    group = page.groups[0].group
    calls = [suggestion(EXPLAIN_FAILURE, "its latest failure, explained", run=handle_of(group.last_run))]
    if page.check is None:
        print_of = group.fingerprint
        calls.append(suggestion(LIST_ERROR_GROUPS, "whether the first of these is fixed", fingerprint=print_of))
    return calls
