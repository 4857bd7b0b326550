import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from mcp import StdioServerParameters

from hg_mcp.queries.source import Store
from hg_mcp.tools.answering import answer
from tests.hg_mcp.recorded import map_of_50, write_store

ERAS = ["2026-07-28", "legacy"]
Ask = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture(scope="session")
def map_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_store(tmp_path_factory.mktemp("map"), map_of_50())


async def ask_store(directory: Path, tool: str, **arguments: Any) -> dict[str, Any]:
    """One question to a store, as the server and the shell ask it."""
    store = Store(str(directory))
    try:
        return json.loads(await answer(store, tool, arguments))
    finally:
        await store.close()


@pytest.fixture
def ask(map_store: Path) -> Ask:
    async def asked(tool: str, **arguments: Any) -> dict[str, Any]:
        return await ask_store(map_store, tool, **arguments)

    return asked


def stdio(*arguments: str, cwd: Path | None = None) -> StdioServerParameters:
    root = str(Path(__file__).parents[2])
    return StdioServerParameters(
        command=sys.executable,
        args=["-m", "hg_mcp", "serve", *arguments],
        cwd=cwd,
        env={"PYTHONPATH": root, "HG_MCP_STORE": ""},
    )
