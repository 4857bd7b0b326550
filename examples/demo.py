"""The main job from end to end: record a workload that fails, then ask about it as a coding agent does.

A model server in a process of its own answers slowly and with real 504s; a map takes 50 documents through three nodes;
then a real MCP client starts ``hg-mcp serve`` over stdio and asks.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters
from pipeline import DOCUMENTS, classify_all

from recorder import Recorder

STORE = Path(os.environ.get("HG_MCP_STORE", "demo-store")).resolve()
EXAMPLES = Path(__file__).parent


@contextmanager
def model_server() -> Generator[str]:
    """The model's URL while it is served."""
    process = subprocess.Popen([sys.executable, EXAMPLES / "slow_model.py"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.communicate()


def record() -> None:
    """Run the workload with a recorder attached."""
    with model_server() as url, Recorder(STORE, values=True) as rec:
        results = asyncio.run(classify_all(rec, url, DOCUMENTS))
    failed = sum(isinstance(result, Exception) for result in results)
    print(f"Recorded a map of {len(results)} documents into {STORE}: {failed} failed. Nothing else is known yet.\n")


async def ask() -> None:
    """Ask as an agent does: the summary first, then what it says to call next."""
    server = StdioServerParameters(command=sys.executable, args=["-m", "hg_mcp", "serve", "--store", str(STORE)])
    async with Client(server) as client:
        await call(client, "list_failed_runs", limit=3)
        summary = await call(client, "summarize_run", run="latest")
        await call(client, "node_stats", run="latest")
        for suggestion in summary["next"][:2]:
            await call(client, suggestion["tool"], **suggestion.get("arguments", {}), budget=600)


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """Call a tool and print the exchange."""
    written = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    print(f"── {tool}({written})")
    result = await client.call_tool(tool, arguments)
    reply: dict[str, Any] = result.structured_content or {}
    cost = -(-len(json.dumps(reply, ensure_ascii=False, separators=(",", ":")).encode()) // 4)
    print(json.dumps(reply, ensure_ascii=False, indent=2))
    print(f"── about {cost} tokens\n")
    return reply


if __name__ == "__main__":
    record()
    asyncio.run(ask())
    command = Path(sys.executable).parent / "hg-mcp"
    print(f"The store is yours to ask:\n    {command} summarize-run latest --store {STORE}")
