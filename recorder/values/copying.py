"""The bounded copy of a value: plain lists, dicts and scalars, which nobody else can change and anything can encode.

The budget comes before the encoding, so a million items cost no more than it, and another thread may change them
meanwhile. Nothing of the user's runs on the way, no ``__iter__``, ``__len__``, ``__getattr__``, ``__repr__``, property.
"""

from collections.abc import Callable, Iterable
from itertools import islice
from math import isfinite
from typing import Any, Final

from recorder.redaction import SHORT_NAME, Redaction
from recorder.typenames import class_of, type_name, type_name_of

__all__ = ["MAX_DEPTH", "MAX_OBJECTS", "Copy", "Shape", "holds_secret", "is_encoded"]

MAX_OBJECTS: Final = 8_000
"""What is looked at; one that is no plain type of Python counts as eight, which is what it costs at least."""

MAX_DEPTH: Final = 32
_MAX_INT_BITS: Final = 4_096
_DICT: Any = dict
_TRIES: Final = 4
_SMALL: Final = 1 << 53
_MIDDLING: Final = 10_000_000
_LONG_INT: Final = 16
"""Bytes of an integer beyond that, about; what is taken for shorter than it is has to be copied again."""
_LONG_FLOAT: Final = 18
"""Bytes of a float with more than three digits behind the point, about."""
_MARK: Final = 32
"""Bytes that a mark in place of a container takes, about."""

_ENCODED_MEDIA: Final = ("data:", "iVBORw0KGgo", "/9j/", "R0lGOD", "UklGR", "JVBERi0")
"""How base64 of PNG, JPEG, GIF, RIFF (WebP, WAV) and PDF begins, and a data URL."""
_ENCODED_CHARS: Final = 1_024

Shape = Callable[["Copy", Any], Any]
"""How values of one class are copied."""


def holds_secret(value: Any) -> bool:
    """Whether a value can be a secret at all; that a key is missing or empty is worth knowing."""
    return not (value is None or value is True or value is False or (type(value) is str and not value))


def is_encoded(text: str) -> bool:
    """Whether a text is an image or a document in base64."""
    return len(text) > _ENCODED_CHARS and text.startswith(_ENCODED_MEDIA)


class Copy:
    """One copy in the making; after ``value`` it says what is missing.

    Attributes:
        cuts: The limits by which something is missing, in order.
        left_out: What is missing because it is never read or kept, in order.
        texts: Texts that nobody has looked at for secrets yet.
        rules: Rules of the secrets that were left out.
        holes: Types of what could not be copied.
        last_hole: The mark of the last of them.
        sizes: Full sizes in bytes, by identity, of values of which only a part is copied.
    """

    __slots__ = (
        "_active",
        "_find_shape",
        "_redaction",
        "_shapes",
        "cuts",
        "holes",
        "last_hole",
        "left_out",
        "objects",
        "room",
        "rules",
        "sizes",
        "texts",
    )

    def __init__(self, redaction: Redaction, find_shape: Callable[[type[Any]], Shape], room: int) -> None:
        self._redaction = redaction
        self._find_shape = find_shape
        self._shapes: dict[int, tuple[type[Any], Shape]] = {}
        self._active: dict[int, int] = {}
        self.room = room
        self.objects = MAX_OBJECTS
        self.cuts: dict[str, None] = {}
        self.left_out: dict[str, None] = {}
        self.texts: list[str] = []
        self.rules: set[str] = set()
        self.holes: set[str] = set()
        self.last_hole: dict[str, Any] | None = None
        self.sizes: dict[int, int] = {}

    def value(self, value: Any) -> Any:
        """The copy of any value."""
        self.objects -= 1
        cls = class_of(value)
        if cls is str:
            return self._shaped(value, cls) if is_encoded(value) else self.text(value)
        if cls is dict:
            return self.inside(value, self.mapping, value)
        if cls is list:
            return self.inside(value, self.items, value[: self.objects + 1])
        self.room -= 4
        if value is None or cls is bool:
            return value
        if cls is int:
            return self.integer(value)
        if cls is float:
            if not isfinite(value):
                return {"$type": "float", "value": float.__repr__(value)}
            self.room += 0 if (value * 1000).is_integer() else 4 - _LONG_FLOAT
            return value
        return self._shaped(value, cls)

    def _shaped(self, value: Any, cls: type[Any]) -> Any:
        """By the shape of its class; one that fails leaves a hole."""
        self.objects -= 7
        known = self._shapes.get(id(cls))
        try:
            if known is None:
                known = self._shapes[id(cls)] = (cls, self._find_shape(cls))
            return known[1](self, value)
        except Exception:
            return self.hole(type_name(cls))

    def hole(self, name: str) -> dict[str, Any]:
        """The mark of what could not be copied, by the name of its type."""
        self.room -= len(name) + 12
        self.holes.add(name)
        self.last_hole = {"$type": name}
        return self.last_hole

    def stop(self, limit: str) -> None:
        """Take nothing more."""
        self.limit(limit)
        self.room = 0

    def limit(self, limit: str) -> None:
        """Say that something is missing by this limit."""
        self.cuts[limit] = None

    def leave_out(self, what: str) -> None:
        """Say what of a value is never read or kept."""
        self.left_out[what] = None

    @property
    def is_partial(self) -> bool:
        """Whether something is missing."""
        return bool(self.cuts or self.left_out)

    def is_full(self) -> bool:
        """Whether the budget is spent; says so where it is."""
        if self.room > 0 and self.objects > 0:
            return False
        self.stop("size" if self.objects > 0 else f"{MAX_OBJECTS:,} objects")
        return True

    def text(self, text: str) -> str:
        """Text, cut between two characters, and with no part of a secret at the cut."""
        size = len(text)
        if size <= self.room and not text.isascii():
            size = len(text.encode("utf-8", "surrogatepass"))
        if size > self.room:
            return self._cut_text(text)
        self.room -= size + 3
        if size >= self._redaction.shortest:
            self.texts.append(text)
        return text

    def _cut_text(self, text: str) -> str:
        room = max(0, self.room)
        self.stop("size")
        head = self._redaction.head(text, room, self.rules).encode("utf-8", "surrogatepass")
        while 0 < room < len(head) and head[room] & 0xC0 == 0x80:
            room -= 1
        return head[:room].decode("utf-8", "surrogatepass")

    def secret_in(self, text: str) -> str:
        """The rules that find a secret in ``text``, or ``""``."""
        found: set[str] = set()
        self._redaction.text(text, found)
        self.rules |= found
        return ", ".join(sorted(found))

    def beginning(self, text: str, limit: int) -> str:
        """The first characters of a text."""
        return text if len(text) <= limit else self._redaction.head(text, limit, self.rules)

    def integer(self, value: int) -> Any:
        """An integer; past 64 bits JSON readers disagree about it."""
        if -(1 << 63) <= value < 1 << 63:
            return value
        if (bits := value.bit_length()) <= _MAX_INT_BITS:
            return {"$type": "int", "value": self.text(str(value))}
        self.limit(f"{_MAX_INT_BITS:,} bits")
        return {"$type": "int", "bits": bits}

    def inside(self, container: Any, copy: Callable[[Any], Any], content: Any) -> Any:
        """The copy of a container's content, unless it stands inside itself or too deep."""
        self.room -= 3
        active, identity = self._active, id(container)
        if identity in active:
            self.room -= _MARK
            return {"$ref": "/".join([".."] * (len(active) - active[identity]))}
        if len(active) >= MAX_DEPTH:
            self.room -= _MARK
            self.limit(f"depth {MAX_DEPTH}")
            return {"$type": type_name_of(container), "$omitted": "depth"}
        active[identity] = len(active)
        try:
            return copy(content)
        finally:
            del active[identity]

    def items(self, items: list[Any] | tuple[Any, ...]) -> list[Any]:
        """A sequence, as far as the budget goes."""
        if (
            len(items) == 2
            and (class_of(items[1]) is str or class_of(items[1]) is bytes)
            and (rule := self._pair_rule(*items))
        ):
            return [items[0], self._redacted(rule)]
        copied: list[Any] = []
        for item in items:
            if (self.room <= 0 or self.objects <= 0) and self.is_full():
                break
            cls = class_of(item)
            if cls is int and -_SMALL < item < _SMALL:
                self.room -= 4 if -1_000 < item < 1_000 else 8 if -_MIDDLING < item < _MIDDLING else _LONG_INT
                self.objects -= 1
                copied.append(item)
            elif cls is float and isfinite(item):
                self.room -= 4 if (item * 1000).is_integer() else _LONG_FLOAT
                self.objects -= 1
                copied.append(item)
            elif cls is dict:
                self.objects -= 1
                copied.append(self.inside(item, self.mapping, item))
            else:
                copied.append(self.value(item))
        return copied

    def _pair_rule(self, name: Any, value: str | bytes) -> str | None:
        """``("X-Api-Key", "…")``: headers are often pairs."""
        if type(name) is bytes and len(name) <= 64:
            name = name.decode("latin-1")
        return self._redaction.key(name) if value and type(name) is str and len(name) <= 64 else None

    def _redacted(self, rule: str) -> str:
        self.rules.add(rule)
        return f"[redacted:{rule}]"

    def mapping(self, mapping: dict[Any, Any]) -> dict[str, Any]:
        """A dict, as far as the budget goes."""
        pairs = self._items_of(mapping)
        copied: dict[str, Any] = {}
        return copied if self.fields(copied, pairs) else {"$type": "dict", "items": self._pairs(pairs)}

    def fields(self, copied: dict[str, Any], pairs: list[tuple[Any, Any]]) -> bool:
        """Add named values, as far as the budget goes; False where a name is no text."""
        harmless = self._redaction.harmless
        for key, value in pairs:
            if (self.room <= 0 or self.objects <= 0) and self.is_full():
                break
            if type(key) is str and key in harmless:
                cls = class_of(value)
                if cls is int and -_SMALL < value < _SMALL:
                    self.room -= len(key) + (8 if -_MIDDLING < value < _MIDDLING else 4 + _LONG_INT)
                    self.objects -= 1
                    copied[key] = value
                elif cls is float and isfinite(value):
                    self.room -= len(key) + 4 + (4 if (value * 1000).is_integer() else _LONG_FLOAT)
                    self.objects -= 1
                    copied[key] = value
                else:
                    self.room -= len(key) + 4
                    copied[key] = self.value(value)
                continue
            if not issubclass(type(key), str):
                return False
            self.field(copied, key if type(key) is str else str.__str__(key), value)
        return True

    def _items_of(self, mapping: dict[Any, Any]) -> list[tuple[Any, Any]]:
        """Its items, as far as they can count; of a short one, as most are, all at once."""
        try:
            if _DICT.__len__(mapping) <= self.objects:
                return list(_DICT.items(mapping))
        except RuntimeError:  # changed size during iteration
            pass
        return self.several(lambda: _DICT.items(mapping))

    def field(self, copied: dict[str, Any], name: str, value: Any) -> None:
        """One named value; whole out of sight if its name is a secret's."""
        rule = self._redaction.key(name)
        name = self.name(name)
        copied[name] = self._redacted(rule) if rule and holds_secret(value) else self.value(value)

    def name(self, name: str) -> str:
        """The copy of a name."""
        if len(name) > SHORT_NAME:
            name = self.text(name)
        else:
            self.room -= len(name) + 4
        return f"${name}" if name[:1] == "$" else name

    def _pairs(self, pairs: list[tuple[Any, Any]]) -> list[list[Any]]:
        copied: list[list[Any]] = []
        for pair in pairs:
            if self.is_full():
                break
            copied.append(self.items(pair))
        return copied

    def several(self, source: Callable[[], Iterable[Any]]) -> list[Any]:
        """The first of what a built-in container holds, though another thread may be changing it."""
        for _ in range(_TRIES):
            try:
                return list(islice(source(), self.objects + 1))
            except RuntimeError:  # changed size during iteration
                continue
        self.limit("a moment without changes")
        return []
