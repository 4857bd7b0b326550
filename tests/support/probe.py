"""A processor that keeps what it is told, and draws it."""

import sys

from recorder.events import NodeErrorEvent, NodeStartEvent, RunEndEvent, RunStartEvent


class Probe:
    """Collects events; ``outline()`` draws runs and nodes as an indented tree, in order of their starts."""

    def __init__(self, *, wants_values=False):
        self.wants_values = wants_values
        self.events = []
        self.live = []  # the exception being handled while each event was told
        self.shutdowns = 0

    def on_event(self, event):
        self.events.append(event)
        self.live.append(sys.exc_info()[1])

    def shutdown(self):
        self.shutdowns += 1

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    def starts(self):
        return self.of((RunStartEvent, NodeStartEvent))

    def ends(self):
        """Each ended span's end event; a span that ends twice is an error."""
        ends = {}
        for event in self.events:
            if not isinstance(event, (RunStartEvent, NodeStartEvent)):
                assert event.span_id not in ends, f"ended twice: {event}"
                ends[event.span_id] = event
        return ends

    def outline(self):
        starts, ends = self.starts(), self.ends()
        assert len({event.span_id for event in starts}) == len(starts), "span ids repeat"
        assert set(ends) <= {event.span_id for event in starts}, "an end without a start"
        assert {event.parent_span_id for event in starts} <= {None, *(event.span_id for event in starts)}
        return [line for event in starts if event.parent_span_id is None for line in self._draw(event, starts, ends, 0)]

    def _draw(self, event, starts, ends, depth):
        end = ends.get(event.span_id)
        yield "  " * depth + f"{_label(event)}: {_outcome(end)}"
        for child in starts:
            if child.parent_span_id == event.span_id:
                yield from self._draw(child, starts, ends, depth + 1)


def _label(event):
    if isinstance(event, NodeStartEvent):
        return event.node_name
    if event.is_map:
        return f"map {event.graph_name} of {event.map_size}"
    return f"run {event.graph_name}"


def _outcome(end):
    if end is None:
        return "open"
    if isinstance(end, NodeErrorEvent):
        return f"{end.status} {end.error_type.rpartition('.')[2]}"
    if isinstance(end, RunEndEvent):
        return end.status
    return f"completed, {end.chunks} chunks" if end.chunks else "completed"
