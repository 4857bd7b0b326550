"""Which values are recorded, and what each record says of its value: exactly one status, and why.

``data`` is JSON of the bounded, redacted copy, never longer than the limit; ``size`` is the value's full size in bytes
(text and bytes themselves, anything else as JSON), absent where counting it would mean walking on.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from types import NoneType
from typing import Any, Final, cast

from msgspec import Struct, field
from msgspec.json import Encoder

from recorder.journal.frames import VALUE_STATUSES, ValueEntry
from recorder.recent import mark_of
from recorder.redaction import Redaction
from recorder.signals import is_of_signal
from recorder.typenames import class_of, type_name, type_name_of
from recorder.values.choosing import names_one_of
from recorder.values.copying import Copy, holds_secret, is_encoded
from recorder.values.shapes import shape_of
from recorder.values.shortening import beginning_of
from recorder.values.tracer import ValueTracer

__all__ = ["Capture", "capture_policy", "not_captured"]

_CAPTURED: Final = VALUE_STATUSES.index("captured")
_NOT_CAPTURED: Final = VALUE_STATUSES.index("not_captured")
_REDACTED: Final = VALUE_STATUSES.index("redacted")
_TRUNCATED: Final = VALUE_STATUSES.index("truncated")
_UNSERIALIZABLE: Final = VALUE_STATUSES.index("unserializable")

_SIZED: Final = (list, tuple, dict, set, frozenset)
_COUNTED_TEXT: Final = 1 << 20
_LONG_TEXT: Final = 256
_RECENT_TEXTS: Final = 64

_encode = Encoder().encode


class Capture(Struct, frozen=True, kw_only=True):
    """What is taken of the values of one event.

    Attributes:
        redaction: What counts as a secret.
        max_value_bytes: Longest data of one value, in bytes of JSON.
        max_event_bytes: Once an event's values hold this much, the rest are left out.
        max_names: Most values of one event.
        fields: Patterns of the names to take; none are left out where it is empty.
        recent: JSON of long clean texts that came last, one of each mark, modulo ``_RECENT_TEXTS``.
    """

    redaction: Redaction
    max_value_bytes: int = 65_536
    max_event_bytes: int = 1 << 20
    max_names: int = 256
    fields: tuple[str, ...] = ()
    recent: dict[int, bytes] = field(default_factory=dict[int, bytes])

    def entries(
        self, values: Mapping[str, Any], room: int | None = None, limit: str = "", *, note: str = ""
    ) -> tuple[ValueEntry, ...]:
        """A record of each value, in their order; never raises, and keeps none of them.

        Args:
            values: The values by name.
            room: Once they hold this much, the rest are left out, where that is less than an event may hold anyway.
            limit: What to say of those, if so.
            note: What to say of each that is recorded.
        """
        entries: list[ValueEntry] = []
        if room is None or room > self.max_event_bytes:
            room, limit = self.max_event_bytes, ""
        try:
            for name, value in islice(values.items(), self.max_names):
                name = name if type(name) is str and name.isascii() else _text(name)  # noqa: PLW2901
                if room <= 0:
                    entry = self._left_out(name, value, limit or self._event_limit())
                elif self.fields and not names_one_of(self.fields, name):
                    entry = self._left_out(name, value, "ValueTracer(fields=…) does not choose its name")
                else:
                    entry = self._entry(name, value, note)
                    room -= len(entry.data or b"")
                entries.append(entry)
            if len(values) > self.max_names:
                entries.append(self._too_many(len(values)))
        except Exception as error:
            if is_of_signal(error):
                raise
            entries.append(_unreadable("…", values, error))
        return tuple(entries)

    def _event_limit(self) -> str:
        return f"the values of one event may hold {self.max_event_bytes:,} bytes"

    def _entry(self, name: str, value: Any, note: str) -> ValueEntry:
        redaction = self.redaction
        if name not in redaction.harmless:
            rule = redaction.key(name)
            name = redaction.name(name)
            if rule and holds_secret(value):
                return ValueEntry(
                    name, _REDACTED, type_name_of(value), note=f"its name matches the secret key {rule!r}"
                )
        try:
            if class_of(value) is str and not note:
                return self._text_taken(name, value)
            return self._newly_taken(name, value, note)
        except Exception as error:
            if is_of_signal(error):
                raise
            return _unreadable(name, value, error)

    def _text_taken(self, name: str, text: str) -> ValueEntry:
        """A text that fits and is clean, as most, needs no copy; nor judging, where it was taken lately.

        What one step returns, the next is given.
        """
        length = len(text)
        if length >= self.max_value_bytes or is_encoded(text):
            return self._newly_taken(name, text)
        try:
            data = _encode(text)
        except UnicodeEncodeError:  # lone surrogates keep it from having JSON of its own
            return self._newly_taken(name, text)
        if len(data) > self.max_value_bytes:
            return self._newly_taken(name, text)
        slot = hash(mark_of(data)) % _RECENT_TEXTS
        if self.recent.get(slot) != data:
            if self.redaction.suspects(text):
                return self._newly_taken(name, text)
            if length >= _LONG_TEXT:
                self.recent[slot] = data
        return ValueEntry(name, _CAPTURED, "str", length if text.isascii() else len(text.encode()), None, data)

    def _newly_taken(self, name: str, value: Any, note: str = "") -> ValueEntry:
        cls = class_of(value)
        copy, plain, data = self._copied(value)
        if not self.redaction.withholding.isdisjoint(copy.rules):
            rules = ", ".join(sorted(self.redaction.withholding & copy.rules))
            return ValueEntry(name, _REDACTED, type_name(cls), note=f"withheld: {rules}")
        is_hole = plain is not None and plain is copy.last_hole
        status = _UNSERIALIZABLE if is_hole else _TRUNCATED if copy.is_partial else _CAPTURED
        size = _full_size(value, copy.sizes.get(id(value)) if copy.is_partial else len(data))
        notes = [said for said in (note, _note(copy, plain, value, self)) if said]
        return ValueEntry(name, status, type_name(cls), size, None, data, "; ".join(notes) or None)

    def _copied(self, value: Any) -> tuple[Copy, Any, bytes]:
        """The copy and its JSON; JSON that grew past the limit by escapes or long numbers loses its end."""
        copy = Copy(self.redaction, shape_of, self.max_value_bytes - 2)
        plain = copy.value(value)
        clean, data = self._encoded(copy, plain)
        if len(data) > self.max_value_bytes:
            copy.limit("size")
            plain = beginning_of(clean, self.max_value_bytes)
            data = _encode(plain)
        return copy, plain, data

    def _encoded(self, copy: Copy, plain: Any) -> tuple[Any, bytes]:
        if self.redaction.meets_all or (copy.texts and self.redaction.suspects("\n".join(copy.texts))):
            clean = self.redaction.texts(_texts_of(plain), copy.rules).__getitem__
            plain = _rewritten(plain, clean, clean)
        try:
            return plain, _encode(plain)
        except UnicodeEncodeError:
            plain = _rewritten(plain, _escaped, _tagged)
            return plain, _encode(plain)

    def _left_out(self, name: str, value: Any, why: str) -> ValueEntry:
        return not_captured(self.redaction.name(name), value, why)

    def _too_many(self, count: int) -> ValueEntry:
        note = f"{count - self.max_names:,} more values were left out; {self.max_names} are recorded of one event"
        return ValueEntry("…", _NOT_CAPTURED, "", note=note)


def capture_policy(values: bool | ValueTracer | None, redact: Redaction | None) -> tuple[ValueTracer | None, Redaction]:
    """What ``Recorder(values=…, redact=…)`` asks for; the policy is None where no values are recorded.

    Raises:
        TypeError: For anything but a ``ValueTracer``, True, False or None, and a ``Redaction`` or None.
    """
    given_values: Any = values
    given_redact: Any = redact
    if not isinstance(given_redact, (Redaction, NoneType)):
        raise TypeError(
            f"redact must be a Redaction or None (the default keys and patterns), not {type_name_of(redact)}; "
            "to add to the defaults: Redaction().extended(keys=[...], patterns=[...], functions=[...])"
        )
    if not isinstance(given_values, (bool, ValueTracer, NoneType)):
        raise TypeError(
            "values must be True (record inputs and outputs), a ValueTracer (say which), False or None, "
            f"not {type_name_of(values)}"
        )
    tracer = ValueTracer() if values is True else values or None
    return tracer, redact or Redaction()


def not_captured(name: str, value: Any, note: str) -> ValueEntry:
    """The record of a value that was not taken; ``note`` says why, and how to have it."""
    return ValueEntry(name, _NOT_CAPTURED, type_name_of(value), note=note)


def _unreadable(name: str, value: Any, error: Exception) -> ValueEntry:
    note = f"it could not be read: {type_name_of(error)}"
    return ValueEntry(name, _UNSERIALIZABLE, type_name_of(value), note=note)


def _full_size(value: Any, encoded: int | None) -> int | None:
    cls = class_of(value)
    if cls is str:
        if value.isascii():
            return len(value)
        return len(value.encode("utf-8", "surrogatepass")) if len(value) <= _COUNTED_TEXT else None
    return len(value) if cls is bytes or cls is bytearray else encoded


def _note(copy: Copy, plain: Any, value: Any, policy: Capture) -> str:
    notes: list[str] = []
    if copy.cuts:
        limits = [f"{policy.max_value_bytes:,} bytes" if limit == "size" else limit for limit in copy.cuts]
        notes.append(f"cut at the limit of {' and '.join(limits)}{_kept(plain, value)}")
    if copy.left_out:
        notes.append(f"left out: {', '.join(copy.left_out)}")
    if copy.rules:
        notes.append(f"redacted inside: {', '.join(sorted(copy.rules))}")
    if copy.holes:
        notes.append(f"cannot be serialized: {', '.join(sorted(copy.holes)[:8])}")
    return "; ".join(notes)


def _kept(plain: Any, value: Any) -> str:
    """How many items there are of a container's."""
    if class_of(value) not in _SIZED or class_of(plain) not in (list, dict):
        return ""
    items = plain["items"] if "$type" in plain and "items" in plain else plain
    return f", {len(items):,} of {len(value):,} items kept"


def _rewritten(plain: Any, key: Callable[[str], str], text: Callable[[str], Any]) -> Any:
    """The same tree with other keys and texts."""
    if type(plain) is str:
        return text(plain)
    if type(plain) is list:
        return [_rewritten(item, key, text) for item in cast("list[Any]", plain)]
    if type(plain) is dict:
        return {key(name): _rewritten(item, key, text) for name, item in cast("dict[str, Any]", plain).items()}
    return plain


def _texts_of(plain: Any) -> Iterator[str]:
    """All keys and texts of a tree."""
    if type(plain) is str:
        yield plain
    elif type(plain) is list:
        for item in cast("list[Any]", plain):
            yield from _texts_of(item)
    elif type(plain) is dict:
        yield from cast("dict[str, Any]", plain)
        for item in cast("dict[str, Any]", plain).values():
            yield from _texts_of(item)


def _escaped(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _tagged(text: str) -> Any:
    escaped = _escaped(text)
    return text if escaped == text else {"$type": "str", "value": escaped}


def _text(name: Any) -> str:
    """A name of any kind as text, without asking it."""
    if type(name) is not str:
        name = (
            str.__str__(name)
            if issubclass(type(name), str)
            else str(name)
            if type(name) in (int, float, bool)
            else type_name_of(name)
        )
    return name if name.isascii() else _escaped(name)
