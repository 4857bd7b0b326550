"""A process to be killed: it reads the store again and again, and tells every status of a run it saw.

``python -m tests.torture.reader STORE``; when its standard input is closed it ends, and tells how long its longest
answer took.
"""

import asyncio
import select
import sys
import time

from recorder.errors import NoStoreError
from recorder.ingest import Follower, open_reader
from recorder.location import StoreLocation
from recorder.store.records import RunFilter, StepFilter


async def answer(location: StoreLocation) -> set[str]:
    """What a tool does: catch up, then ask."""
    Follower(location).catch_up()
    try:
        reader = open_reader(location)
    except NoStoreError:  # nobody has recorded yet
        return set()
    try:
        runs = await reader.runs(RunFilter(), limit=200)
        for run in runs[:3]:
            await reader.steps(run.key, StepFilter(), limit=50)
        return {run.status for run in runs}
    finally:
        await reader.close()


def main(store: str) -> None:
    """Answer until standard input is closed."""
    longest = 0.0
    while not _is_over():
        started = time.monotonic()
        statuses = asyncio.run(answer(StoreLocation(store)))
        longest = max(longest, time.monotonic() - started)
        print(*sorted(statuses), flush=True)
    print("longest", longest, flush=True)


def _is_over() -> bool:
    return bool(select.select([sys.stdin], [], [], 0)[0])


if __name__ == "__main__":
    main(sys.argv[1])
