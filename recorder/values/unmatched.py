"""Which patterns of a ``ValueTracer`` chose nothing of all that came: a typo keeps nothing, and nobody would notice.

What it promises: a pattern costs nothing once it has chosen something, and before that only where another one did.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from recorder.journal.frames import VALUE_STATUSES, ValueEntry
from recorder.values.choosing import names_one_of, reaches
from recorder.values.tracer import Setting, ValueTracer

__all__ = ["Unmatched", "unmatched_words"]

_NOT_CAPTURED: Final = VALUE_STATUSES.index("not_captured")
_NAMES: Final = 64
"""Names that are remembered, to suggest the one that was meant."""
_LOOKS: Final = 1_000
_WHAT: Final = {"nodes": "step", "exclude": "step", "fields": "value"}


class Unmatched:
    """The patterns of a policy that have not chosen anything yet."""

    def __init__(self, tracer: ValueTracer) -> None:
        self._nodes, self._exclude, self._fields = tuple(tracer.nodes), tuple(tracer.exclude), tuple(tracer.fields)
        self._names: dict[str, dict[str, None]] = {"step": {}, "value": {}}
        self._looks = 0
        self.waits_for_steps = bool(self._nodes or self._exclude)
        self.waits_for_values = bool(self._fields)

    def see_step(self, path: str, left_out_by: Setting | None) -> None:
        """A step came, and the policy has judged it: where it is not by a setting, none of that one's patterns did."""
        if self._looks < _LOOKS:
            self._looks += 1
            self._remember("step", path[path.rfind("/") + 1 :].partition("[")[0].partition("@")[0])
        if left_out_by == "nodes":
            return
        if self._nodes:
            self._nodes = tuple(one for one in self._nodes if not reaches((one,), path))
        if left_out_by == "exclude":
            self._exclude = tuple(one for one in self._exclude if not reaches((one,), path))
        self.waits_for_steps = bool(self._nodes or self._exclude)

    def see_values(self, entries: Iterable[ValueEntry]) -> None:
        """Values came; those whose names no pattern chose say that they are not captured."""
        for entry in entries:
            self._remember("value", entry.name)
            if entry.status != _NOT_CAPTURED:
                self._fields = tuple(one for one in self._fields if not names_one_of((one,), entry.name))
        self.waits_for_values = bool(self._fields)

    def found(self) -> dict[str, dict[str, str]]:
        """By setting the patterns that chose nothing, each with the name that may have been meant, or nothing.

        A setting of which nothing came that it could have chosen from is not there.
        """
        left = {"nodes": self._nodes, "exclude": self._exclude, "fields": self._fields}
        return {
            setting: {pattern: _nearest(pattern, self._names[_WHAT[setting]]) for pattern in patterns}
            for setting, patterns in left.items()
            if patterns and self._names[_WHAT[setting]]
        }

    def _remember(self, what: str, name: str) -> None:
        names = self._names[what]
        if name and len(names) < _NAMES:
            names[name] = None


def unmatched_words(found: Mapping[str, Mapping[str, str]]) -> str:
    """``ValueTracer(nodes=['retreive']) chose no step (did you mean 'retrieve'?)``; empty where all chose something."""
    return "; ".join(
        f"ValueTracer({setting}={list(patterns)}) {'leaves out' if setting == 'exclude' else 'chose'} "
        f"no {_WHAT.get(setting, 'step')} of those that came{_meant(patterns)}"
        for setting, patterns in found.items()
    )


def _meant(patterns: Mapping[str, str]) -> str:
    names = ", ".join(dict.fromkeys(repr(name) for name in patterns.values() if name))
    return f" (did you mean {names}?)" if names else ""


def _nearest(pattern: str, names: Iterable[str]) -> str:
    from difflib import get_close_matches  # lazy: only who made a mistake needs it

    meant = pattern.rpartition("/")[2].partition("[")[0].partition("@")[0]
    return next(iter(get_close_matches(meant[:200], names, n=1)), "")
