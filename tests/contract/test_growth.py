"""What a question costs does not grow with the history: SQLite's own steps are counted in a long and a short store."""

import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import pytest

from recorder.journal.frames import INPUT, ErrorRecord, Frame, ValuesFrame
from recorder.store.protocols import RunReader
from recorder.store.records import RunFilter, SegmentState, StepFilter
from recorder.store.sqlite import SqliteReader, SqliteWriter, is_unindexed
from tests.contract.building import DAY, HOUR, SEGMENT, T0, entry, process, run, step

Question = Callable[[RunReader], Awaitable[object]]

LETTERS: Final = str.maketrans("0123456789abcdef", "ghijklmnopqrstuv")
SHORT: Final = 300
LONG: Final = 3_000


class Steps:
    """Counts what SQLite's machine does, in tens of instructions, on every connection opened while it is in place."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.taken = 0
        self._connect = sqlite3.connect
        monkeypatch.setattr(sqlite3, "connect", self._counted)

    def _counted(self, *arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = self._connect(*arguments, **options)
        connection.set_progress_handler(self._one_more, 10)
        return connection

    def _one_more(self) -> int:
        self.taken += 1
        return 0


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    return Steps(monkeypatch)


def filled(path: Path, runs: int) -> str:
    """A store of so many runs, one an hour until T0, all indexed."""
    place = str(path / f"{runs}.db")
    writer = SqliteWriter(place)
    frames = [process()]
    for number in range(1, runs + 1):
        at = T0 - (runs - number) * HOUR
        frames += [
            step(1, run=number, started_at=at + 1, ended_at=at + 2),
            run(number, "completed", started_at=at, ended_at=at + 9, duration_ms=9.0, steps=1),
        ]
    writer.apply("rec1", frames, SegmentState(name=SEGMENT, offset=1))
    while writer.index_some():
        pass
    writer.close()
    return place


async def cost(path: str, question: Question, steps: Steps) -> int:
    reader = SqliteReader(path)
    await question(reader)  # opens the connection
    before = steps.taken
    await question(reader)
    await reader.close()
    return steps.taken - before


def assert_flat(taken: list[int]) -> None:
    """Ten times the history would take ten times as much; what is allowed beyond as much is for deeper trees."""
    short, long = taken
    assert long <= 1.5 * short + 200, taken


QUESTIONS: Final[dict[str, Question]] = {
    "a search that finds nothing": lambda reader: reader.search(["nowhere"], RunFilter(), limit=20),
    "the latest runs": lambda reader: reader.runs(RunFilter(), limit=20),
    "the latest failed run": lambda reader: reader.latest_run(failed=True),
    "a run by its id": lambda reader: reader.match_runs("run-0100"),
    "how many runs there are": lambda reader: reader.count_runs(RunFilter()),
    "how many failed": lambda reader: reader.count_runs(RunFilter(failed=True)),
    "how many of a graph came to an end before": lambda reader: reader.count_runs(
        RunFilter(graph="classify", statuses=("completed", "failed"), until=T0 - DAY)
    ),
    "a week of a graph's nodes": lambda reader: reader.windows("classify", T0 - 7 * DAY - 9, T0 + 9),
    "the graphs": lambda reader: reader.graphs(),
    "the latest structure": lambda reader: reader.latest_structure("classify"),
}


@pytest.mark.parametrize("name", QUESTIONS)
async def test_a_question_costs_as_much_in_a_long_history_as_in_a_short_one(
    tmp_path: Path, steps: Steps, name: str
) -> None:
    short, long = [await cost(filled(tmp_path, runs), QUESTIONS[name], steps) for runs in (SHORT, LONG)]
    assert_flat([short, long])


async def test_the_ends_of_a_window_cost_what_their_hours_hold(tmp_path: Path, steps: Steps) -> None:
    path = filled(tmp_path, LONG)
    half, whole = [
        await cost(path, lambda reader, end=end: reader.windows("classify", T0 - end, T0 - DAY + HOUR // 2), steps)
        for end in (2 * DAY + HOUR // 2, 2 * DAY + 23 * HOUR + HOUR // 2)
    ]
    assert whole <= 2 * half, (half, whole)


def filled_run(path: Path, steps: int) -> str:
    """A store of one run with so many steps of one node, each with an input."""
    place = str(path / f"{steps}-steps.db")
    writer = SqliteWriter(place)
    frames: list[Frame] = [process(), run(1, "completed", steps=steps)]
    for number in range(1, steps + 1):
        given = entry("doc", number.to_bytes(16), b"1")
        frames += [step(number, path=f"[{number}]/fetch"), ValuesFrame(1, number, INPUT, (given,))]
    writer.apply("rec1", frames, SegmentState(name=SEGMENT, offset=1))
    writer.close()
    return place


@pytest.mark.parametrize("name", ["", "doc"])
async def test_a_page_of_values_costs_as_much_in_a_long_run_as_in_a_short_one(
    tmp_path: Path, steps: Steps, name: str
) -> None:
    def page(reader: RunReader) -> Awaitable[object]:
        which = StepFilter(nodes_only=True)
        return reader.values_across(1, which, name=name, direction="input", with_data=True, limit=20, after=100)

    assert_flat([await cost(filled_run(tmp_path, length), page, steps) for length in (SHORT, LONG)])


def test_nothing_new_to_index_is_known_without_reading_the_history(tmp_path: Path, steps: Steps) -> None:
    taken: list[int] = []
    for runs in (SHORT, LONG):
        path = filled(tmp_path, runs)
        before = steps.taken
        assert not is_unindexed(path)
        taken.append(steps.taken - before)
    assert_flat(taken)


@pytest.mark.parametrize("alike", [True, False])
def test_an_error_more_is_written_without_reading_those_that_a_run_has(
    tmp_path: Path, steps: Steps, *, alike: bool
) -> None:
    def failures(numbers: range) -> list[Frame]:
        words = {number: "lost" if alike else f"{number:x}".translate(LETTERS) for number in numbers}
        return [step(number, "failed", error=ErrorRecord("OSError", word)) for number, word in words.items()]

    taken: list[int] = []
    for count in (SHORT, LONG):
        writer = SqliteWriter(str(tmp_path / f"{count}.db"))
        writer.apply("rec1", [process(), run(1), *failures(range(1, count))], SegmentState(name=SEGMENT, offset=1))
        before = steps.taken
        writer.apply(
            "rec1", [*failures(range(count, count + 10)), step(count + 10)], SegmentState(name=SEGMENT, offset=2)
        )
        taken.append(steps.taken - before)
        writer.close()
    assert_flat(taken)


def test_a_new_run_is_indexed_without_reading_the_history(tmp_path: Path, steps: Steps) -> None:
    taken: list[int] = []
    for runs in (SHORT, LONG):
        writer = SqliteWriter(filled(tmp_path, runs))
        ended = run(runs + 1, "completed", started_at=T0 + HOUR, ended_at=T0 + HOUR + 9, duration_ms=9.0)
        writer.apply("rec1", [ended], SegmentState(name=SEGMENT, offset=2))
        before = steps.taken
        assert writer.index_some() == 1
        taken.append(steps.taken - before)
        writer.close()
    assert_flat(taken)
