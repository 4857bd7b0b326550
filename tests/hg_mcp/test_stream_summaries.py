"""``summarize_run`` of every recorded stream of the real framework, whole, as an agent reads it.

Snapshots are in tests/data/summaries; ``HG_MCP_UPDATE=1`` writes them anew, to be read before they are committed.
"""

import json
import os
from pathlib import Path

import pytest

from recorder import Recorder
from tests.hg_mcp.conftest import ask_store
from tests.support.streams import STREAMS, replay

SNAPSHOTS = Path(__file__).parent.parent / "data" / "summaries"


@pytest.mark.parametrize("stream", STREAMS)
async def test_the_summary_of_a_stream(stream: str, tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        replay(recorder, stream)
    reply = await ask_store(tmp_path, "summarize_run", run="latest")
    assert reply.pop("about")["pid"] == os.getpid()
    text = json.dumps(reply, ensure_ascii=False, indent=1) + "\n"
    path = SNAPSHOTS / f"{stream}.json"
    if os.environ.get("HG_MCP_UPDATE"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
