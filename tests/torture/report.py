"""docs/torture.md: what ``make torture`` saw. The short forms of the ordinary suite leave it alone."""

import datetime as dt
import os
import platform
import sqlite3
from pathlib import Path

import msgspec

from tests.live.report import commit

__all__ = ["IS_LONG", "finish", "note", "scaled"]

IS_LONG = os.environ.get("HG_MCP_TORTURE") == "1"
"""Whether this is ``make torture``."""

_REPORT = Path(__file__).parents[2] / "docs" / "torture.md"
_HEAD = """# Under torture

Made by `make torture`, never by hand: what was done to recorders, ingesters and readers, and what was seen. Every line
stands for a test that fails if anything is lost, doubled, invented or wrongly called crashed; times are reported and
never asserted. The ordinary suite runs a short form of each.
"""
_sections: dict[str, list[str]] = {}


def scaled(short: int, long: int) -> int:
    """A count: of the ordinary suite, or of ``make torture``."""
    return long if IS_LONG else short


def note(section: str, line: str) -> None:
    """Say in the report what a test saw."""
    _sections.setdefault(section, []).append(line)


def finish() -> None:
    """Write the report of a long form, with what it was made on."""
    if not IS_LONG or not _sections:
        return
    made = (
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, commit `{commit(_REPORT.parent)}`, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, msgspec {msgspec.__version__}, {platform.system()}, {os.cpu_count()} cores."
    )
    body = "".join(f"\n## {title}\n\n" + "".join(f"* {line}\n" for line in lines) for title, lines in _sections.items())
    _REPORT.write_text(f"{_HEAD}\n{made}\n{body}", encoding="utf-8")
