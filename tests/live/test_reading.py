"""The four stories of issue 3, recorded on the real framework and read back through the MCP tools."""

import asyncio
import copy
from pathlib import Path
from typing import Any

import pytest
from hypergraph import AsyncRunner, Graph, SqliteCheckpointer, node
from mcp import Client

from hg_mcp.queries.source import Store
from hg_mcp.server import build_server
from recorder import Recorder
from tests.live import graphs
from tests.live.test_ends import Gate


class Agent:
    """Asks tools of a server over MCP, each question on a store that is caught up."""

    def __init__(self, store: Path) -> None:
        self.store = store

    async def ask(self, tool: str, **arguments: Any) -> dict[str, Any]:
        source = Store(str(self.store))
        try:
            async with Client(build_server(source)) as client:
                result = await client.call_tool(tool, arguments)
        finally:
            await source.close()
        assert not result.is_error, result.content
        return result.structured_content


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    return Agent(tmp_path / "store")


async def test_a_retry_storm_shows_each_attempt_and_its_error(agent: Agent):
    with Recorder(agent.store, values=True) as recorder:
        runner = AsyncRunner(event_processors=[recorder])
        graph = graphs.flaky(failures=1000, attempts=3)
        await runner.map(graph, {"question": list("abcde")}, map_over="question", error_handling="continue")
    summary = await agent.ask("summarize_run", run="latest-failed")
    (fault,) = summary["faults"]
    assert (fault["node"], fault["count"]) == ("ask", 5)
    (stats,) = (await agent.ask("node_stats", run="latest"))["nodes"]
    assert (stats["node"], stats["errors"]) == ("ask", 5)
    failed = await agent.ask("get_run_steps", run="latest", step="[0]/ask")
    attempts = [(one["number"], one["outcome"], one["error"]) for one in failed["attempt_details"]]
    assert [(number, outcome) for number, outcome, _ in attempts] == [(1, "failed"), (2, "failed"), (3, "failed")]
    assert len({error for _, _, error in attempts}) == 3, "each with its own message"


async def test_a_chained_error_in_another_alphabet_three_levels_down_is_told_whole(agent: Agent):
    with Recorder(agent.store, values=True) as recorder:
        runner = AsyncRunner(event_processors=[recorder])
        await runner.run(graphs.deep(), {"text": "четыре"}, error_handling="continue")
    summary = await agent.ask("summarize_run", run="latest-failed")
    (fault,) = summary["faults"]
    assert fault["node"] == "parse"
    assert fault["message"] == "не число: «четыре» 💥"
    failed = await agent.ask("get_run_steps", run="latest", status="failed")
    assert [step["path"] for step in failed["steps"] if not step.get("propagated")] == ["middle/read/parse"]
    told = str(await agent.ask("get_run_steps", run="latest", step="middle/read/parse"))
    assert "invalid literal for int()" in told, "the cause"
    assert "подсказка: проверьте вход" in told, "the note"
    assert "hypercache" not in told


async def test_of_a_task_group_inside_a_node_the_line_that_raised_is_told(agent: Agent):
    async def fetch(url: str) -> None:
        raise ConnectionError(f"no answer from {url}")

    @node(output_name="pages")
    async def fan(url: str) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(fetch(url))

    with Recorder(agent.store) as recorder:
        await AsyncRunner().run(recorder.attach(Graph([fan])), {"url": "a"}, error_handling="continue")
    (member,) = (await agent.ask("get_run_steps", step="fan"))["error"]["causes"]
    assert (member["type"], member["code"]) == ("ConnectionError", 'raise ConnectionError(f"no answer from {url}")')


async def test_what_was_added_to_an_attached_graph_is_told_and_what_a_node_refuses_is_explained(agent: Agent):
    @node(output_name="kept", trace_io=False)
    def keep(answer: int) -> int:
        return answer

    with Recorder(agent.store, values=True) as recorder:
        graph = copy.deepcopy(recorder.attach(graphs.parsing()))
        await AsyncRunner().run(graph.add_nodes(keep), {"text": "4"})
    described = await agent.ask("describe_graph")
    assert [row["node"] for row in described["nodes"]] == ["strip", "parse", "double", "keep"]
    assert "1 node of these is not in the structure" in described["summary"]
    values = await agent.ask("get_step_values", step="keep")
    assert (values["total"], "trace_io=False itself" in values["advice"][0]) == (0, True)


async def test_a_resumed_interrupt_is_told_as_paused_and_then_completed(agent: Agent, tmp_path: Path):
    checkpointer = SqliteCheckpointer(tmp_path / "checkpoints.db")
    with Recorder(agent.store, values=True) as recorder:
        runner = AsyncRunner(event_processors=[recorder], checkpointer=checkpointer)
        await runner.run(graphs.pausing(), {"prompt": "x"}, workflow_id="doc-1")
        await runner.run(graphs.pausing(), {"approved": True}, workflow_id="doc-1")
    await checkpointer.close()
    listed = await agent.ask("list_runs")
    assert [run["status"] for run in listed["runs"]] == ["completed", "paused"]
    resumed = await agent.ask("summarize_run", run="doc-1")
    assert resumed["status"] == "completed"
    paused = await agent.ask("summarize_run", run=listed["runs"][1]["run_id"])
    assert "Paused at 'approval'." in paused["summary"]


async def test_a_cancelled_map_is_told_with_where_it_stood(agent: Agent):
    gate = Gate()
    with Recorder(agent.store, values=True) as recorder:
        runner = AsyncRunner(event_processors=[recorder])
        task = asyncio.create_task(runner.map(gate.graph, {"forever": [False, True]}, map_over="forever"))
        await asyncio.wait_for(gate.entered.wait(), 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    summary = await agent.ask("summarize_run")
    assert summary["status"] == "cancelled"
    assert "[1]/wait" in summary["summary"]
    steps = await agent.ask("get_run_steps", run="latest")
    assert [(step["path"], step["status"]) for step in steps["steps"]][-1] == ("[1]/wait", "cancelled")
