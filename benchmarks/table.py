"""The table that a benchmark run leaves behind."""

import os
import platform
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from recorder.hot import how_compiled

__all__ = ["Row", "rendered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One comparison: our figure, the other's in the same run, and their ratio against what was promised.

    Costs promise a ratio of at most ``limit``, speeds one of ``at_least`` it.
    """

    what: str
    ours: str
    other: str
    ratio: float
    limit: float
    at_least: bool = False

    @property
    def promise(self) -> str:
        """What the ratio has to be, and whether it is not."""
        holds = self.ratio >= self.limit if self.at_least else self.ratio <= self.limit
        return f"{'≥' if self.at_least else '≤'} {self.limit:.2f}" + ("" if holds else " **missed**")


HEAD = """# Benchmarks

Made by `{made_by}`; every ratio is of two figures taken side by side in one run, so a noisy machine moves both.
Absolute figures belong to the machine of the run: {machine}.

| what | ours | beside it | ratio | promised |
|---|---|---|---|---|
"""


def rendered(rows: Sequence[Row], made_by: str = "make bench") -> str:
    """The table in Markdown, with the command that makes it."""
    versions = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {platform.system()}"
    machine = f"{os.cpu_count()} cores, {versions}, {how_compiled()}"
    lines = [f"| {row.what} | {row.ours} | {row.other} | {row.ratio:.2f} | {row.promise} |" for row in rows]
    return HEAD.format(machine=machine, made_by=made_by) + "\n".join(lines) + "\n"
