"""What a signal's handler raises is the program's, wherever in the recorder it strikes."""

import functools
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from recorder import Recorder, Redaction, node
from recorder.events import RunStartEvent
from recorder.signals import is_of_signal


class TimeIsUpError(Exception):
    """As a task queue's soft time limit."""


class Limit:
    def method(self, *_: object) -> None:
        raise TimeIsUpError

    __call__ = method


def function(*_: object) -> None:
    raise TimeIsUpError


HANDLERS: dict[str, Callable[..., Any]] = {
    "function": function,
    "method": Limit().method,
    "object": Limit(),
    "partial": functools.partial(functools.partial(function, 1), 2),
}


@pytest.fixture(params=HANDLERS)
def handled(request: pytest.FixtureRequest) -> Iterator[None]:
    before = signal.signal(signal.SIGUSR1, HANDLERS[request.param])
    yield
    signal.signal(signal.SIGUSR1, before)


def strike(text: str = "") -> str:
    signal.raise_signal(signal.SIGUSR1)
    return text


class Struck:
    """An event in the midst of whose reading the signal comes."""

    run_id, span_id, parent_span_id = "r", "s", None

    @property
    def graph_name(self) -> str:
        return strike()


Struck.__name__ = RunStartEvent.__name__


@pytest.mark.usefixtures("handled")
@pytest.mark.parametrize("pure", ["0", "1"])
def test_it_reaches_the_program_and_recording_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pure: str
) -> None:
    monkeypatch.setenv("HG_MCP_PURE", pure)

    @node
    def read(value: str) -> str:
        return value

    scrub = Redaction().extended(functions=[lambda text: strike(text) if text == "now" else text])
    with Recorder(tmp_path / "store", values=True, redact=scrub) as rec:
        with rec.run("values"):
            for held in ("now", ["now"]):
                with pytest.raises(TimeIsUpError):
                    read(held)
            assert read("later") == "later"
        with pytest.raises(TimeIsUpError):
            rec.on_event(Struck())
        assert rec._tally.events_lost == 3


@pytest.mark.usefixtures("handled")
def test_a_failure_beside_no_handler_is_none_of_a_signal() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        raise ZeroDivisionError
    assert not is_of_signal(caught.value)
