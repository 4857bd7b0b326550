"""Asking as an agent does that knows nothing of the program: first the summary, then what replies suggest."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from mcp import Client

from hg_mcp.queries.paths import follow, read_path
from hg_mcp.queries.source import Store
from hg_mcp.server import build_server

__all__ = ["Investigation", "at", "investigation"]


class Investigation:
    """The calls about a store and what they cost; ``reply`` is the last answer."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.replies: list[dict[str, Any]] = []

    @property
    def reply(self) -> dict[str, Any]:
        return self.replies[-1]

    @property
    def tokens(self) -> int:
        """As a budget counts them: four bytes each."""
        return sum(-(-len(msgspec.json.encode(reply)) // 4) for reply in self.replies)

    async def begin(self, run: str = "latest") -> dict[str, Any]:
        """The one call that an agent knows by heart."""
        return await self._ask("summarize_run", {"run": run})

    async def follow(self, tool: str = "") -> dict[str, Any]:
        """The first call that the last reply suggests; with ``tool`` the first one of that tool."""
        suggested = [one for one in self.reply["next"] if tool in ("", one["tool"])]
        assert suggested, f"no call of {tool or 'any tool'} is suggested in {self.reply['next']}"
        return await self._ask(suggested[0]["tool"], suggested[0]["arguments"])

    async def _ask(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        result = await self._client.call_tool(tool, arguments)
        assert not result.is_error, f"{tool} {arguments}: {result.content}"
        self.calls.append((tool, arguments))
        self.replies.append(result.structured_content)
        return self.reply


def at(reply: dict[str, Any], path: str) -> Any:
    """What stands at a path of a reply, such as ``first.step`` or ``hops[-1].value``."""
    return follow(reply, ("reply", *read_path(path))).value


@asynccontextmanager
async def investigation(store: Path) -> AsyncIterator[Investigation]:
    """An investigation of a store, through a real MCP client and the server in this process."""
    source = Store(str(store))
    try:
        async with Client(build_server(source)) as client:
            yield Investigation(client)
    finally:
        await source.close()
