"""What happens at nearly every event, in C where it was compiled.

The rules stand in Python, whole: ``Recorder.on_event``, ``Linker``, ``Journal.write`` and ``Redaction``. Where this
package was compiled, types of it take over what is ordinary: ``Gate`` the call and ``Lock`` its lock, a ``Handler`` for
each type of event the starts and ends of nodes and items, ``Writer`` the frames, ``Scanner`` the first look for
secrets. They work on the state of those classes, write the same bytes, and hand everything else to the rule.
``HG_MCP_PURE=1`` keeps to Python, and so does a free-threaded interpreter, whose lock the module would bring back.
"""

import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol, cast

__all__ = ["Hot", "compiled", "how_compiled"]


class Hot(Protocol):
    """The compiled module."""

    Gate: Callable[..., Any]
    Handler: Callable[..., Any]
    Lock: Callable[..., Any]
    Ordinary: Callable[..., Any]
    Scanner: Callable[..., Any]
    Writer: Callable[..., Any]


def compiled() -> Hot | None:
    """The compiled module; None where Python is to do its work."""
    if os.environ.get("HG_MCP_PURE", "0") not in {"", "0"} or not getattr(sys, "_is_gil_enabled", lambda: True)():
        return None
    try:
        return cast("Hot", import_module("recorder.hot._hot"))
    except ImportError:
        return None


def how_compiled() -> str:
    """What reports of speed say of it."""
    return "recorder in Python" if compiled() is None else "recorder compiled"
