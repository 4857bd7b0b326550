"""The reply of ``search_runs``: where a text is, and what of the record was not searched."""

from collections.abc import Sequence
from typing import Self

from pydantic import Field, PrivateAttr

from hg_mcp.names import GET_LOGS, GET_RUN_STEPS, GET_STEP_VALUES, LIST_RUNS, SEARCH_RUNS, SUMMARIZE_RUN
from hg_mcp.queries.search import Found, SearchPage
from hg_mcp.queries.words import expiry_words
from hg_mcp.replies.base import LONGEST_HANDLE, NextCall, Reply, Row, following, handles, next_part, started, suggestion
from hg_mcp.replies.budget import Call, Part
from hg_mcp.replies.words import emptied_words, handle_of, values_expiry
from hg_mcp.sizes import counted
from hg_mcp.text import head, one_line, quoted

__all__ = ["HitRow", "SearchHits"]


class HitRow(Row):
    """A text that holds what was asked for."""

    run_id: str
    found_in: str = Field(description="error, log, names (ids, graph, nodes, metadata), input or output")
    excerpt: str = Field(description="recorded")
    path: str | None = Field(default=None, description="recorded names: its first step; absent for the run's own")
    value: str | None = Field(default=None, description="recorded name of the value")
    count: int | None = Field(default=None, description="how often it is in the run, if more than once")
    graph: str | None = Field(default=None, description="recorded name; absent where run was given")
    status: str | None = None
    started_at: str | None = None

    @classmethod
    def of(cls, found: Found, *, one_run: bool) -> Self:
        """A text as a row; of one run, without what is the run's."""
        hit = found.hit
        return cls(
            run_id=handle_of(found.hit.run_id),
            found_in=hit.kind,
            excerpt=one_line(found.excerpt, 400),
            path=one_line(hit.path, 400) or None,
            value=one_line(found.value, 100) or None,
            count=hit.count if hit.count > 1 else None,
            graph=None if one_run else one_line(hit.graph, 80),
            status=None if one_run else hit.status,
            started_at=None if one_run else started(hit.started_at),
        )


class Unsearched(Row):
    """What may hold the text too."""

    runs: int | None = Field(default=None, description="going on or just ended: ask again, or with run")
    texts: int | None = Field(
        default=None, description="beyond a run's 2,000 different errors and log records: ask with run"
    )
    values: bool | None = Field(default=None, description="values of the run beyond 16 MB or 1.5 s")
    expired: str | None = Field(default=None, description="contents of its values are gone: when and why")


class SearchHits(Reply):
    """Where a text is, newest run first."""

    hits: list[HitRow]
    unsearched: Unsearched | None = None
    _page: SearchPage = PrivateAttr()

    @classmethod
    def of(cls, page: SearchPage) -> Self:
        """The reply for a page of texts."""
        reply = cls(
            summary=_summary(page),
            hits=[HitRow.of(found, one_run=page.run is not None) for found in page.found],
            unsearched=_unsearched(page),
            next=_next(page),
        )
        reply._page = page
        return reply

    def parts(self, asked: Call) -> Sequence[Part]:
        """The texts, the first ones before the calls."""
        hits = Part(
            field="hits",
            handles=handles(HitRow),
            head=2,
            beyond=0 if self._page.after is None else 1,
            what="hits" if self._page.after is None else "hits (or more)",
            rest=following(self._page, asked),
        )
        return hits, next_part(asked)


def _unsearched(page: SearchPage) -> Unsearched | None:
    expired = values_expiry(page.run) if page.run else ""
    if not (page.runs_unsearched or page.texts_unsearched or page.values_unsearched or expired):
        return None
    return Unsearched(
        runs=page.runs_unsearched or None,
        texts=page.texts_unsearched or None,
        values=page.values_unsearched or None,
        expired=expired or None,
    )


def _summary(page: SearchPage) -> str:
    asked, slow = quoted(page.text, 80), "" if page.index else " (Read without an index: this SQLite has no FTS5.)"
    where = f"run {quoted(page.run.run_id)}" if page.run else ""
    more = ", more follow" if page.after is not None else ""
    if page.found:
        runs = len({found.hit.run for found in page.found})
        return f"{asked}: {counted(len(page.found), 'hit')} in {where or counted(runs, 'run')}{more}.{slow}"
    if page.after is not None:
        return f"{asked}: none among the newest texts that the filters keep; more follow.{slow}"
    if page.run:
        if expired := values_expiry(page.run):
            return f"{asked} is not in the errors, logs and names of {where}. Its values {expired}."
        return f"{asked} is nowhere in {where}: neither in its errors, logs and names nor in its recorded values."
    gone = f" {expiry_words(page.expired)}" if page.expired else ""
    if not page.runs:
        nothing = emptied_words("run", page.emptied_by) if page.emptied_by else "No runs here."
        return f"Nothing to search. {nothing}{gone}"
    looked = f"no error, log record or name of {counted(page.runs, 'run')}"
    return f"{asked} is in {looked}.{gone} Give run to search the values of one too.{slow}"


def _next(page: SearchPage) -> list[NextCall]:
    if not page.found and page.runs and page.after is None and len(page.text) <= LONGEST_HANDLE:
        return [suggestion(SEARCH_RUNS, "the latest run, with its values", text=page.text, run="latest")]
    if not page.found:
        return [] if page.run or page.after is not None else [suggestion(LIST_RUNS, "all recorded runs")]
    first = page.found[0]
    run, path = handle_of(first.hit.run_id), first.hit.path if len(first.hit.path) <= LONGEST_HANDLE else ""
    if first.hit.kind == "log":
        return [suggestion(GET_LOGS, "what was logged around the first hit", run=run, step=path)]
    if first.value:
        return [
            suggestion(GET_STEP_VALUES, "the value of the first hit", run=run, step=path, value=head(first.value, 80))
        ]
    if path:
        return [suggestion(GET_RUN_STEPS, "the first step of the first hit", run=run, step=path)]
    return [suggestion(SUMMARIZE_RUN, "what happened in the first run", run=run)]
