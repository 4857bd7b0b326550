"""Rows arrived while pages were read: the last of one page is the first of the next, and is counted twice."""

from recorder import Recorder, node

SHIFT = {"by": 0}


@node
def fetch_page(number: int) -> list[dict[str, int]]:
    start = number * 3 - (SHIFT["by"] if number else 0)
    return [{"id": n, "cents": 100 + n} for n in range(start, start + 3)]


@node
def add_up(rows: list[dict[str, int]]) -> int:
    return sum(row["cents"] for row in rows)


def run(rec: Recorder, variant: str) -> None:
    SHIFT["by"] = 1 if variant == "bad" else 0
    with rec.run("revenue", inputs={"pages": 2}) as revenue:
        rows = [row for number in range(2) for row in fetch_page(number)]
        revenue.set_output(cents=add_up(rows))
