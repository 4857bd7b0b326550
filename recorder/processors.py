"""Who listens to events: the base classes of processors, and the dispatcher that feeds them.

The promise kept here: events arrive in the order they happened, and no processor's failure ever reaches the run. Names
and behaviour are hypergraph's (``hypergraph/events/processor.py`` and ``dispatcher.py``).
"""

import re
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Any, Final

from recorder.events import EVENT_TYPES

__all__ = ["HANDLER_NAMES", "AsyncEventProcessor", "EventDispatcher", "EventProcessor", "TypedEventProcessor"]


class EventProcessor:
    """Listens to events, one at a time."""

    def on_event(self, event: Any) -> None:
        """Take one event; called for each, in order."""

    def shutdown(self) -> None:
        """A top-level run is over; called once for each."""


class AsyncEventProcessor(EventProcessor):
    """A processor that async runners await; each method falls back to its sync twin."""

    async def on_event_async(self, event: Any) -> None:
        """Take one event."""
        self.on_event(event)

    async def shutdown_async(self) -> None:
        """A top-level run is over."""
        self.shutdown()


def _handler_name(event_type: type) -> str:
    """``NodeAttemptStartEvent`` -> ``on_node_attempt_start``."""
    return "on" + re.sub(r"([A-Z])", r"_\1", event_type.__name__.removesuffix("Event")).lower()


HANDLER_NAMES: Final = {event_type.__name__: _handler_name(event_type) for event_type in EVENT_TYPES}
"""The method for each type of event, by the type's name."""


class TypedEventProcessor(EventProcessor):
    """Hands each event to a method named after its type (``on_run_start``, ``on_node_end``, ...) where there is one.

    Types are told apart by name, so hypergraph's events arrive at the same methods as ours.
    """

    def on_event(self, event: Any) -> None:
        """Call the method of the event's type; other types pass by."""
        handler: Callable[[Any], None] | None = getattr(self, HANDLER_NAMES.get(type(event).__name__, ""), None)
        if handler is not None:
            handler(event)


class EventDispatcher:
    """Feeds every event to every processor, first in, first out, best effort.

    A processor that raises is logged (logger ``recorder.processors``) and the others are still served. Processors whose
    async methods exist are awaited by the ``_async`` pair.
    """

    def __init__(self, processors: Iterable[EventProcessor] = ()) -> None:
        self._processors = list(processors)

    @property
    def active(self) -> bool:
        """Whether anybody listens."""
        return bool(self._processors)

    def emit(self, event: Any) -> None:
        """Send one event to all, on this thread."""
        for processor in self._processors:
            with _contained(processor, event):
                processor.on_event(event)

    async def emit_async(self, event: Any) -> None:
        """Send one event to all, awaiting those that are async."""
        for processor in self._processors:
            with _contained(processor, event):
                if isinstance(processor, AsyncEventProcessor):
                    await processor.on_event_async(event)
                else:
                    processor.on_event(event)

    def shutdown(self) -> None:
        """Tell all that a top-level run is over."""
        for processor in self._processors:
            with _contained(processor, None):
                processor.shutdown()

    async def shutdown_async(self) -> None:
        """Tell all that a top-level run is over, awaiting those that are async."""
        for processor in self._processors:
            with _contained(processor, None):
                if isinstance(processor, AsyncEventProcessor):
                    await processor.shutdown_async()
                else:
                    processor.shutdown()


@contextmanager
def _contained(processor: EventProcessor, event: Any) -> Generator[None]:
    try:
        yield
    except Exception:
        import logging  # lazy: 3 ms at import, needed only when a processor failed

        occasion = "shutdown" if event is None else type(event).__name__
        logging.getLogger(__name__).warning("%r failed on %s; the run goes on", processor, occasion, exc_info=True)
