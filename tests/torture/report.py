"""docs/torture.md: what ``make torture`` saw, section by section. The ordinary suite leaves it alone."""

import datetime as dt
import os
import platform
import re
import sqlite3
from pathlib import Path

import msgspec

from recorder.hot import how_compiled
from tests.live.report import commit

__all__ = ["IS_LONG", "finish", "note", "scaled"]

IS_LONG = os.environ.get("HG_MCP_TORTURE") == "1"
"""Whether this is ``make torture``."""

_REPORT = Path(__file__).parents[2] / "docs" / "torture.md"
_HEAD = """# Under torture

Made by `make torture`, never by hand: what was done to recorders, ingesters and readers, and what was seen. Every line
stands for a test that fails if anything is lost, doubled, invented or wrongly called crashed; times are reported and
never asserted. The ordinary suite runs a short form of each.

Not tried: power loss, network file systems, macOS, and CPython without the GIL: none could be installed where this was
made (Debian's packages have none, and what `uv python install 3.13t` downloads was out of reach).
"""
_sections: dict[str, list[str]] = {}


def scaled(short: int, long: int) -> int:
    """A count: of the ordinary suite, or of ``make torture``."""
    return long if IS_LONG else short


def note(section: str, line: str) -> None:
    """Say in the report what a test saw."""
    _sections.setdefault(section, []).append(line)


def finish() -> None:
    """Write the sections of a long form, each with what it was made on; those of other tests stay."""
    if not IS_LONG:
        return
    made = (
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, commit `{commit(_REPORT.parent)}`, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, msgspec {msgspec.__version__}, {platform.system()}, {os.cpu_count()} "
        f"cores, {how_compiled()}."
    )
    body = _REPORT.read_text(encoding="utf-8") if _REPORT.exists() else _HEAD
    for title, lines in sorted(_sections.items()):
        section = f"\n## {title}\n\n{made}\n\n" + "".join(f"* {line}\n" for line in lines)
        known = re.compile(rf"\n## {re.escape(title)}\n.*?(?=\n## |\Z)", re.DOTALL)
        body = known.sub(lambda _, section=section: section, body) if known.search(body) else body + section
    _REPORT.write_text(body, encoding="utf-8")
