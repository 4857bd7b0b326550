"""The agent's side: what was recorded, asked through MCP tools or a shell.

``Recorder``, ``ValueTracer`` and ``node`` are the recorder's, found here too because people look for them under the
distribution's name.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recorder import Recorder, ValueTracer, node

__all__ = ["Recorder", "ValueTracer", "__version__", "node"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in {"Recorder", "ValueTracer", "node"}:
        import recorder  # lazy: `hg-mcp` itself records nothing

        return getattr(recorder, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
