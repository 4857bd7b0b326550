"""Runs every benchmark and writes docs/benchmarks.md: ``make bench``."""

from pathlib import Path

from benchmarks import asking, ingesting, logs, recording, starting, values
from benchmarks.table import Row, rendered

TABLE = Path(__file__).parent.parent / "docs" / "benchmarks.md"


def main() -> None:
    """Measure, print each row as it comes, write the table."""
    rows: list[Row] = []
    for part in (recording, values, logs, starting, ingesting, asking):
        for row in part.rows():
            print(f"{row.ratio:6.2f} (promised <= {row.limit:.2f})  {row.what}: {row.ours}; {row.other}", flush=True)
            rows.append(row)
    TABLE.write_text(rendered(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
