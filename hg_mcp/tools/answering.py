"""One question answered, from arguments to bytes: the only way, for the server and the shell alike."""

from collections.abc import Mapping
from typing import Any

from hg_mcp.errors import NoRunsError, NotReadYetError, StoreRefusedError, UnknownRunError, UnknownToolError
from hg_mcp.queries.source import Source
from hg_mcp.queries.watch import Tell, Watch
from hg_mcp.tools import TOOLS
from recorder.errors import RecorderError

__all__ = ["answer", "untold"]


async def untold(_waited: float, _most: float, _doing: str) -> None:
    """Nobody wants to know how a wait goes."""


async def answer(source: Source, name: str, arguments: Mapping[str, Any], *, tell: Tell = untold) -> bytes:
    """The reply of a tool as compact JSON within its budget. One that waits says to ``tell`` how it goes.

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
        reply = await tool.ask(Watch(source, tell) if tool.waits else reader, **checked)
    except (NoRunsError, UnknownRunError) as missing:
        raise (NotReadYetError(missing, backlog.bytes) if backlog.bytes else missing) from None
    except RecorderError as refused:
        raise StoreRefusedError(str(refused)) from None
    if tool.waits:
        _, backlog = await source.current()
    asked = {"tool": name, "arguments": dict(arguments)}
    encoded: bytes = reply.encoded(budget=budget, asked=asked, backlog=backlog)
    return encoded
