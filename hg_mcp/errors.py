"""Why a question cannot be answered, said so that the next one can: what happened, what would be valid, what to call.

The whole text of an error is what an agent or a person reads, so names that come from records or callers are quoted,
bounded and stripped of control characters.
"""

import difflib
from collections.abc import Iterable, Sequence

from hg_mcp.names import GET_RUN_STEPS, GET_STEP_VALUES, LIST_RUNS, NODE_STATS, QUERY_SQL
from hg_mcp.text import one_line, quoted

__all__ = [
    "AmbiguousRunError",
    "BadArgumentError",
    "CannotAnswer",
    "ExpiredRunError",
    "NoRunsError",
    "NotReadYetError",
    "NotRunThereError",
    "RefusedSqlError",
    "StoreMissingError",
    "StoreRefusedError",
    "TooManyStepsError",
    "UnknownItemsError",
    "UnknownRunError",
    "UnknownStepError",
    "UnknownToolError",
    "UnknownValueError",
    "UnknownWordError",
    "nearest",
]


class CannotAnswer(Exception):  # noqa: N818 - the sentence reads "cannot answer: ..."; the leaves are the errors
    """Root of the reasons why a tool has no answer."""


class BadArgumentError(CannotAnswer):
    """An argument is not of the form the tool takes. ``argument`` is its name."""

    def __init__(self, argument: str, message: str) -> None:
        self.argument = argument
        super().__init__(message)


class UnknownWordError(BadArgumentError):
    """An argument names something that is not there. ``valid`` is what could have been meant."""

    def __init__(self, argument: str, given: str, valid: Sequence[str], *, hint: str = "") -> None:
        self.given, self.valid = given, tuple(valid)
        sentences = [f"No {argument} {quoted(given)}.", _did_you_mean(given, valid)]
        if len(valid) <= 20:
            sentences.append(f"Valid: {_listed(valid)}." if valid else "")
        super().__init__(argument, " ".join(filter(None, [*sentences, hint])))


class UnknownToolError(CannotAnswer):
    """There is no such tool."""

    def __init__(self, given: str, valid: Sequence[str]) -> None:
        self.given, self.valid = given, tuple(valid)
        words = [f"No tool {quoted(given)}.", _did_you_mean(given, valid), f"Tools: {', '.join(valid)}."]
        super().__init__(" ".join(filter(None, words)))


class StoreMissingError(CannotAnswer):
    """Nothing was recorded where it looked. ``elsewhere`` are stores this account wrote lately."""

    def __init__(self, looked_in: Sequence[str], elsewhere: Sequence[str]) -> None:
        self.looked_in, self.elsewhere = tuple(looked_in), tuple(elsewhere)
        nothing = f"No recorded runs found in {', '.join(looked_in[:6])}."
        lately = [f"Stores written lately on this account: {', '.join(elsewhere)} (open one with --store)."]
        how = (
            "To record: `from recorder import Recorder; rec = Recorder()`, then event_processors=[rec] in hypergraph "
            "or `with rec.run('name'):` in plain Python. This answers as soon as the store exists."
        )
        super().__init__(" ".join([nothing, *(lately if elsewhere else []), how]))


class StoreRefusedError(CannotAnswer):
    """The store is there, but this version may not read it."""


class NoRunsError(CannotAnswer):
    """The store holds no run that the word could mean. ``expired`` is the sentence about those that it did mean."""

    def __init__(self, handle: str, *, expired: str = "") -> None:
        self.handle, self.expired = handle, expired
        if handle == "latest-failed":
            words = ["No failed run is recorded.", expired, f"Call {LIST_RUNS} to see the runs there are."]
        elif expired:
            words = ["The store holds no runs any more.", expired, "Run the program again, then ask again."]
        else:
            words = ["The store holds no runs yet. Run a recorded program, then ask again."]
        super().__init__(" ".join(filter(None, words)))


class TooManyStepsError(CannotAnswer):
    """A run has more steps than can be laid out in time at once."""

    def __init__(self, run_id: str, most: int) -> None:
        super().__init__(
            f"Run {quoted(run_id)} has more than {most:,} steps, the most that are laid out in time at once. "
            f"Call {NODE_STATS} for its nodes, or {GET_RUN_STEPS} with slower_than_ms for its slowest steps."
        )


class UnknownRunError(CannotAnswer):
    """No run has that id, prefix or workflow id. ``of_graph`` is the latest run of the graph that has that name."""

    def __init__(self, given: str, known: Sequence[str], *, of_graph: str = "") -> None:
        self.given, self.known, self.of_graph = given, tuple(known), of_graph
        close = nearest(given, known)
        known_text = f"Latest runs: {_listed(known[:5])}." if known else "The store holds no runs yet."
        meant = f"Did you mean {_listed(close)}?" if close else ""
        if of_graph:
            meant, known_text = f"It is a graph, and its latest run is {quoted(of_graph)}.", ""
        words = [f"No run {quoted(given)}.", meant, known_text]
        super().__init__(" ".join(filter(None, [*words, f"Call {LIST_RUNS}, or use 'latest' or 'latest-failed'."])))


class NotReadYetError(CannotAnswer):
    """There is no such run in the store, but some of what was recorded is not in the store yet."""

    def __init__(self, missing: CannotAnswer, behind: int) -> None:
        self.missing, self.behind = missing, behind
        super().__init__(f"{missing} But {behind:,} bytes of journals are not read yet: ask again in a moment.")


class ExpiredRunError(CannotAnswer):
    """The run was recorded, and is gone. ``day`` is when it went, ``reason`` why."""

    def __init__(self, run_id: str, *, graph: str, status: str, day: str, reason: str) -> None:
        self.run_id, self.day, self.reason = run_id, day, reason
        what = f"Run {quoted(run_id)} (graph {quoted(graph)}, {status}) expired on {day}: {reason}."
        how = f"`hg-mcp pin RUN` keeps a run for good. Call {LIST_RUNS} to see the runs there are."
        super().__init__(f"{what} {how}")


class AmbiguousRunError(CannotAnswer):
    """Several runs begin with that prefix. ``candidates`` are ``(run_id, what it is)``."""

    def __init__(self, given: str, candidates: Sequence[tuple[str, str]]) -> None:
        self.given, self.candidates = given, tuple(candidates)
        shown = "; ".join(f"{quoted(run_id)} ({what})" for run_id, what in candidates)
        super().__init__(f"Several runs begin with {quoted(given)}: {shown}. Give more of the id.")


class UnknownStepError(CannotAnswer):
    """The run has no step with that path."""

    def __init__(self, given: str, run_id: str, known: Sequence[str]) -> None:
        self.given, self.known = given, tuple(known)
        close = nearest(given, known) or list(known[:3])
        meant = f"Nearest: {_listed(close, 120)}." if close else "The run has no steps."
        how = f"Call {GET_RUN_STEPS} with run={quoted(run_id)} to list them."
        super().__init__(f"Run {quoted(run_id)} has no step {quoted(given, 120)}. {meant} {how}")


class UnknownItemsError(CannotAnswer):
    """The run has no such items. ``known`` are those it has, ``failed`` those of them that failed, as ranges."""

    def __init__(self, given: str, run_id: str, *, known: str, failed: str) -> None:
        self.given, self.known, self.failed = given, known, failed
        there = f"It has items {known}" if known else "It has none: it is no map, and no step of it started one"
        which = f"; failed: {failed}" if failed else "; none of them failed" if known else ""
        super().__init__(f"Run {quoted(run_id)} has no items {quoted(given)}. {there}{which}.")


class UnknownValueError(CannotAnswer):
    """There is no such value, or no such path in it.

    ``reached`` is the last point that exists, with its ``shape`` and the ``valid`` ways on; ``""`` means ``holder``.
    """

    def __init__(
        self, given: str, *, reached: str, shape: str, valid: Sequence[str], holder: str = "The step", hint: str = ""
    ) -> None:
        self.given, self.reached, self.shape, self.valid, self.hint = given, reached, shape, tuple(valid), hint
        at = f"{quoted(reached, 120)} is {shape}." if reached else f"{holder} holds {shape}."
        close = nearest(given.removeprefix(reached).strip(".[]\"'"), valid) or list(valid[:8])
        options = f"Nearest there: {_listed(close)}." if close else ""
        onward = f"with value={quoted(reached, 120)} to see it" if reached else "without value for the names"
        how = f"Call {GET_STEP_VALUES} {onward}."
        super().__init__(" ".join(filter(None, [f"No value {quoted(given, 120)}.", at, options, hint, how])))


class RefusedSqlError(BadArgumentError):
    """A query is not allowed, or fails. ``valid`` are names that could have been meant where one is wrong.

    ``view`` is the one that the query is about, if it names any.
    """

    def __init__(self, reason: str, *, kind: str, name: str, valid: Sequence[str], view: str) -> None:
        self.reason, self.kind, self.name, self.valid, self.view = reason, kind, name, tuple(valid), view
        if kind == "table":
            words = [f"No view {quoted(name)}.", _did_you_mean(name, valid), f"Views: {', '.join(valid)}."]
        elif kind:
            words = [
                f"No {kind} {quoted(name)} here.",
                _did_you_mean(name.rpartition(".")[2], valid),
                _all(kind, valid),
            ]
        else:
            words = [f"The query was not run to its end: {one_line(reason, 300)}."]
        meant = [view] if view else nearest(name, valid)[:1] if kind == "table" else []
        about = f"with view={quoted(meant[0])} for its columns" if meant else "without sql for the views there are"
        how = f"Call {QUERY_SQL} {about}."
        super().__init__("sql", " ".join(filter(None, [*words, how])))


class NotRunThereError(CannotAnswer):
    """No step is left by the filters: the node did not run there. ``there`` are nodes that did."""

    def __init__(self, node: str, there: Sequence[str]) -> None:
        self.node, self.there = node, tuple(there)
        ran = f"There ran: {_listed(there[:8])}." if there else "Nothing ran there."
        super().__init__(f"Node {quoted(node)} did not run there. {ran}")


def nearest(given: str, valid: Iterable[str], *, limit: int = 3) -> list[str]:
    """The valid words closest to the given one, best first."""
    pool = list(dict.fromkeys(valid))
    lowered = {word.lower(): word for word in pool}
    close = difflib.get_close_matches(given.lower()[:200], list(lowered), n=limit, cutoff=0.5)
    return [lowered[word] for word in close]


def _all(kind: str, valid: Sequence[str]) -> str:
    """What is valid, as names or as what they are."""
    if kind == "function":
        return "Valid: SQLite's for text, numbers, dates, JSON, aggregates and windows, percentile and median."
    return f"Valid: {', '.join(valid)}." if valid else ""


def _did_you_mean(given: str, valid: Sequence[str]) -> str:
    close = nearest(given, valid)
    return f"Did you mean {_listed(close)}?" if close else ""


def _listed(words: Sequence[str], limit: int = 60) -> str:
    return ", ".join(quoted(word, limit) for word in words)
