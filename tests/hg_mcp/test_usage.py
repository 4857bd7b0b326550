"""What an agent is told of tokens and cost, and of what steps said of themselves."""

from pathlib import Path

from inline_snapshot import snapshot

from recorder import Recorder, current_step, node
from recorder.journal.frames import Frame, Told
from tests.hg_mcp.conftest import Ask, ask_store
from tests.hg_mcp.recorded import node as node_frame
from tests.hg_mcp.recorded import run_frame, write_store
from tests.support.reading import ingested


@node
def ask(prompt: str) -> str:
    current_step().set_usage(input_tokens=len(prompt), output_tokens=2, cost=0.1)
    current_step().set_metadata(model="small")
    return prompt.upper()


@node
def chat() -> str:
    return ask("one") + ask("three")


def recorded(directory: Path) -> Path:
    with Recorder(directory) as recorder, recorder.run("job"):
        chat()
        ask("seven")
    ingested(directory)
    return directory


async def test_a_step_tells_what_its_code_said_of_it(tmp_path: Path):
    reply = await ask_store(recorded(tmp_path), "get_run_steps", step="chat/ask")
    (row,) = reply["steps"]
    assert row["usage"] == {"tokens": 5, "input_tokens": 3, "output_tokens": 2, "cost": 0.1}
    assert row["metadata"] == {"model": "small"}
    silent = await ask_store(tmp_path, "get_run_steps", step="chat")
    assert not {"usage", "metadata"} & silent["steps"][0].keys()


async def test_node_stats_add_up_what_the_executions_of_a_node_used(tmp_path: Path):
    rows = {row["node"]: row for row in (await ask_store(recorded(tmp_path), "node_stats"))["nodes"]}
    assert rows["ask"]["usage"] == {"tokens": 19, "input_tokens": 13, "output_tokens": 6, "cost": 0.3}
    assert "usage" not in rows["chat"]


async def test_the_summary_of_a_run_says_what_all_of_it_used_and_leads_to_its_nodes(tmp_path: Path):
    reply = await ask_store(recorded(tmp_path), "summarize_run")
    assert reply["usage"] == {"tokens": 19, "input_tokens": 13, "output_tokens": 6, "cost": 0.3}
    assert reply["summary"].endswith("No failures. Used 19 tokens, cost 0.3.")
    assert {"tool": "node_stats", "arguments": {"run": reply["run_id"]}} == {
        key: value for key, value in reply["next"][-1].items() if key != "reason"
    }
    assert reply["next"][-1]["reason"] == snapshot("percentiles, tokens and cost of every node")


async def test_a_step_that_speaks_for_what_it_called_is_not_added_to_it(tmp_path: Path):
    frames: list[Frame] = [
        run_frame(1, "run-1"),
        node_frame(1, 1, "chat", told=Told(tokens=100)),
        node_frame(1, 2, "chat/ask", parent=1, told=Told(tokens=90, cost=0.5)),
    ]
    reply = await ask_store(write_store(tmp_path, frames), "summarize_run")
    assert reply["usage"] == {"tokens": 100, "cost": 0.5}


async def test_where_nobody_said_what_was_used_nothing_is_told_of_it(ask: Ask):
    summary, stats = await ask("summarize_run"), await ask("node_stats")
    assert "usage" not in summary
    assert "Used" not in summary["summary"]
    assert not any("usage" in row for row in stats["nodes"])


async def test_numbers_beyond_sense_break_no_sum(tmp_path: Path):
    @node
    def broken() -> None:
        current_step().set_usage(1 << 62, cost=1e300)
        current_step().set_usage(input_tokens=(1 << 48) - 1)

    with Recorder(tmp_path) as recorder, recorder.run("job"):
        for _ in range(40):
            broken()
    ingested(tmp_path)
    assert (await ask_store(tmp_path, "summarize_run"))["usage"] == {
        "tokens": 40 * ((1 << 48) - 1),
        "input_tokens": 40 * ((1 << 48) - 1),
    }
