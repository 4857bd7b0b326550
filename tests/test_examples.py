"""The examples run as a reader would run them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
COMMAND = [sys.executable, "-m", "hg_mcp"]


@pytest.fixture
def model_url() -> Iterator[str]:
    server = subprocess.Popen([sys.executable, EXAMPLES / "slow_model.py"], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    yield f"http://127.0.0.1:{int(server.stdout.readline())}"
    server.kill()
    server.communicate()


def test_the_pipeline_is_recorded_and_its_failures_are_found(model_url: str, tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    command = [sys.executable, EXAMPLES / "pipeline.py", model_url, store]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    assert printed == "50 documents, 6 failed\n"
    asked = [*COMMAND, "summarize_run", "latest", "--store", store, "--json"]
    summary = json.loads(subprocess.run(asked, check=True, capture_output=True, cwd=ROOT).stdout)
    assert summary["items"] == {"total": 50, "completed": 44, "failed": 6}
    assert [(fault["node"], fault["items"], fault["message"]) for fault in summary["faults"]] == [
        ("call_llm", "3, 11, 19, 28, 36, 44", "HTTP Error 504: Gateway Timeout")
    ]
    assert summary["slowest"][0]["node"] == "call_llm"
    asked = [*COMMAND, "node-stats", "latest", "--store", store, "--json"]
    stats = json.loads(subprocess.run(asked, check=True, capture_output=True, cwd=ROOT).stdout)
    counts = {node["node"]: (node["count"], node["errors"]) for node in stats["nodes"]}
    assert counts == {"classify": (50, 6), "call_llm": (50, 6), "clean": (50, 0), "to_row": (44, 0)}


def test_the_demo_records_serves_and_asks(tmp_path: Path) -> None:
    environment = {**os.environ, "HG_MCP_STORE": str(tmp_path / "store")}
    demo = subprocess.run(
        [sys.executable, EXAMPLES / "demo.py"], check=True, capture_output=True, text=True, cwd=ROOT, env=environment
    )
    assert "6 failed" in demo.stdout
    assert "'call_llm' raised 'urllib.error.HTTPError' in 6 items" in demo.stdout
    assert "get_step_values(" in demo.stdout
    assert str(tmp_path / "store") in demo.stdout.splitlines()[-1]
    assert (tmp_path / "store" / "runs.db").exists()
