"""One question answered, from arguments to bytes: the only way, for the server and the shell alike."""

from collections.abc import Mapping
from typing import Any

from hg_mcp.errors import StoreRefusedError, UnknownToolError
from hg_mcp.queries.source import Source
from hg_mcp.tools import TOOLS
from recorder.errors import RecorderError

__all__ = ["answer"]


async def answer(source: Source, name: str, arguments: Mapping[str, Any]) -> bytes:
    """The reply of a tool as compact JSON within its budget.

    Raises:
        CannotAnswer: No such tool, bad arguments, no store, or nothing there by that name.
    """
    tool = TOOLS.get(name)
    if tool is None:
        raise UnknownToolError(name, list(TOOLS))
    checked = tool.check(arguments)
    budget = checked.pop("budget")
    reader, backlog = await source.current()
    try:
        reply = await tool.ask(reader, **checked)
    except RecorderError as refused:
        raise StoreRefusedError(str(refused)) from None
    asked = {"tool": name, "arguments": dict(arguments)}
    encoded: bytes = reply.encoded(budget=budget, asked=asked, backlog=backlog)
    return encoded
