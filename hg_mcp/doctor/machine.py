"""This machine and this shell: versions, and the settings that decide what is recorded and read."""

import os
import platform
import sqlite3
from collections.abc import Iterator
from importlib.metadata import version

from hg_mcp import __version__
from hg_mcp.doctor.findings import Finding, notice, ok, problem

__all__ = ["settings", "versions"]


def versions() -> Iterator[Finding]:
    """What is installed here."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("mcp", "msgspec", "pydantic"))
    python = f"{platform.python_implementation()} {platform.python_version()}"
    yield ok("versions", f"hg-mcp {__version__}, {python}, SQLite {sqlite3.sqlite_version}, {packages}")


def settings() -> Iterator[Finding]:
    """Variables of the environment."""
    if os.environ.get("HG_MCP_DISABLED", "0") not in {"", "0"}:
        yield problem(
            "settings", "HG_MCP_DISABLED is set: programs started here record nothing", "unset HG_MCP_DISABLED"
        )
    if store := os.environ.get("HG_MCP_STORE"):
        yield notice("settings", f"HG_MCP_STORE={store} decides where programs started here record")
