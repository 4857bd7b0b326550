"""Resources, their updates, prompts and completions, through real clients of both protocol eras."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import ResourcesListChanged, ResourceUpdated, ServerEvent
from mcp.types import PromptReference, ResourceTemplateReference, ResourceUpdatedNotification

from hg_mcp import names
from hg_mcp.queries.source import Store
from hg_mcp.server import build_server
from recorder import Recorder, node
from tests.hg_mcp.recorded import map_of_50, run_frame, write_store
from tests.hg_mcp.test_server import stdio

ERAS = ["2026-07-28", "legacy"]
ODD = "a/b [1]%?#é"


@node
def double(x: int) -> int:
    return 2 * x


@pytest.fixture
async def source(tmp_path: Path) -> AsyncIterator[Store]:
    odd = run_frame(2, ODD, at=5, graph=ODD, workflow_id="wf/1")
    store = Store(str(write_store(tmp_path / "s", [*map_of_50(), odd])), follow=True)
    yield store
    await store.close()


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("uri", "tool", "arguments"),
    [
        ("run://run-a1b2c3d4e5f6", "summarize_run", {"run": "run-a1b2c3d4e5f6"}),
        ("run://latest-failed/steps", "get_run_steps", {"run": "latest-failed"}),
        ("run://wf%2F1", "summarize_run", {"run": "wf/1"}),
        ("graph://classify", "describe_graph", {"graph": "classify"}),
        ("run://nightly/", "summarize_run", {"run": "nightly"}),
    ],
)
async def test_a_resource_is_the_reply_of_its_tool(
    source: Store, era: str, uri: str, tool: str, arguments: dict[str, Any]
):
    async with Client(build_server(source), mode=era) as client:
        (content,) = (await client.read_resource(uri)).contents
        reply = await client.call_tool(tool, arguments)
    assert (content.uri, content.mime_type) == (uri, "application/json")
    assert content.text == reply.content[0].text


@pytest.mark.parametrize("era", ERAS)
async def test_the_latest_runs_are_listed_by_uris_that_can_be_read(source: Store, era: str):
    async with Client(build_server(source), mode=era) as client:
        listed = (await client.list_resources()).resources
        assert [resource.title for resource in listed] == [f"'{ODD}': completed", "'classify': partial"]
        for resource in listed:
            assert (await client.read_resource(resource.uri)).contents
        templates = (await client.list_resource_templates()).resource_templates
        assert [one.uri_template for one in templates] == ["run://{run}", "run://{run}/steps", "graph://{graph}"]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("run://nobody", "No run 'nobody'."),
        ("graph://clasify", "Did you mean 'classify'?"),
        ("file:///etc/passwd", "Valid: run://{run}, run://{run}/steps, graph://{graph}"),
        ("run://a/b/steps", "No resource 'run://a/b/steps'."),
    ],
)
async def test_what_is_not_there_is_refused_with_its_uri(source: Store, era: str, uri: str, says: str):
    async with Client(build_server(source), mode=era) as client:
        with pytest.raises(MCPError) as refused:
            await client.read_resource(uri)
    assert (refused.value.code, refused.value.data) == (-32602, {"uri": uri})
    assert says in refused.value.message


async def test_before_there_is_a_store_nothing_is_listed_or_completed(tmp_path: Path):
    async with Client(build_server(Store(str(tmp_path / "later"))), mode="legacy") as client:
        assert (await client.list_resources()).resources == []
        found = await client.complete(PromptReference(type="ref/prompt", name="what_changed"), _argument("run", ""))
        assert found.completion.values == []


async def test_a_listening_client_is_told_of_changes_and_of_new_runs(tmp_path: Path):
    store = Store(str(tmp_path), follow=True)
    with Recorder(tmp_path) as recorder:
        recorder.map(double, [1], name="job")
        async with Client(build_server(store), mode="2026-07-28") as client, asyncio.timeout(60):
            uris = ["run://latest", "run://latest/steps", "graph://job", "graph://later"]
            async with client.listen(resource_subscriptions=uris, resources_list_changed=True) as changes:
                recorder.map(double, [1], name="job")
                await heard(changes, {ResourcesListChanged(), *map(ResourceUpdated, uris[:3])})
                recorder.map(double, [1], name="later")
                await heard(changes, {ResourceUpdated("graph://later")})
    await store.close()


async def heard(changes: AsyncIterator[ServerEvent], wanted: set[ServerEvent]) -> None:
    while wanted:
        wanted.discard(await anext(changes))


@pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")
async def test_a_legacy_client_is_told_what_it_subscribed_to_until_it_unsubscribes(tmp_path: Path):
    store, told = Store(str(tmp_path), follow=True), asyncio.Queue[str]()

    async def hear(message: Any) -> None:
        if isinstance(message, ResourceUpdatedNotification):
            await told.put(message.params.uri)

    with Recorder(tmp_path) as recorder, recorder.run("job"):
        async with Client(build_server(store), mode="legacy", message_handler=hear) as client, asyncio.timeout(30):
            await client.subscribe_resource("run://latest")
            await client.subscribe_resource("graph://job")
            double(1)
            assert {await told.get(), await told.get()} == {"run://latest", "graph://job"}
            await client.unsubscribe_resource("run://latest")
            double(2)
            assert await told.get() == "graph://job"
            assert told.empty()
            with pytest.raises(MCPError, match="No resource 'file:///x'"):
                await client.subscribe_resource("file:///x")
    await store.close()


async def test_updates_come_over_stdio_too(tmp_path: Path):
    with Recorder(tmp_path) as recorder, recorder.run("job"):
        server = stdio("--store", str(tmp_path))
        async with (
            asyncio.timeout(60),
            Client(server, mode="2026-07-28") as client,
            client.listen(resource_subscriptions=["run://latest"]) as changes,
        ):
            double(1)
            assert await anext(changes) == ResourceUpdated("run://latest")


@pytest.mark.parametrize("era", ERAS)
async def test_every_prompt_is_a_procedure_over_tools_that_exist(source: Store, era: str):
    async with Client(build_server(source), mode=era) as client:
        prompts = (await client.list_prompts()).prompts
        assert [prompt.name for prompt in prompts] == ["debug_failed_run", "investigate_slow_run", "what_changed"]
        tools = {tool.name for tool in (await client.list_tools()).tools}
        for prompt in prompts:
            assert prompt.description
            got = await client.get_prompt(prompt.name, {"run": "run-a1\x1b[0m"})
            text = got.messages[0].content.text
            assert "'run-a1\ufffd[0m'" in text
            assert "never instructions" in text
            assert len({name for name in tools if name in text}) >= 3
            assert {word for word in vars(names).values() if str(word) in text} >= {"compare_runs"}
        assert "'latest-failed'" in (await client.get_prompt("debug_failed_run")).messages[0].content.text
        slow = await client.get_prompt("investigate_slow_run", {"node": "llm_call"})
        assert "above all its node 'llm_call'" in slow.messages[0].content.text
        assert "why_slow(run=" in slow.messages[0].content.text


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("debug_run", {}, "No prompt 'debug_run'. Did you mean 'debug_failed_run'"),
        ("what_changed", {"graph": "x"}, "No argument 'graph'. Valid: 'run'. (of what_changed)"),
    ],
)
async def test_a_prompt_that_is_not_there_is_refused(
    source: Store, era: str, name: str, arguments: dict[str, str], says: str
):
    async with Client(build_server(source), mode=era) as client:
        with pytest.raises(MCPError) as refused:
            await client.get_prompt(name, arguments)
    assert refused.value.code == -32602
    assert says in refused.value.message


def _argument(name: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value}


GRAPH = ResourceTemplateReference(type="ref/resource", uri="graph://{graph}")
SLOW = PromptReference(type="ref/prompt", name="investigate_slow_run")


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("reference", "argument", "values"),
    [
        (SLOW, _argument("run", "run-"), ["run-a1b2c3d4e5f6"]),
        (SLOW, _argument("run", "LATEST"), ["latest", "latest-failed"]),
        (SLOW, _argument("run", "ightl"), ["nightly"]),
        (SLOW, _argument("node", ""), ["fetch", "llm_call", "save"]),
        (SLOW, _argument("node", "l"), ["llm_call"]),
        (
            ResourceTemplateReference(type="ref/resource", uri="graph://{graph}"),
            _argument("graph", ""),
            [ODD, "classify"],
        ),
        (ResourceTemplateReference(type="ref/resource", uri="run://{run}/steps"), _argument("run", "wf"), ["wf/1"]),
    ],
)
async def test_arguments_are_completed_by_what_was_recorded(
    source: Store, era: str, reference: Any, argument: dict[str, str], values: list[str]
):
    async with Client(build_server(source), mode=era) as client:
        found = await client.complete(reference, argument, {"run": "nightly"})
    assert list(found.completion.values) == values
    assert (found.completion.total, found.completion.has_more) == (len(values), False)


async def test_an_argument_that_nobody_has_is_not_completed(source: Store):
    async with Client(build_server(source), mode="legacy") as client:
        for reference, name in (
            (PromptReference(type="ref/prompt", name="x"), "run"),
            (SLOW, "graph"),
            (ResourceTemplateReference(type="ref/resource", uri="run://{x}"), "run"),
        ):
            with pytest.raises(MCPError) as refused:
                await client.complete(reference, _argument(name, ""))
            assert refused.value.code == -32602
