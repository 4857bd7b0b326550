"""A store that another program keeps to itself: recorders do not notice, readers answer what they can or say why not,
and afterwards everything is there once."""

import asyncio
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hg_mcp.doctor import examine
from hg_mcp.errors import StoreRefusedError
from hg_mcp.queries.source import Store
from recorder import Recorder
from recorder.store.records import RunFilter
from tests.support.emitting import end, node, start
from tests.support.reading import all_steps, ingested, only_run, reading
from tests.torture.holding import HOLDS
from tests.torture.report import note, scaled
from tests.torture.test_kill import python

HELD_S = scaled(1, 60)
STEPS = 100


@contextmanager
def held(store: Path, what: str) -> Iterator[None]:
    holder = python("tests.torture.holding", str(store), what, stdin=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    yield
    holder.communicate(timeout=30)
    assert holder.returncode == 0


async def answer(store: Path) -> str:
    """What a question is answered by a process that has nothing open yet: a run's status and what is behind."""
    source = Store(str(store))
    try:
        async with asyncio.timeout(30):
            reader, backlog = await source.current()
            (run,) = await reader.runs(RunFilter(), limit=9)
        return f"{run.status}, {'behind' if backlog.bytes else 'current'}"
    except StoreRefusedError as refused:
        return str(refused)
    finally:
        await source.close()


async def test_what_another_program_holds_is_read_as_far_as_it_can_be_and_caught_up_with_after(tmp_path: Path) -> None:
    await asyncio.gather(*(check(tmp_path / what, what) for what in HOLDS))


async def check(store: Path, what: str) -> None:
    slowest_step = slowest_answer = 0.0
    answers: set[str] = set()
    spans = ["before"]
    with Recorder(store) as recorder:
        start(recorder)
        node(recorder, "before")
        ingested(store)
        with held(store, what):
            until = time.monotonic() + HELD_S
            while time.monotonic() < until:
                for _ in range(STEPS):
                    spans.append(f"held-{len(spans)}")
                    began = time.perf_counter()
                    node(recorder, spans[-1])
                    slowest_step = max(slowest_step, time.perf_counter() - began)
                began = time.perf_counter()
                answers.add(await answer(store))
                slowest_answer = max(slowest_answer, time.perf_counter() - began)
        end(recorder)
        assert recorder._tally.events_lost == 0
    (said,) = answers
    assert "another program has it locked" in said if what == "everything" else said == "running, behind"
    async with reading(store) as reader:
        run = await only_run(reader)
        assert [step.span for step in await all_steps(reader, run)] == spans
        assert (run.status, run.worker.events_lost) == ("completed", 0)
    note(
        "Held stores",
        f"{what}, for {HELD_S} s: {len(spans):,} steps recorded meanwhile, each there once after; the longest took "
        f'{slowest_step * 1e3:.0f} ms, the longest answer {slowest_answer * 1e3:,.0f} ms ("{said.split("/")[-1]}").',
    )


def test_the_doctor_says_that_a_database_is_locked_and_not_that_it_should_be_moved_away(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        start(recorder)
        end(recorder)
    ingested(tmp_path)
    with held(tmp_path, "everything"):
        reply, is_well = examine(str(tmp_path))
    (finding,) = [finding for finding in json.loads(reply)["findings"] if finding["about"] == "database"]
    assert not is_well
    assert "another program has it locked" in finding["says"]
    assert finding["do"].startswith("wait for that program, or end it")
