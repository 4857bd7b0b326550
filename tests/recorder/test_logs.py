"""Log records are stored with the step in which they are logged, whoever logs them; nothing else changes."""

import asyncio
import io
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import structlog

from recorder import Recorder, node
from recorder.store.records import LogEntry, LogFilter, RunFilter
from tests.support.reading import only_run, reading

log = logging.getLogger("app.llm")
EVERY_LOG = LogFilter()


@pytest.fixture(autouse=True)
def debugging() -> Iterator[None]:
    before, log.level = log.level, logging.DEBUG
    yield
    log.setLevel(before)


async def logs_of(store: Path, run_id: str = "") -> list[LogEntry]:
    async with reading(store) as reader:
        runs = await reader.runs(RunFilter(), limit=10)
        run = next(run for run in runs if run.run_id.startswith(run_id))
        return await reader.logs(run.key, EVERY_LOG, limit=10_000)


async def places(store: Path) -> list[tuple[str, str, str]]:
    return [(entry.message, entry.path, entry.place) for entry in await logs_of(store)]


@node
def call(prompt: str) -> str:
    log.info("asking %s", prompt)
    return prompt


@node
async def call_later(prompt: str) -> None:
    await asyncio.sleep(0)
    log.info("asking %s", prompt)


async def test_a_record_is_stored_with_its_step_and_what_it_says(tmp_path: Path) -> None:
    with Recorder(tmp_path) as rec, rec.capture_logs(), rec.run("job"):
        call("a")
    (entry,) = await logs_of(tmp_path)
    assert (entry.path, entry.message, entry.level, entry.level_name) == ("call", "asking a", 20, "INFO")
    assert (entry.logger, entry.place, Path(entry.file).name) == ("app.llm", "step", "test_logs.py")
    assert (entry.error_type, entry.fields) == (None, {})


async def test_what_is_logged_outside_any_step_belongs_to_the_run_and_outside_runs_to_nobody(tmp_path: Path) -> None:
    with Recorder(tmp_path) as rec, rec.capture_logs():
        log.info("before")
        with rec.run("job"):
            call("a")
            log.info("between")
        log.info("behind")
    assert await places(tmp_path) == [("asking a", "call", "step"), ("between", "", "between_steps")]


async def test_tasks_and_items_of_a_map_are_told_apart(tmp_path: Path) -> None:
    with Recorder(tmp_path) as rec, rec.capture_logs():
        await rec.map(call_later, ["a", "b", "c"], name="job")
    assert sorted(await places(tmp_path)) == [
        (f"asking {prompt}", f"[{index}]/call_later", "step") for index, prompt in enumerate("abc")
    ]


async def test_a_thread_that_a_step_starts_logs_for_that_step(tmp_path: Path) -> None:
    @node
    def starts(name: str) -> None:
        thread = threading.Thread(target=lambda: log.info("in a thread of %s", name))
        thread.start()
        thread.join()

    with Recorder(tmp_path) as rec, rec.capture_logs():
        rec.map(starts, ["a", "b"], max_concurrency=2, name="job")
    assert sorted(await places(tmp_path)) == [
        ("in a thread of a", "[0]/starts", "step"),
        ("in a thread of b", "[1]/starts", "step"),
    ]


async def test_a_pool_of_the_recorders_carries_the_step_and_of_a_bare_one_only_the_run_is_known(tmp_path: Path) -> None:
    @node
    def submits(pool: ThreadPoolExecutor, carried: ThreadPoolExecutor) -> None:
        carried.submit(log.info, "carried").result()
        pool.submit(log.info, "bare").result()

    with Recorder(tmp_path) as rec, rec.capture_logs(), rec.run("job"), ThreadPoolExecutor(1) as pool:
        submits(pool, rec.executor(pool))
    assert await places(tmp_path) == [("carried", "submits", "step"), ("bare", "", "unknown_step")]


async def test_among_several_runs_nobody_guesses_and_the_record_is_counted(tmp_path: Path) -> None:
    with Recorder(tmp_path) as rec, rec.capture_logs(), ThreadPoolExecutor(1) as pool, rec.run("job"):
        rec.on_event(_start_of_another_run())
        pool.submit(log.info, "whose?").result()
    async with reading(tmp_path) as reader:
        run = (await reader.runs(RunFilter(graph="job"), limit=1))[0]
        assert run.worker.logs_unplaced == 1
        assert await reader.logs(run.key, EVERY_LOG, limit=9) == []


def _start_of_another_run() -> object:
    from recorder.events import RunStartEvent

    return RunStartEvent(run_id="run-other", graph_name="other")


async def test_what_a_task_logs_after_its_step_ended_is_kept_and_said_to_be_late(tmp_path: Path) -> None:
    ended = asyncio.Event()

    async def goes_on() -> None:
        await ended.wait()
        log.info("late")

    @node
    async def starts() -> asyncio.Task[None]:
        return asyncio.create_task(goes_on())

    with Recorder(tmp_path) as rec, rec.capture_logs(), rec.run("job"):
        task = await starts()
        ended.set()
        await task
    assert await places(tmp_path) == [("late", "", "after_its_step")]


async def test_only_the_level_and_the_loggers_asked_for_are_stored(tmp_path: Path) -> None:
    with Recorder(tmp_path) as rec, rec.capture_logs("WARNING", ["app"]), rec.run("job"):
        call("a")
        log.warning("slow")
        logging.getLogger("apple").error("another's")
    assert [entry.message for entry in await logs_of(tmp_path)] == ["slow"]


async def test_an_exception_extra_fields_and_secrets_are_recorded_as_text(tmp_path: Path) -> None:
    with Recorder(tmp_path) as rec, rec.capture_logs(), rec.run("job"):
        try:
            raise ValueError("api_key=hunter2hunter2 is wrong")
        except ValueError:
            log.exception("failed with password=%s", "hunter2", extra={"doc": 7, "token": "t0p", "who": {"a": [1]}})
    (entry,) = await logs_of(tmp_path)
    assert entry.message == "failed with password=[redacted:password]"
    assert (entry.error_type, entry.error_message) == ("ValueError", "api_key=[redacted:api_key] is wrong")
    assert entry.fields == {"doc": 7, "token": "[redacted]", "who": {"a": [1]}}


async def test_a_storm_costs_a_steps_share_and_what_is_dropped_is_counted(tmp_path: Path) -> None:
    @node
    def storm() -> None:
        for number in range(1000):
            log.info("round %d", number)
        for number in range(80):
            log.error("broken %d", number)

    with Recorder(tmp_path) as rec, rec.capture_logs(), rec.run("job"):
        storm()
        call("a")
    async with reading(tmp_path) as reader:
        run = await only_run(reader)
        kept = await reader.logs(run.key, LogFilter(under="storm"), limit=1000)
        assert [entry.message for entry in kept[:2]] == ["round 0", "round 1"]
        assert [entry.level_name for entry in kept].count("INFO") == 200
        assert [entry.level_name for entry in kept].count("ERROR") == 50
        assert await reader.logs_dropped(run.key) == {"INFO": 800, "ERROR": 30}
        assert await reader.logs_dropped(run.key, "call") == {}
        assert await reader.count_logs(run.key, EVERY_LOG) == 251


async def test_a_record_and_the_count_of_dropped_ones_survive_a_kill(tmp_path: Path) -> None:
    program = f"""
import logging, os, signal
from recorder import Recorder, node
rec = Recorder({str(tmp_path)!r})
rec.capture_logs()
@node
def dies():
    for number in range(201 + 64):
        logging.warning("round %d", number)
    os.kill(os.getpid(), signal.SIGKILL)
with rec.run("job"):
    dies()
"""
    died = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, timeout=60)
    assert died.returncode == -signal.SIGKILL
    async with reading(tmp_path) as reader:
        run = await only_run(reader)
        assert run.status == "crashed"
        assert await reader.count_logs(run.key, LogFilter(under="dies")) == 200
        assert await reader.logs_dropped(run.key) == {"WARNING": 64}


async def test_a_handler_that_logs_and_an_argument_that_logs_do_no_harm(tmp_path: Path) -> None:
    class Chatty(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.name != "chatty":
                logging.getLogger("chatty").warning("seen: %s", record.getMessage())

    class Loud:
        def __str__(self) -> str:
            log.error("being read")
            return "loud"

    handler = Chatty()
    log.addHandler(handler)
    try:
        with Recorder(tmp_path) as rec, rec.capture_logs(), rec.run("job"):
            log.info("an object: %s", Loud())
    finally:
        log.removeHandler(handler)
    messages = {entry.message for entry in await logs_of(tmp_path)}
    assert {"an object: loud", "seen: an object: loud"} <= messages


async def test_arguments_that_do_not_fit_or_cannot_be_read_are_recorded_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "propagate", False)  # pytest's own handler would raise
    monkeypatch.setattr(log, "handlers", [logging.NullHandler()])

    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no")

    with Recorder(tmp_path) as rec, rec.capture_logs(), rec.run("job"):
        log.handle(log.makeRecord("app.llm", 20, "f.py", 1, "two: %s %s", (1,), None))
        log.handle(log.makeRecord("app.llm", 20, "f.py", 1, Broken(), (), None))
        log.handle(log.makeRecord("app.llm", 20, "f.py", 1, "\ud800 half", (), None))
    assert [entry.message for entry in await logs_of(tmp_path)] == [
        "two: %s %s (its arguments do not fit: TypeError)",
        "(its arguments do not fit: RuntimeError)",
        "\\ud800 half",
    ]


def test_what_the_program_prints_stays_as_it_was() -> None:
    program = """
import logging, sys
if {capture}:
    from recorder import Recorder
    rec = Recorder({store!r})
    rec.capture_logs()
logging.warning("through basicConfig")
logging.getLogger("a").propagate = False
logging.getLogger("a").warning("by the handler of last resort")
logging.basicConfig(level="INFO", force=True, format="%(name)s %(message)s")
logging.info("configured")
import logging.config
logging.config.dictConfig({{"version": 1, "root": {{"level": "ERROR"}}}})
logging.getLogger("b").error("configured again")
"""

    def printed(capture: bool, store: str) -> str:
        script = program.format(capture=capture, store=store)
        return subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stderr

    assert printed(True, os.devnull) == printed(False, "")


def test_capturing_again_changes_the_settings_and_stopping_leaves_logging_and_threads_as_they_were(
    tmp_path: Path,
) -> None:
    before = (logging.Logger.callHandlers, threading.Thread.start)
    rec = Recorder(tmp_path)
    first = rec.capture_logs("ERROR")
    assert logging.Logger.callHandlers is not before[0]
    assert rec.capture_logs("DEBUG") is first
    first.stop()
    first.stop()
    assert (logging.Logger.callHandlers, threading.Thread.start) == before
    rec.capture_logs()
    rec.close()
    assert (logging.Logger.callHandlers, threading.Thread.start) == before


async def test_capturing_twice_stores_once(tmp_path: Path) -> None:
    with Recorder(tmp_path) as rec:
        rec.capture_logs("ERROR")
        rec.capture_logs("DEBUG")
        with rec.run("job"):
            call("a")
    assert [entry.message for entry in await logs_of(tmp_path)] == ["asking a"]


async def test_two_recorders_each_take_what_is_theirs(tmp_path: Path) -> None:
    with Recorder(tmp_path / "1") as one, Recorder(tmp_path / "2") as two:
        one.capture_logs()
        two.capture_logs()
        with one.run("outer"), two.run("inner"):
            call("a")
    assert [entry.path for entry in await logs_of(tmp_path / "2")] == ["call"]
    assert [(entry.message, entry.path) for entry in await logs_of(tmp_path / "1")] == [("asking a", "")]


def test_a_recorder_that_nobody_holds_is_not_kept_alive_by_its_capture(tmp_path: Path) -> None:
    import gc
    import weakref

    rec = Recorder(tmp_path)
    rec.capture_logs()
    known = weakref.ref(rec)
    del rec
    gc.collect()
    assert known() is None
    log.info("nobody listens")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"level": "LOUD"}, ValueError),
        ({"level": 1.5}, TypeError),
        ({"level": True}, TypeError),
        ({"loggers": "app"}, TypeError),
        ({"loggers": [log]}, TypeError),
    ],
)
def test_settings_that_mean_nothing_are_refused(
    tmp_path: Path, arguments: dict[str, object], error: type[Exception]
) -> None:
    with Recorder(tmp_path) as rec, pytest.raises(error):
        rec.capture_logs(**arguments)


def test_a_disabled_recorder_leaves_logging_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HG_MCP_DISABLED", "1")
    before = logging.Logger.callHandlers
    with Recorder(tmp_path) as rec:
        rec.capture_logs()
        assert logging.Logger.callHandlers is before


async def test_our_own_warnings_are_not_recorded_as_the_users(tmp_path: Path) -> None:
    with Recorder(tmp_path) as rec, rec.capture_logs(), rec.run("job"):
        logging.getLogger("recorder").warning("about ourselves")
    assert await logs_of(tmp_path) == []


async def test_structlogs_two_bridges_are_read(tmp_path: Path) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    formatter = structlog.stdlib.ProcessorFormatter(processor=structlog.dev.ConsoleRenderer(colors=False))
    handler.setFormatter(formatter)
    log.addHandler(handler)
    try:
        with Recorder(tmp_path) as rec, rec.capture_logs(), rec.run("job"):
            for bridge in (
                structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
                structlog.stdlib.render_to_log_kwargs,
            ):
                structlog.configure(
                    processors=[structlog.stdlib.add_log_level, bridge],
                    logger_factory=structlog.stdlib.LoggerFactory(),
                    wrapper_class=structlog.stdlib.BoundLogger,
                )
                structlog.get_logger("app.llm").info("asked", doc=7, password="hunter2")
    finally:
        structlog.reset_defaults()
        log.removeHandler(handler)
    entries = await logs_of(tmp_path)
    assert [entry.message for entry in entries] == ["asked", "asked"]
    assert [entry.fields["doc"] for entry in entries] == [7, 7]
    assert {entry.fields["password"] for entry in entries} == {"[redacted]"}
    assert "asked" in stream.getvalue()
