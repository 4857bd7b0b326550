"""What a question that waits asks with. Apart from its source, so that ``hg-mcp --help`` loads no event loop."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recorder.store.protocols import RunReader

if TYPE_CHECKING:
    from hg_mcp.queries.source import Source

__all__ = ["Tell", "Watch"]

Tell = Callable[[float, float, str], Awaitable[None]]
"""Is told how a wait goes: the seconds waited, the most that will be, and what goes on."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Looks again and again, and tells how it goes."""

    source: "Source"
    tell: Tell

    async def look(self) -> RunReader:
        """A reader that knows what was recorded until now."""
        return (await self.source.current())[0]
