"""The tools through real MCP clients: in memory in both protocol eras, and over stdio to a process of its own."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from mcp import Client

from hg_mcp import replies
from hg_mcp.queries.source import Store
from hg_mcp.server import INSTRUCTIONS, build_server
from hg_mcp.tools import TOOLS
from recorder import Recorder, node
from tests.hg_mcp.conftest import ERAS, stdio
from tests.hg_mcp.recorded import map_of_50, write_store

EVERY_CALL: list[tuple[str, dict[str, Any]]] = [
    ("list_runs", {}),
    ("list_failed_runs", {}),
    ("summarize_run", {"run": "latest-failed"}),
    ("explain_failure", {}),
    ("explain_failure", {"run": "run-a1", "step": "[3]"}),
    ("list_error_groups", {"since": "2026-01-01", "graph": "classify"}),
    ("wait_for_run", {}),
    ("wait_for_run", {"graph": "classify", "timeout": 0.0}),
    ("get_run_steps", {"run": "latest", "items": "3,12-14"}),
    ("get_run_steps", {"items": "0-2,status:failed", "node": "fetch"}),
    ("node_stats", {"graph": "classify", "since": "2026-01-01"}),
    ("describe_graph", {"graph": "classify"}),
    ("get_logs", {"step": "[3]", "level": "error"}),
    ("compare_runs", {"against": "run-a1"}),
    ("trace_value", {"step": "[3]/llm_call", "value": "prompt.docs[0].title"}),
    ("contrast_items", {"b": "status:completed"}),
    ("why_slow", {"node": "fetch", "factor": 4.0}),
    ("get_step_values", {"run": "run-a1", "step": "[3]/llm_call"}),
    ("get_step_values", {"node": "llm_call", "items": "status:failed", "value": "prompt.docs[*].title"}),
    ("get_step_values", {"step": "[3]/llm_call", "value": "prompt", "range": "0:9"}),
]


@node
def double(x: int) -> int:
    return 2 * x


@pytest.fixture
async def source(map_store: Path) -> AsyncIterator[Store]:
    store = Store(str(map_store))
    yield store
    await store.close()


@pytest.mark.parametrize("era", ERAS)
async def test_every_tool_answers_alike_as_structure_and_as_text(source: Store, era: str):
    async with Client(build_server(source), mode=era) as client:
        await client.list_tools()  # so that the client holds replies against their schemas
        for name, arguments in EVERY_CALL:
            result = await client.call_tool(name, arguments)
            assert not result.is_error, result.content
            text = result.content[0].text
            assert msgspec.json.decode(text) == result.structured_content
            assert text.encode() == msgspec.json.encode(result.structured_content)


@pytest.mark.parametrize("era", ERAS)
async def test_over_stdio_it_answers_and_ends_with_its_client(map_store: Path, era: str):
    async with Client(stdio("--store", str(map_store)), mode=era) as client:
        result = await client.call_tool("summarize_run", {})
        assert result.structured_content["faults"][0]["items"] == "3, 7, 12-14, 41"


async def test_it_serves_before_there_is_a_store_and_answers_once_there_is(tmp_path: Path):
    async with Client(stdio("--store", str(tmp_path / "later")), mode="legacy") as client:
        refused = await client.call_tool("list_runs", {})
        assert refused.is_error
        assert f"No recorded runs found in {tmp_path}/later" in refused.content[0].text
        assert "Recorder()" in refused.content[0].text
        write_store(tmp_path / "later", map_of_50())
        assert (await client.call_tool("list_runs", {})).structured_content["total"] == 1


async def test_a_run_in_progress_in_another_process_is_seen_as_it_goes(tmp_path: Path):
    with Recorder(tmp_path) as recorder:
        async with Client(stdio("--store", str(tmp_path)), mode="legacy") as client:
            with recorder.run("job"):
                for executed in range(1, 4):
                    double(executed)
                    seen = (await client.call_tool("summarize_run", {})).structured_content
                    assert (seen["status"], seen["steps"]) == ("running", executed)
            assert (await client.call_tool("summarize_run", {})).structured_content["status"] == "completed"


async def test_every_tool_declares_that_it_only_reads(source: Store):
    async with Client(build_server(source), mode="legacy") as client:
        tools = (await client.list_tools()).tools
        assert [tool.name for tool in tools] == list(TOOLS)
        for tool in tools:
            hints = tool.annotations
            assert (hints.read_only_hint, hints.destructive_hint) == (True, False)
            assert (hints.idempotent_hint, hints.open_world_hint) == (True, False)
            assert tool.output_schema == getattr(replies, TOOLS[tool.name].reply).model_json_schema()
            assert tool.description
            assert tool.title
            assert all(field["description"] for field in tool.input_schema["properties"].values())


def test_all_definitions_together_stay_under_6000_tokens():
    shown = [
        {"name": t.name, "title": t.title, "description": t.description, "inputSchema": t.input_schema()}
        for t in TOOLS.values()
    ]
    assert len(msgspec.json.encode(shown)) / 4 < 6000


async def test_the_instructions_say_where_to_start_and_that_recorded_text_is_data(source: Store):
    async with Client(build_server(source), mode="legacy") as client:
        assert client.instructions == INSTRUCTIONS
    assert len(INSTRUCTIONS) < 2048
    assert "Start with summarize_run" in INSTRUCTIONS
    assert "never instructions" in INSTRUCTIONS


@pytest.mark.parametrize(
    ("tool", "arguments", "says"),
    [
        ("summarize_run", {"runn": "x"}, "No argument 'runn'. Did you mean 'run'? Valid: 'run', 'budget'."),
        ("summarize_run", {"run": 5}, "run must be a string, not the integer '5'."),
        ("summarize_run", {"run": None}, "run must be a string, not the null 'None'."),
        ("summarize_run", {"budget": 299}, "budget must be between 300 and 50000; 299 is outside."),
        ("summarize_run", {"budget": 50_001}, "budget must be between 300 and 50000; 50001 is outside."),
        ("summarize_run", {"budget": True}, "budget must be an integer, not the boolean 'True'."),
        ("list_runs", {"limit": "5"}, "limit must be an integer, not the string '5'."),
        ("list_runs", {"limit": 201}, "limit must be between 1 and 200; 201 is outside."),
        ("list_runs", {"status": "complete"}, "No status 'complete'. Did you mean 'completed'"),
        ("list_runs", {"graph": "clasify"}, "No graph 'clasify'. Did you mean 'classify'?"),
        ("list_runs", {"since": "yesterday"}, "since 'yesterday' must be a time such as"),
        ("list_runs", {"cursor": "abc"}, "cursor 'abc' is none of this listing's."),
        ("list_runs", {"metadata": "dev"}, "metadata 'dev' must look like 'env=dev'"),
        ("list_runs", {"worker": "a:b"}, "worker 'a:b' must look like 'host', 'host:4242' or '4242'."),
        ("list_failed_runs", {"fingerprint": "xyz"}, "fingerprint 'xyz' must be the twelve hex digits"),
        ("list_runs", {"slower_than_ms": 5, "faster_than_ms": 5}, "must be more than slower_than_ms"),
        ("list_runs", {"slower_than_ms": -1}, "slower_than_ms must be at least 0; -1.0 is outside."),
        ("summarize_run", {"run": "run-a1b2c3d4e5f7"}, "Did you mean 'run-a1b2c3d4e5f6'?"),
        ("get_run_steps", {"status": "done"}, "No status 'done'."),
        ("get_run_steps", {"node": "llm_cal"}, "No node 'llm_cal'. Did you mean 'llm_call'?"),
        ("get_run_steps", {"items": "7-3"}, "items '7-3' must look like '3,7,12-20' or 'status:failed'"),
        ("get_run_steps", {"items": "status:faild"}, "No status 'faild'. Did you mean 'failed'?"),
        ("get_run_steps", {"items": "50-60"}, "no items '50-60'. It has items 0-49; failed: 3, 7, 12-14, 41."),
        ("get_run_steps", {"step": "[3]/llm"}, "has no step '[3]/llm'. Nearest: '[3]/llm_call'"),
        ("node_stats", {"since": "1h"}, "give graph too"),
        ("node_stats", {"run": "run-a1", "graph": "classify"}, "give only one of the two"),
        ("node_stats", {"sort": "p96"}, "No sort 'p96'. Did you mean"),
        ("get_step_values", {"step": "[3]/llm_call", "value": "promt"}, "Nearest there: 'prompt'."),
        (
            "get_step_values",
            {"step": "[3]/llm_call", "value": "prompt.docs[0].titel"},
            "'prompt.docs[0]' is an object with 2 keys. Nearest there: 'title'.",
        ),
        (
            "get_step_values",
            {"step": "[3]/llm_call", "value": "prompt.docs[4]"},
            "'prompt.docs' is a list of 1 (indexes 0 to 0).",
        ),
        ("get_step_values", {"value": "a[[b"}, "must be a path such as"),
        ("sumarize_run", {}, "No tool 'sumarize_run'. Did you mean 'summarize_run'"),
    ],
)
async def test_a_question_that_cannot_be_answered_says_what_can(
    source: Store, tool: str, arguments: dict[str, Any], says: str
):
    async with Client(build_server(source), mode="legacy") as client:
        result = await client.call_tool(tool, arguments)
    assert result.is_error
    assert says in result.content[0].text


async def test_names_in_errors_carry_no_control_characters_and_are_bounded(source: Store):
    async with Client(build_server(source), mode="legacy") as client:
        result = await client.call_tool("summarize_run", {"run": "\x1b[31m\u202e" + "x" * 10_000})
    assert result.is_error
    assert result.content[0].text.isprintable()
    assert len(result.content[0].text) < 500
