"""What an agent is told of a graph's structure, and of source that changed since a run."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from recorder import Recorder
from recorder import node as traced
from recorder.journal.frames import GraphEdge, GraphFrame, GraphNode
from tests.hg_mcp.conftest import ask_store
from tests.hg_mcp.recorded import TIMEOUT, node, run_frame, write_store
from tests.support import framework

WHOLE = GraphFrame(
    "d1",
    "classify",
    (
        GraphNode("load", "FUNCTION", ("url",), ("docs",), file="app.py", line=3, qualname="load", source_hash="aa"),
        GraphNode("per_page", "GRAPH", ("docs",), ("answers",), mapped=("docs",)),
        GraphNode("per_page/ask", "FUNCTION"),
        GraphNode("enough", "BRANCH", branches=(("true", "END"), ("false", "load"))),
        GraphNode("save", "FUNCTION"),
    ),
    (
        GraphEdge("load", "per_page", "data", ("docs",)),
        GraphEdge("per_page", "enough", "data", ("answers",)),
        GraphEdge("enough", "load", "control"),
    ),
)
FRAMES = (
    run_frame(1, "run-g", status="failed", failures=1, steps=4, graph_digest="d1"),
    node(1, 1, "load", ms=5.0, cached=True),
    node(1, 2, "per_page", ms=90.0, status="failed", propagated=True, error=TIMEOUT),
    node(1, 3, "per_page[0]/ask", ms=80.0, parent=2),
    node(1, 4, "per_page[1]/ask@2", ms=80.0, parent=2, status="failed", error=TIMEOUT),
)


async def test_a_graph_is_described_with_what_became_of_each_node(tmp_path: Path):
    store = write_store(tmp_path, (WHOLE, *FRAMES))
    assert await ask_store(store, "describe_graph", run="run-g") == snapshot(
        {
            "summary": "'classify': 5 nodes (2 failed, 1 cached, 2 not reached) in run 'run-g', failed.",
            "run_id": "run-g",
            "graph": "classify",
            "status": "failed",
            "structure_recorded": True,
            "nodes": [
                {
                    "node": "load",
                    "status": "cached",
                    "count": 1,
                    "cached": 1,
                    "self_ms": 0.0,
                    "kind": "FUNCTION",
                    "inputs": ["url"],
                    "outputs": ["docs"],
                    "file": "app.py",
                    "line": 3,
                    "function": "load",
                    "source_hash": "aa",
                },
                {
                    "node": "per_page",
                    "status": "failed",
                    "count": 1,
                    "errors": 1,
                    "propagated": 1,
                    "self_ms": 0.0,
                    "kind": "GRAPH",
                    "mapped": ["docs"],
                    "inputs": ["docs"],
                    "outputs": ["answers"],
                },
                {
                    "node": "per_page/ask",
                    "status": "failed",
                    "count": 2,
                    "errors": 1,
                    "self_ms": 160.0,
                    "kind": "FUNCTION",
                },
                {
                    "node": "enough",
                    "status": "not_reached",
                    "kind": "BRANCH",
                    "branches": ["true: END", "false: load"],
                },
                {"node": "save", "status": "not_reached", "kind": "FUNCTION"},
            ],
            "edges": [
                {"source": "load", "target": "per_page", "values": ["docs"]},
                {"source": "per_page", "target": "enough", "values": ["answers"]},
                {"source": "enough", "target": "load", "kind": "control"},
            ],
            "mermaid": [
                "flowchart TD",
                "classDef failed fill:#f8d0d0,stroke:#b00000",
                "classDef cached fill:#e4dcf8,stroke:#6040b0",
                "classDef not_reached fill:#fff,stroke:#aaa,color:#888",
                'n0["load"]:::cached',
                'n1[["per_page"]]:::failed',
                'n2["per_page/ask"]:::failed',
                'n3{"enough"}:::not_reached',
                'n4["save"]:::not_reached',
                'n0 -->|"docs"| n1',
                'n1 -->|"answers"| n3',
                "n3 -.-> n0",
            ],
            "next": [
                {
                    "tool": "get_run_steps",
                    "arguments": {"run": "run-g", "node": "ask", "status": "failed"},
                    "reason": "the failed executions of a node",
                },
                {"tool": "summarize_run", "arguments": {"run": "run-g"}, "reason": "what happened in this run and why"},
            ],
        }
    )
    by_graph = await ask_store(store, "describe_graph", graph="classify")
    assert by_graph["nodes"] == (await ask_store(store, "describe_graph"))["nodes"]


async def test_without_a_recorded_structure_the_nodes_that_executed_are_told(tmp_path: Path):
    store = write_store(tmp_path, (run_frame(1, "run-p", steps=2), node(1, 1, "a", ms=1.0), node(1, 2, "b", ms=99.0)))
    reply = await ask_store(store, "describe_graph")
    assert reply["structure_recorded"] is False
    assert "rec.attach(graph)" in reply["summary"]
    assert {row["node"]: row["status"] for row in reply["nodes"]} == {"a": "completed", "b": "slow"}


async def test_a_graph_whose_latest_run_lacks_its_structure_has_that_of_an_earlier_one(tmp_path: Path):
    later = (run_frame(2, "run-later", at=10**9, steps=1), node(2, 1, "load", at=10**9))
    store = write_store(tmp_path, (WHOLE, *FRAMES, *later))
    reply = await ask_store(store, "describe_graph", graph="classify")
    assert reply["run_id"] == "run-later"
    assert "of an earlier run" in reply["summary"]
    assert [row["status"] for row in reply["nodes"]] == ["completed", *["not_reached"] * 4]
    assert (await ask_store(store, "describe_graph", run="run-later"))["structure_recorded"] is False


async def test_a_node_that_executed_and_is_not_in_the_structure_is_told_and_drawn_too(tmp_path: Path):
    """As of ``rec.attach(graph).add_nodes(...)``."""
    added = node(1, 5, "publish", status="failed", error=TIMEOUT)
    reply = await ask_store(write_store(tmp_path, (WHOLE, *FRAMES, added)), "describe_graph", run="run-g")
    assert reply["nodes"][-1] == {"node": "publish", "status": "failed", "count": 1, "errors": 1, "self_ms": 10.0}
    assert reply["mermaid"][9] == 'n5["publish"]:::failed'
    assert "6 nodes (3 failed" in reply["summary"]
    assert "1 node of these is not in the structure that was attached" in reply["summary"]


async def test_of_nodes_that_never_ended_no_time_is_told(tmp_path: Path):
    run = run_frame(1, "run-c", status="running", ms=None, graph_digest="d1", steps=2)
    store = write_store(tmp_path, (WHOLE, run, node(1, 1, "load"), node(1, 2, "save", status="crashed")))
    times = {row["node"]: row.get("self_ms") for row in (await ask_store(store, "describe_graph"))["nodes"]}
    assert (times["load"], times["save"]) == (10.0, None)


async def test_no_name_ends_a_line_of_the_drawing_or_is_a_directive_of_mermaids(tmp_path: Path):
    names = ("%%{init: {}}%%", "\n", 'a"]; click b', "`md`", "#quot;<b>")
    nodes = tuple(GraphNode(name, "FUNCTION") for name in names)
    odd = GraphFrame("d1", "classify", nodes, (GraphEdge(names[0], names[1], "data", ("%%%", "|")),))
    store = write_store(tmp_path, (odd, run_frame(1, "run-o", graph_digest="d1")))
    drawn = (await ask_store(store, "describe_graph"))["mermaid"]
    assert drawn[2:] == [
        """n0["% %{init: {}}% %"]:::not_reached""",
        """n1["?"]:::not_reached""",
        """n2["a']; click b"]:::not_reached""",
        """n3["'md'"]:::not_reached""",
        """n4["%23quot;(b)"]:::not_reached""",
        """n0 -->|"% % %, |"| n1""",
    ]


async def test_of_one_step_its_thread_is_told(tmp_path: Path):
    frames = (run_frame(1, "run-t", steps=2), node(1, 1, "load"), node(1, 2, "save", thread="asyncio_3"))
    store = write_store(tmp_path, frames)
    assert (await ask_store(store, "get_run_steps", step="save"))["thread"] == "asyncio_3"
    assert "thread" not in await ask_store(store, "get_run_steps", step="load")
    assert "thread" not in await ask_store(store, "get_run_steps")


async def test_of_a_resumed_run_what_was_not_reached_may_have_been_executed_before(tmp_path: Path):
    resumed = run_frame(2, "run-r", graph_digest="d1", is_resume=True, steps=1)
    store = write_store(tmp_path, (WHOLE, *FRAMES, resumed, node(2, 1, "save")))
    assert "resumed" not in (await ask_store(store, "describe_graph", run="run-g"))["summary"]
    assert "It resumed an earlier run" in (await ask_store(store, "describe_graph", run="run-r"))["summary"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"graph": "clasify"}, "Did you mean 'classify'"), ({"graph": "classify", "run": "run-g"}, "only one of the two")],
)
async def test_a_graph_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path, arguments, words):
    store = write_store(tmp_path, (WHOLE, *FRAMES))
    with pytest.raises(Exception, match=words):
        await ask_store(store, "describe_graph", **arguments)


async def test_of_plain_python_the_nodes_that_executed_are_described_with_their_code(tmp_path: Path):
    called = (GraphNode("a", "FUNCTION", file="a.py", line=3, qualname="a", source_hash="aa"), GraphNode("elsewhere"))
    run = run_frame(1, "run-p", graph_digest="d2", steps=2)
    store = write_store(tmp_path, (GraphFrame("d2", "classify", called, observed=True), run, node(1, 1, "a")))
    reply = await ask_store(store, "describe_graph")
    assert [(row["node"], row.get("source_hash")) for row in reply["nodes"]] == [("a", "aa")]
    assert reply["structure_recorded"] is False
    assert reply["summary"].endswith(" Plain Python: these are the nodes that executed; nobody drew edges.")


async def test_a_drawing_is_never_cut_within_a_line(tmp_path: Path):
    names = [f'{"very " * 9}long "name" <{number}> 長い名前' for number in range(60)]
    edges = tuple(GraphEdge(names[i], names[i + 1], "data", (names[i], "x")) for i in range(59))
    wide = GraphFrame("d1", "classify", tuple(GraphNode(name) for name in names), edges)
    store = write_store(tmp_path, (wide, run_frame(1, "run-w", steps=0, graph_digest="d1")))
    whole = (await ask_store(store, "describe_graph", budget=50_000))["mermaid"]
    assert len(whole) == 2 + 60 + 59
    for budget in range(300, 9000, 311):
        lines = (await ask_store(store, "describe_graph", budget=budget))["mermaid"]
        assert lines == whole[: len(lines)]


def run_attached(recorder: Recorder, *functions: Callable[[int], int]) -> None:
    graph = framework.Graph([framework.Node(function) for function in functions], name="g")
    framework.run(recorder.attach(graph), 1)


def run_plainly(recorder: Recorder, *functions: Callable[[int], int]) -> None:
    with recorder.run("g"):
        for function in functions:
            traced(function)(1)


@pytest.mark.parametrize("run", [run_attached, run_plainly])
async def test_source_that_changed_since_a_run_is_said_and_never_shown(tmp_path: Path, monkeypatch, run):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    framework.load(monkeypatch)
    path = tmp_path / "app.py"
    path.write_text("def load(x):\n    return x\n\ndef save(x):\n    return x\n")
    spec = importlib.util.spec_from_file_location("app", path)
    assert spec is not None
    assert spec.loader is not None
    app = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(app)
    with Recorder(tmp_path / "store") as recorder:
        run(recorder, app.load, app.save)
    asked = [("summarize_run", {}), ("get_run_steps", {}), ("get_run_steps", {"step": "load"}), ("describe_graph", {})]
    before = [await ask_store(tmp_path / "store", tool, **given) for tool, given in asked]
    assert not any("source_changed" in reply for reply in before)
    code = before[2]["code"]
    assert (code["file"], code["line"], code["function"], code["changed"]) == (str(path), 1, "load", False)

    path.write_text(path.read_text().replace("(x):\n    return x", "(x):\n    return 'the secret line'", 1))
    summary, steps, step, described = [await ask_store(tmp_path / "store", tool, **given) for tool, given in asked]
    assert summary["source_changed"] == steps["source_changed"] == ["load"]
    assert step["code"]["changed"] is True
    assert [row.get("source_changed") for row in described["nodes"]] == [True, None]
    assert "changed since" in described["summary"]
    assert "secret line" not in repr((summary, steps, step, described))
