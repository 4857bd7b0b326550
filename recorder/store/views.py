"""The views that a store shows to people and to SQL: their names, columns and words, the same for every back-end.

What it promises: each view and column that stands here is in the store, and no other column is (a test compares them).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["VIEWS", "Column", "View"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a view: its type (``text``, ``integer``, ``real``, ``any``) and what it says."""

    name: str
    type: str
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A view, with a query that shows what it is good for."""

    name: str
    about: str
    example: str
    columns: tuple[Column, ...]


_TYPES: Final = {"t": "text", "i": "integer", "r": "real", "*": "any"}
_RUN: Final = """
run_id t id of the run, as all tools take it
run i number of the run in this store: larger is newer; joins views quickly
"""
_STEP: Final = (
    _RUN
    + """
step i number of the step in its run, in start order; 0 is the run itself
path t path of the step, as get_run_steps has it; '' is the run itself
"""
)


def _view(name: str, about: str, example: str, columns: str) -> View:
    """A view; each line of ``columns`` is a name, the letter of a type, and what the column says."""
    lines = (line.split(" ", 2) for line in columns.splitlines() if line)
    return View(
        name=name,
        about=about,
        example=example,
        columns=tuple(Column(name=column, type=_TYPES[kind], about=words) for column, kind, words in lines),
    )


_ALL: Final = (
    _view(
        "runs_view",
        "Runs, one row each.",
        "SELECT graph, status, count(*) AS runs, round(median(duration_ms)) AS p50_ms FROM runs_view GROUP BY 1, 2",
        _RUN
        + """
graph t what the run executed
status t queued, running, completed, failed, partial, paused, stopped, cancelled or crashed
started_at t ISO 8601, UTC
ended_at t ISO 8601, UTC; NULL while it is not known
duration_ms r milliseconds
workflow_id t given by the program
parent_workflow_id t given by the program
map_size i items of a map; NULL where the run is none
items_completed i of a map
items_failed i of a map
steps i executions of nodes, once the run has ended
failures i failed steps whose error arose in them, once the run has ended
error_type t the run's own error
error_message t the run's own error
version t given by the program
metadata t a JSON object of strings: metadata ->> 'env'
git_commit t of the directory in which the program ran
host t of the process that recorded it
pid i of the process that recorded it
""",
    ),
    _view(
        "steps_view",
        "Executions of nodes, and items of maps; the largest view: filter by run_id, or by a range of run.",
        "SELECT node, count(*) AS n, percentile(duration_ms, 95) AS p95_ms FROM steps_view "
        "WHERE run = (SELECT max(run) FROM runs_view) AND kind = 'node' GROUP BY node ORDER BY p95_ms DESC",
        _STEP
        + """
parent i step that this one happened in; 0 is the run
kind t node (an execution) or item (of a map)
node t name of the node; '' for an item
graph t the graph that the node is in
item i index of the nearest item
status t running, completed, failed, paused, cancelled, crashed or restored
started_at t ISO 8601, UTC
ended_at t ISO 8601, UTC; NULL while it is not known
duration_ms r milliseconds
queue_ms r from its creation to its start, where known
cached i 1 where the result came from a cache
propagated i 1 where the error only passed on from a step below
attempts i how often it was tried, where it may be retried
decision t what a gate chose
metadata t a JSON object of strings that the step told
input_tokens i that the step said it used
output_tokens i that the step said it used
tokens i in all, where only that was said
cost r that the step said it used
span t id given by the framework
""",
    ),
    _view(
        "attempts_view",
        "Tries of retried steps.",
        "SELECT node, error_type, count(*) AS tries FROM attempts_view WHERE outcome <> 'succeeded' GROUP BY 1, 2",
        _STEP
        + """
number i from 1
node t name of the node
outcome t succeeded, failed, timed_out or cancelled; '' while it runs
started_at t ISO 8601, UTC
ended_at t ISO 8601, UTC
duration_ms r milliseconds
max_attempts i most tries allowed
timeout_seconds r allowed for a try
retry_scheduled i 1 where another try was to follow
error_type t what it failed with
error_message t what it failed with
""",
    ),
    _view(
        "errors_view",
        "Errors of steps, of their attempts, and of runs (step 0).",
        "SELECT type, node, count(*) AS n, count(DISTINCT run) AS runs FROM errors_view "
        "WHERE fingerprint IS NOT NULL GROUP BY 1, 2 ORDER BY n DESC",
        _STEP
        + """
attempt i 0 is the step's own error
node t name of the node; NULL for the run's own
type t class of the exception
message t of the exception
fingerprint t names failures that are alike; NULL where the error only passed on
raised_at t ISO 8601, UTC; where fingerprint is known
detail t JSON: frames [file, line, function, code], causes [type, message, frame, notes], notes
""",
    ),
    _view(
        "error_groups_view",
        "Failures that are alike, one row for each run they were in.",
        "SELECT fingerprint, type, node, sum(count) AS n, count(*) AS runs, max(last_at) AS last_at "
        "FROM error_groups_view GROUP BY fingerprint ORDER BY last_at DESC",
        _RUN
        + """
fingerprint t names the group
type t class of the exception
message t with numbers and ids taken out
node t where the error arose; '' for the run's own
graph t of the run
count i failures in that run
first_at t ISO 8601, UTC
last_at t ISO 8601, UTC
""",
    ),
    _view(
        "logs_view",
        "Log records of steps, and of runs (step 0).",
        "SELECT level, logger, count(*) AS n FROM logs_view WHERE run = (SELECT max(run) FROM logs_view) GROUP BY 1, 2",
        _STEP
        + """
at t ISO 8601, UTC
level t DEBUG, INFO, WARNING, ERROR, CRITICAL or the program's own
logger t its name; '' for current_step().log
message t as logged
error_type t of the exception logged with it
error_message t of the exception logged with it
fields t a JSON object: what came beside the message
""",
    ),
    _view(
        "values_view",
        "Inputs and outputs of steps, and of runs (step 0).",
        "SELECT name, type, status, count(*) AS n, max(size) AS largest FROM values_view "
        "WHERE run = (SELECT max(run) FROM runs_view) GROUP BY 1, 2, 3",
        _STEP
        + """
direction t input or output
name t of the value
status t captured, not_captured, redacted, truncated, expired or unserializable
type t Python's name
size i bytes of its JSON, where known
note t what was cut or left out
digest t equal for equal values
encoding i 0 nothing kept, 1 JSON, 2 compressed: get_step_values reads those
data * JSON where encoding is 1: data ->> '$.title'
expired_at t when its content was let go of
""",
    ),
    _view(
        "node_days_view",
        "Statistics of nodes by day (UTC): small, for whole histories.",
        "SELECT day, node, sum(count) AS n, sum(errors) AS errors FROM node_days_view GROUP BY 1, 2 ORDER BY day DESC",
        """
run_graph t graph of the runs
day t when the executions ended, as 2026-11-20
node t name of the node
graph t the graph that the node is in
count i executions, failed and cached included
errors i failed executions
cached i served from a cache
attempts i tries of retried executions
total_ms r milliseconds, cached executions left out
avg_ms r milliseconds, cached executions left out
max_ms r milliseconds
""",
    ),
)

VIEWS: Final[Mapping[str, View]] = {view.name: view for view in _ALL}
"""Every view, by name."""
