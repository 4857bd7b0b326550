"""Runs every benchmark and writes docs/benchmarks.md: ``make bench``."""

from pathlib import Path

from benchmarks import asking, comparing, ingesting, keeping, logs, pauses, recording, slowing, starting, values
from benchmarks.scale import SCALE
from benchmarks.table import Row, rendered

TABLE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
ELSEWHERE = """
Beside MLflow (steps a second until they are persisted, too), Langfuse, LangSmith and Burr:
[benchmarks-peers.md](benchmarks-peers.md), which `make bench-peers` writes.
"""


def main() -> None:
    """Measure, print each row as it comes, write the table."""
    rows: list[Row] = []
    for part in (recording, pauses, slowing, values, logs, starting, ingesting, keeping, asking, comparing):
        for row in part.rows():
            print(f"{row.ratio:6.2f} ({row.promise})  {row.what}: {row.ours}; {row.other}", flush=True)
            rows.append(row)
    if SCALE == 1:
        TABLE.write_text(rendered(rows) + ELSEWHERE, encoding="utf-8")


if __name__ == "__main__":
    main()
