"""The reply of ``describe_graph``: nodes and edges as data, and drawn."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, Self

from pydantic import Field, PrivateAttr

from hg_mcp.names import GET_RUN_STEPS, SUMMARIZE_RUN
from hg_mcp.queries.structure import NOT_REACHED, GraphPage, NodeState
from hg_mcp.replies.base import NextCall, Reply, Row, handles, next_part, suggestion
from hg_mcp.replies.budget import Call, Part
from hg_mcp.replies.words import file_from, handle, ms, status_words
from hg_mcp.sizes import counted
from hg_mcp.text import one_line, printable, quoted, width
from recorder.journal.frames import GraphEdge

__all__ = ["GraphDescription"]

_COLOURS: Final = {
    "failed": "fill:#f8d0d0,stroke:#b00000",
    "crashed": "fill:#f8d0d0,stroke:#600000",
    "slow": "fill:#ffe0b0,stroke:#c06000",
    "running": "fill:#d0e4ff,stroke:#0050b0",
    "cached": "fill:#e4dcf8,stroke:#6040b0",
    "paused": "fill:#fff4b0,stroke:#907000",
    "cancelled": "fill:#e8e8e8,stroke:#606060",
    "completed": "fill:#d8f0d8,stroke:#207020",
    NOT_REACHED: "fill:#fff,stroke:#aaa,color:#888",
}
_ARROWS: Final = {"data": "-->", "control": "-.->", "ordering": "==>"}
_MERMAID: Final = str.maketrans({'"': "'", "`": "'", "<": "(", ">": ")", "\\": "/", "#": "%23"})
_RESUMED: Final = " It resumed an earlier run: not reached here may have been executed there."
_COMMENT: Final = re.compile("%(?=%)")
"""Mermaid takes what follows two of them for a comment, in a label too."""
_LABEL: Final = 26
"""So that no line is ever cut by the budget, which cuts longer texts."""


class GraphNodeRow(Row):
    """A node; all names are recorded."""

    node: str = Field(description="its name after those of the nodes around it")
    status: str = Field(
        description="failed, crashed, running, paused, cancelled, slow (10 ms and 40 % of the run's own time or more), "
        "cached, completed or not_reached"
    )
    count: int | None = Field(default=None, description="executions")
    errors: int | None = None
    propagated: int | None = Field(default=None, description="of the errors, those that arose in a step below")
    cached: int | None = None
    self_ms: float | None = Field(default=None, description="its executions' time that was not spent in steps below")
    kind: str | None = Field(default=None, description="FUNCTION, GRAPH, BRANCH, ... as the framework has it")
    mapped: list[str] | None = Field(default=None, description="inputs it maps over")
    branches: list[str] | None = Field(default=None, description="what a gate may choose, 'when: node'")
    inputs: list[str] | None = None
    outputs: list[str] | None = None
    file: str | None = None
    line: int | None = None
    function: str | None = None
    source_hash: str | None = None
    source_changed: bool | None = Field(default=None, description="the source on disk is no longer the one that ran")

    @classmethod
    def of(cls, state: NodeState, home: str) -> Self:
        """A node with its state as a row; ``home`` is where the program ran."""
        node = state.node
        return cls(
            node=printable(node.id),
            status=state.status,
            count=state.count or None,
            errors=state.errors or None,
            propagated=state.propagated or None,
            cached=state.cached or None,
            self_ms=ms(state.self_ms),
            kind=printable(node.kind) or None,
            mapped=_names(node.mapped),
            branches=_names([label if label == target else f"{label}: {target}" for label, target in node.branches]),
            inputs=_names(node.inputs),
            outputs=_names(node.outputs),
            file=file_from(home, node.file) or None,
            line=node.line or None,
            function=printable(node.qualname) or None,
            source_hash=node.source_hash or None,
            source_changed=state.changed or None,
        )


class EdgeRow(Row):
    """An edge; all names are recorded."""

    source: str
    target: str
    kind: str | None = Field(default=None, description="control or ordering; data where absent")
    values: list[str] | None = None

    @classmethod
    def of(cls, edge: GraphEdge) -> Self:
        """An edge as a row."""
        return cls(
            source=printable(edge.source),
            target=printable(edge.target),
            kind=None if edge.kind == "data" else printable(edge.kind),
            values=_names(edge.values),
        )


class GraphDescription(Reply):
    """A graph: its nodes with their status in a run, its edges, and a drawing."""

    run_id: str
    graph: str = Field(description="recorded name")
    status: str = Field(description="of the run")
    structure_recorded: bool = Field(description="false: only nodes that executed are known, and no edges")
    nodes: list[GraphNodeRow]
    edges: list[EdgeRow] | None = None
    mermaid: list[str] = Field(description="lines of a Mermaid flowchart, nodes coloured by status; recorded names")
    _page: GraphPage = PrivateAttr()

    @classmethod
    def of(cls, page: GraphPage) -> Self:
        """The reply for a graph."""
        edges = page.structure.edges if page.structure else ()
        reply = cls(
            summary=_summary(page),
            run_id=handle(page.run),
            graph=one_line(page.run.graph, 40),
            status=page.run.status,
            structure_recorded=page.structure is not None,
            nodes=[GraphNodeRow.of(state, page.run.worker.cwd) for state in page.nodes],
            edges=[EdgeRow.of(edge) for edge in edges] or None,
            mermaid=list(_mermaid(page.nodes, edges)),
            next=_next(page),
        )
        reply._page = page
        return reply

    def parts(self, asked: Call) -> Sequence[Part]:
        """The first call, then the data before the drawing."""
        return (
            Part(field="nodes", handles=handles(GraphNodeRow), wider=True, rest=lambda _: asked),
            next_part(asked, early=True),
            Part(field="edges", handles=handles(EdgeRow), wider=True, rest=lambda _: asked),
            Part(field="mermaid", wider=True, rest=lambda _: asked),
        )


def _names(names: Sequence[str]) -> list[str] | None:
    return [printable(name) for name in names] or None


def _mermaid(nodes: Sequence[NodeState], edges: Sequence[GraphEdge]) -> Iterator[str]:
    """A flowchart whose every beginning is one too: colours, nodes, edges."""
    yield "flowchart TD"
    used = {state.status for state in nodes}
    yield from (f"classDef {word} {colour}" for word, colour in _COLOURS.items() if word in used)
    numbers = {state.node.id: number for number, state in enumerate(nodes)}
    for number, state in enumerate(nodes):
        opened, closed = _shape(state)
        yield f'n{number}{opened}"{_label(state.node.id)}"{closed}:::{state.status}'
    for edge in edges:
        if edge.source in numbers and edge.target in numbers:
            names = f'|"{_label(", ".join(edge.values))}"|' if edge.values else ""
            yield f"n{numbers[edge.source]} {_ARROWS.get(edge.kind, '-->')}{names} n{numbers[edge.target]}"


def _shape(state: NodeState) -> tuple[str, str]:
    """Gates are rhombs, mapped nodes have double sides."""
    if state.node.kind == "BRANCH":
        return "{", "}"
    return ("[[", "]]") if state.node.mapped else ("[", "]")


def _label(name: str) -> str:
    """The end of a name says more than its beginning."""
    plain = _COMMENT.sub("% ", one_line(name, 1000).translate(_MERMAID)).strip() or "?"
    if width(plain) <= _LABEL:
        return plain
    while width(plain) > _LABEL - 3:
        plain = plain[1:]
    return f"…{plain}"


def _summary(page: GraphPage) -> str:
    run, counts = page.run, Counter(state.status for state in page.nodes)
    words = ", ".join(f"{counts[word]:,} {word.replace('_', ' ')}" for word in _COLOURS if counts[word])
    told = f"{quoted(run.graph, 40)}: {counted(len(page.nodes), 'node')} ({words or 'none executed'})"
    changed = sum(state.changed for state in page.nodes)
    notes = [
        f" The source of {counted(changed, 'node')} changed since." if changed else "",
        " The structure is that of an earlier run." if page.earlier else "",
        "" if page.structure else _unknown(page),
        _undrawn(page.undrawn),
        _RESUMED if run.is_resume and counts[NOT_REACHED] else "",
    ]
    return f"{told} in run {quoted(run.run_id)}, {status_words(run)}.{''.join(notes)}"


def _unknown(page: GraphPage) -> str:
    if page.observed:
        return " Plain Python: these are the nodes that executed; nobody drew edges."
    return " The structure was not recorded: hypergraph graphs need rec.attach(graph)."


def _undrawn(count: int) -> str:
    if not count:
        return ""
    return f" {counted(count, 'node')} of these {'is' if count == 1 else 'are'} not in the structure that was attached."


def _next(page: GraphPage) -> list[NextCall]:
    run = handle(page.run)
    worst = next((state for state in page.nodes if state.errors > state.propagated and len(state.name) <= 80), None)
    found = [suggestion(SUMMARIZE_RUN, "what happened in this run and why", run=run)]
    if worst is not None:
        reason = "the failed executions of a node"
        found.insert(0, suggestion(GET_RUN_STEPS, reason, run=run, node=worst.name, status="failed"))
    return found
