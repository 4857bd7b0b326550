"""What can be read by URI: a run, its trace, a graph. Each is a tool's reply with its defaults, as the same JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

from hg_mcp.errors import CannotAnswer
from hg_mcp.names import DESCRIBE_GRAPH, GET_RUN_STEPS, LIST_RUNS, SUMMARIZE_RUN
from hg_mcp.text import quoted

__all__ = ["TEMPLATES", "Template", "UnknownResourceError", "question_of", "run_uri"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """Resources of one kind: ``tool`` answers for them, asked for what the URI holds as ``parameter``."""

    uri: str
    title: str
    description: str
    tool: str
    parameter: str


TEMPLATES: Final = (
    Template(
        uri="run://{run}",
        title="A run",
        description="What happened in it and why. run: 'latest', 'latest-failed', an id, a prefix or a workflow id.",
        tool=SUMMARIZE_RUN,
        parameter="run",
    ),
    Template(
        uri="run://{run}/steps",
        title="Trace of a run",
        description="Its steps in start order: path, status, duration, decision, error.",
        tool=GET_RUN_STEPS,
        parameter="run",
    ),
    Template(
        uri="graph://{graph}",
        title="A graph",
        description="Nodes and edges as its latest run executed them, with status and source.",
        tool=DESCRIBE_GRAPH,
        parameter="graph",
    ),
)


class UnknownResourceError(CannotAnswer):
    """The URI is of no form that is served here."""

    def __init__(self, given: str) -> None:
        self.given = given
        forms = ", ".join(template.uri for template in TEMPLATES)
        super().__init__(f"No resource {quoted(given, 120)}. Valid: {forms}; {LIST_RUNS} tells the runs there are.")


def run_uri(run: str) -> str:
    """The URI of the run with an id."""
    return f"run://{quote(run, safe='')}"


def question_of(uri: str) -> tuple[str, Mapping[str, str]]:
    """The tool that answers for a URI, and the arguments it is asked with.

    Raises:
        UnknownResourceError: It is of another form.
    """
    for template in reversed(TEMPLATES):  # the longer ones first
        before, after = template.uri.split("{" + template.parameter + "}")
        if uri.startswith(before) and (given := uri.removesuffix("/")).endswith(after):
            name = given[len(before) : len(given) - len(after)]
            if name and "/" not in name:
                return template.tool, {template.parameter: unquote(name)}
    raise UnknownResourceError(uri)
