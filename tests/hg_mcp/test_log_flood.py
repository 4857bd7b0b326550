"""A step that floods its log and fails: an agent finds the flood, what is left of it, and how much is not."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot
from mcp import Client

from tests.hg_mcp.conftest import ERAS, stdio

PROGRAM = """
import logging, sys
from recorder import Recorder, node

log = logging.getLogger("app")
logging.getLogger().addHandler(logging.NullHandler())
logging.getLogger().setLevel("INFO")

@node
def fetch() -> None:
    log.info("starting")

@node
def poll() -> None:
    for number in range(10_000):
        log.info("poll %d: not ready", number)
    log.error("giving up on %s", "shard 7", extra={"shard": 7})
    raise TimeoutError("never ready")

recorder = Recorder(sys.argv[1])
recorder.capture_logs()
with recorder.run("nightly"):
    fetch()
    poll()
"""


@pytest.fixture(scope="module")
def flooded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("flooded")
    root = str(Path(__file__).parents[2])
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(store)], capture_output=True, env={"PYTHONPATH": root}, check=False
    )
    assert ended.stderr.endswith(b"TimeoutError: never ready\n")
    return store


@pytest.mark.parametrize("era", ERAS)
async def test_an_agent_gets_from_the_failed_run_to_the_flood_by_the_calls_it_is_given(flooded: Path, era: str):
    async with Client(stdio("--store", str(flooded)), mode=era) as client:

        async def ask(tool: str, **arguments: Any) -> dict[str, Any]:
            result = await client.call_tool(tool, arguments)
            assert not result.is_error, result.content
            return result.structured_content

        story = await ask("summarize_run")
        assert story["record_lacks"] == snapshot(["Log records beyond a step's share, counted only: 9,800."])
        (lead,) = [call for call in story["next"] if call["tool"] == "get_logs"]
        assert (lead["arguments"]["step"], lead["reason"]) == snapshot(("poll", "what that step logged"))

        logs = await ask(lead["tool"], **lead["arguments"])
        assert logs["summary"] == snapshot(
            "201 log records of step 'poll', here in 2 lines, 1 of level ERROR or above here. "
            "Never stored, beyond a step's share: 9,800."
        )
        assert logs["dropped"] == {"INFO": 9_800}
        assert [(line["message"], line["count"]) for line in logs["lines"]] == snapshot(
            [("poll 0: not ready", 200), ("giving up on shard 7", 1)]
        )
        assert logs["lines"][1]["fields"] == {"shard": 7}
        assert (await ask("get_logs", level="error"))["total"] == 1


async def test_a_question_about_logs_that_cannot_be_answered_says_what_can(flooded: Path):
    async with Client(stdio("--store", str(flooded)), mode=ERAS[0]) as client:
        for arguments, says in (
            ({"level": "loud"}, "Valid: 'debug', 'info', 'warning', 'error', 'critical'"),
            ({"step": "pol"}, "Nearest: 'poll'"),
        ):
            result = await client.call_tool("get_logs", arguments)
            assert result.is_error
            assert says in result.content[0].text
