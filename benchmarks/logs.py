"""What a log record within a step costs the thread that logs it, beside one that ``logging`` writes to a file."""

import logging
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.table import Row
from recorder import Recorder, node

STEPS = 20
RECORDS = 200
"""As many as are stored of a step."""
FLOOD = 10_000
ROUNDS = 20


def logger_with(name: str, handler: logging.Handler) -> logging.Logger:
    """A logger with that handler only."""
    logger = logging.getLogger(name)
    logger.propagate = False
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    return logger


def log(logger: logging.Logger, count: int) -> int:
    """Log so often, and return the thread's CPU nanoseconds."""
    started = time.thread_time_ns()
    for number in range(count):
        logger.info("asked %s for page %d", "shard-7", number)
    return time.thread_time_ns() - started


@node
def within_a_step(logger: logging.Logger, count: int) -> int:
    """The same, as a step."""
    return log(logger, count)


def compared() -> tuple[float, float, float]:
    """The least microseconds of a stored record, of one beyond a step's share, and of one in a file, taking turns."""
    stored, counted, filed = list[float](), list[float](), list[float]()
    with tempfile.TemporaryDirectory() as directory, Recorder(Path(directory, "store")) as recorder:
        file = logging.FileHandler(Path(directory, "log"))
        ours = logger_with("benchmarks.logs.ours", logging.NullHandler())
        theirs = logger_with("benchmarks.logs.theirs", file)
        for _ in range(ROUNDS):
            with recorder.run("bench"):
                with recorder.capture_logs(loggers=[ours.name]):
                    stored.append(sum(within_a_step(ours, RECORDS) for _ in range(STEPS)) / STEPS / RECORDS / 1e3)
                    counted.append(within_a_step(ours, FLOOD) / FLOOD / 1e3)
                filed.append(sum(within_a_step(theirs, RECORDS) for _ in range(STEPS)) / STEPS / RECORDS / 1e3)
        file.close()
    return min(stored), min(counted), min(filed)


def rows() -> Iterator[Row]:
    """A record that is stored, and one of a storm, beside a file's."""
    stored, counted, filed = compared()
    other = f"{filed:.2f} µs: `logging.FileHandler` with the default format"
    what = "Thread CPU a log record within a step"
    for rest, ours, limit in (("stored with it", stored, 2.0), ("of a flood of 10,000", counted, 1.25)):
        yield Row(what=f"{what}, {rest}", ours=f"{ours:.2f} µs", other=other, ratio=ours / filed, limit=limit)
