"""What records events of the ordinary kinds: the linker's rules, or in their place what was compiled of them."""

from collections.abc import Callable
from threading import main_thread
from typing import Any, Final

from recorder.hot import compiled
from recorder.journal.frames import ITEM, NODE, STEP_CODES, RunFrame, StepFrame
from recorder.spans import ITEM_RUN, MAP_ROOT, NESTED_MAP, NODE_RUN, ROOT, OpenRun, Span

__all__ = ["MAIN_THREAD", "Handler", "Handlers", "ordinary_handlers"]

Handler = Callable[[Any], None]

MAIN_THREAD: Final = main_thread().ident or 0
"""Its steps have no thread's name."""

_COMPILED: Final = frozenset({"node_start", "node_end", "run_start", "run_end", "superstep_start"})
"""The kinds of events of which something is ordinary."""

_SHARED: Final = {
    "RUNNING": STEP_CODES["running"],
    "COMPLETED": STEP_CODES["completed"],
    "NODE": NODE,
    "ITEM": ITEM,
    "ROOT": ROOT,
    "MAP_ROOT": MAP_ROOT,
    "NODE_RUN": NODE_RUN,
    "ITEM_RUN": ITEM_RUN,
    "NESTED_MAP": NESTED_MAP,
    "StepFrame": StepFrame,
    "RunFrame": RunFrame,
    "OpenRun": OpenRun,
    "Span": Span,
    "main_thread": MAIN_THREAD,
}
"""What both sides go by."""


def ordinary_handlers(write: Callable[..., None], **state: Any) -> Callable[[str, type, Handler], Handler]:
    """A function from a kind of event, a type of such events and the rule for them to what records those.

    Args:
        write: Where rows go.
        state: What the linker remembers, and those of its methods that are needed, by the names in ordinary.h.
    """
    hot = compiled()
    if hot is None:
        return lambda _kind, _type, rule: rule
    ordinary = hot.Ordinary(write, {**_SHARED, **state})
    return lambda kind, event_type, rule: hot.Handler(ordinary, kind, event_type, rule) if kind in _COMPILED else rule


class Handlers(dict[type, Handler]):
    """What to do with events of each type, asked for when the first of a type comes."""

    def become(self, find: Callable[[type], Handler]) -> None:
        """From now on these are done."""
        self._find = find
        for handler in self.values():
            if drop := getattr(handler, "drop", None):  # compiled, and known elsewhere
                drop()
        self.clear()

    def __missing__(self, event_type: type) -> Handler:
        return self._find(event_type)
