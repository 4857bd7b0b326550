"""The table that a benchmark run leaves behind."""

import os
import platform
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Row", "rendered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One comparison: our figure, the other's in the same run, and their ratio against what was promised."""

    what: str
    ours: str
    other: str
    ratio: float
    limit: float

    @property
    def holds(self) -> bool:
        """Whether the ratio is within its limit."""
        return self.ratio <= self.limit


HEAD = """# Benchmarks

Made by `{made_by}`; every ratio is of two figures taken side by side in one run, so a noisy machine moves both.
Absolute figures belong to the machine of the run: {machine}.

| what | ours | beside it | ratio | promised |
|---|---|---|---|---|
"""


def _verdict(row: Row) -> str:
    return "" if row.holds else " **missed**"


def rendered(rows: Sequence[Row], made_by: str = "make bench") -> str:
    """The table in Markdown, with the command that makes it."""
    versions = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {platform.system()}"
    machine = f"{os.cpu_count()} cores, {versions}"
    lines = [
        f"| {row.what} | {row.ours} | {row.other} | {row.ratio:.2f} | ≤ {row.limit:.2f}{_verdict(row)} |"
        for row in rows
    ]
    return HEAD.format(machine=machine, made_by=made_by) + "\n".join(lines) + "\n"
