"""A loop that goes on after any error: the run completes, one page is missing from the total."""

from recorder import Recorder, node


@node
def fetch_page(number: int, region: str) -> list[int]:
    if region == "eu-2":
        raise PermissionError("403 Forbidden")
    return [number * 10, number * 10 + 1]


@node
def fetch_all(pages: int, regions: list[str]) -> list[int]:
    rows: list[int] = []
    for number in range(pages):
        try:
            rows += fetch_page(number, regions[number % len(regions)])
        except PermissionError:
            continue
    return rows


def run(rec: Recorder, variant: str) -> None:
    regions = ["us-1", "us-2", "eu-1", "eu-2"]
    with rec.run("sync", inputs={"pages": 6}) as sync:
        sync.set_output(rows=len(fetch_all(6, regions)))
