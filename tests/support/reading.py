"""Reads a store back the way a reader process does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from recorder.ingest import Follower, open_reader
from recorder.location import find_store
from recorder.store.protocols import RunReader
from recorder.store.records import Backlog, Run, Step, StepFilter

EVERY_STEP = StepFilter()


def ingested(store: Path, timeout: float = 30) -> Backlog:
    """Bring every journal of the store into it."""
    return Follower(find_store(store)).catch_up(timeout)


@asynccontextmanager
async def reading(store: Path) -> AsyncIterator[RunReader]:
    """A reader of the store, caught up."""
    ingested(store)
    reader = open_reader(find_store(store))
    try:
        yield reader
    finally:
        await reader.close()


async def only_run(reader: RunReader) -> Run:
    """The store's one run."""
    from recorder.store.records import RunFilter

    (run,) = await reader.runs(RunFilter(), limit=10)
    return run


async def all_steps(reader: RunReader, run: Run) -> list[Step]:
    """Every row of a run, in start order."""
    return await reader.steps(run.key, EVERY_STEP, limit=100_000)
