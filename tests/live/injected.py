"""A pytest plugin for the framework's own suite: one processor beside whatever each dispatcher was given.

``HG_LIVE_PROCESSOR`` says which: ``noop`` or ``recorder`` (values on, into ``HG_LIVE_STORE``). Outcomes go to
``HG_LIVE_OUTCOMES``, one JSON line a test; what no processor may do, to ``HG_LIVE_TROUBLE``: a failure that the
framework logged, or one of ours that we contained.
"""

import json
import logging
import os
import traceback
from typing import Any

import pytest
from hypergraph.events import EventProcessor
from hypergraph.events.dispatcher import EventDispatcher

from recorder import Recorder


class Noop(EventProcessor):
    """Takes every event and does nothing."""

    def on_event(self, event: Any) -> None:
        pass


class Telling(Recorder):
    """A recorder that tells of failures it contains."""

    def _contain(self, error: Exception) -> None:
        write_trouble("".join(traceback.format_exception(error)))
        super()._contain(error)


def injected() -> EventProcessor:
    if os.environ["HG_LIVE_PROCESSOR"] == "noop":
        return Noop()
    return Telling(os.environ["HG_LIVE_STORE"], values=True)


class FailuresOfOurs(logging.Handler):
    """Writes down what the framework's dispatcher says of the injected processor, and what our logger says."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "recorder" or PROCESSOR in (record.args or ()):
            write_trouble(f"{record.name}: {record.getMessage()}")


def write_trouble(text: str) -> None:
    where = os.environ.get("PYTEST_CURRENT_TEST", "outside any test")
    with open(os.environ["HG_LIVE_TROUBLE"], "a", encoding="utf-8") as file:
        file.write(f"{where}\n{text}\n")


PROCESSOR = injected()
_init = EventDispatcher.__init__


def _init_with_one_more(self: EventDispatcher, *args: Any, **options: Any) -> None:
    _init(self, *args, **options)
    self._processors.append(PROCESSOR)


EventDispatcher.__init__ = _init_with_one_more
for name in ("hypergraph.events.dispatcher", "recorder"):
    logging.getLogger(name).addHandler(FailuresOfOurs())


@pytest.hookimpl
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Write down how a phase of a test ended; under xdist the controller sees them all."""
    if "PYTEST_XDIST_WORKER" in os.environ or (report.when != "call" and report.outcome == "passed"):
        return
    with open(os.environ["HG_LIVE_OUTCOMES"], "a", encoding="utf-8") as file:
        file.write(json.dumps({"test": report.nodeid, "outcome": f"{report.outcome} {report.when}"}) + "\n")


def pytest_unconfigure() -> None:
    """As a program's end does: what is still open is closed."""
    PROCESSOR.shutdown()
    if isinstance(PROCESSOR, Recorder):
        PROCESSOR.close()
