"""docs/live-hypergraph.md: what was seen on the real framework. Each part of ``make live`` writes its own section."""

import datetime as dt
import platform
import re
import sqlite3
import subprocess
from importlib.metadata import version
from pathlib import Path

from recorder.hot import how_compiled

REPORT = Path(__file__).parents[2] / "docs" / "live-hypergraph.md"
HEAD = """# On the real framework

Made by `make live HYPERGRAPH=DIR`, never by hand. hypergraph is installed from nobody's index and never committed here;
DIR is a copy of its repository.
"""


def put(title: str, text: str, framework: Path) -> None:
    """Replace a section, or append it; the others stay."""
    body = REPORT.read_text(encoding="utf-8") if REPORT.exists() else HEAD
    section = f"\n## {title}\n\n{_made(framework)}\n\n{text.strip()}\n"
    known = re.compile(rf"\n## {re.escape(title)}\n.*?(?=\n## |\Z)", re.DOTALL)
    body = known.sub(lambda _: section, body) if known.search(body) else body + section
    REPORT.write_text(body, encoding="utf-8")


def _made(framework: Path) -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("networkx", "pydantic", "msgspec", "pytest"))
    return (
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, hypergraph commit `{commit(framework)}`, hg-mcp commit "
        f"`{commit(Path(__file__).parent)}`, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        f"{packages}, {platform.system()}, {how_compiled()}."
    )


def commit(directory: Path) -> str:
    """The commit checked out there; ``unknown`` where there is no git."""
    found = subprocess.run(
        ["git", "-C", str(directory), "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or "unknown"
