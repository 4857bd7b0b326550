"""``summarize_run`` and ``explain_failure`` of every recorded stream of the real framework, as an agent reads it.

Snapshots are in tests/data/summaries and tests/data/explanations; ``HG_MCP_UPDATE=1`` writes them anew, to be read
before they are committed.
"""

import json
import os
from pathlib import Path

import pytest

from recorder import Recorder
from tests.hg_mcp.conftest import ask_store
from tests.support.streams import STREAMS, replay

SNAPSHOTS = Path(__file__).parent.parent / "data"


@pytest.mark.parametrize("stream", STREAMS)
async def test_the_summary_of_a_stream(stream: str, tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        replay(recorder, stream)
    reply = await ask_store(tmp_path, "summarize_run", run="latest")
    assert reply.pop("about")["pid"] == os.getpid()
    assert_snapshot(SNAPSHOTS / "summaries" / f"{stream}.json", reply)


@pytest.mark.parametrize("stream", STREAMS)
async def test_the_explanation_of_a_stream(stream: str, tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        replay(recorder, stream)
    reply = await ask_store(tmp_path, "explain_failure", run="latest")
    assert_snapshot(SNAPSHOTS / "explanations" / f"{stream}.json", reply)


def assert_snapshot(path: Path, reply: dict[str, object]) -> None:
    text = json.dumps(reply, ensure_ascii=False, indent=1) + "\n"
    if os.environ.get("HG_MCP_UPDATE"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
