"""The agent's side: what was recorded, asked through MCP tools or a shell.

``Recorder``, ``ValueTracer``, ``node`` and ``current_step`` are the recorder's, found here too because people look for
them under the distribution's name.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recorder import Recorder, ValueTracer, current_step, node

__all__ = ["Recorder", "ValueTracer", "__version__", "current_step", "node"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in {"Recorder", "ValueTracer", "current_step", "node"}:
        import recorder  # lazy: `hg-mcp` itself records nothing

        return getattr(recorder, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
