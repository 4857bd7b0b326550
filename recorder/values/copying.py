"""The bounded copy of a value: plain lists, dicts and scalars, which nobody else can change and anything can encode.

The budget comes before the encoding, so a million items cost no more than it, and another thread may change them
meanwhile. Each thing is charged what copying it costs, by its kind and never by a clock, so equal values have equal
copies. Nothing of the user's runs on the way, no ``__iter__``, ``__len__``, ``__getattr__``, ``__repr__``, property.
"""

from collections.abc import Callable, Iterable
from itertools import islice
from math import isfinite
from typing import Any, Final

from recorder.redaction import SHORT_NAME, Redaction
from recorder.signals import is_of_signal
from recorder.typenames import class_of, type_name, type_name_of

__all__ = ["MAX_DEPTH", "MAX_WORK", "WORK_LIMIT", "Copy", "Shape", "holds_secret", "is_encoded"]

MAX_WORK: Final = 16_000
"""What a copy may cost, in sixteenths of a microsecond, about. The costs below are as measured, and rounded up."""

WORK_LIMIT: Final = "about 1 ms of work"
_NUMBER: Final = 2
_TEXT: Final = 3
_ASSIGNING: Final = 12
"""A text in which something may be assigned to the name of a secret."""
_BEGINNING: Final = 96
"""The beginning of a text: more than it is looked at for secrets."""
_CONTAINER: Final = 10
_PLAIN_ROW: Final = 4
_PAIR: Final = 4
_OTHER: Final = 16
"""What is of another type than JSON's; what is done with it besides is charged where it is done."""
_CLASS: Final = 200
"""A class that this copy meets for the first time."""
_FAILURE: Final = 160
"""A value that could not be read: whose exception that is has to be found out."""
_NAME: Final = 24
"""A name that it meets for the first time: whether it names a secret has to be found out."""
_ONE_OF_MANY_NAMES: Final = 6
_SECRET_NAME: Final = 64

_MAX_READ: Final = 5 << 18
"""Bytes that digests may cover, all together: of what is left each takes four fifths at most, so the first a MiB."""
_READ_ANYWAY: Final = 1 << 11

_ARGUMENTS: Final = 64
_OPTION_CHARS: Final = 66
_ROWS_TRIED: Final = 3
"""So many dicts of a list may be unlike what was expected of them, the first always is; then nothing is expected."""
_SHORT_TEXT: Final = 256
_FEW: Final = 32
"""So many items are taken without asking the budget first."""
_TOGETHER: Final = 8
"""Of more names than that so many are judged together."""

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


def _is_option(argument: Any) -> bool:
    return type(argument) is str and argument[:2] == "--" and len(argument) <= _OPTION_CHARS and "=" not in argument


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
        room: Bytes of JSON that it may still take, about.
        work: What it may still cost, in the unit of ``MAX_WORK``.
    """

    __slots__ = (
        "_active",
        "_find_shape",
        "_harmless",
        "_readable",
        "_redaction",
        "_rules",
        "_shapes",
        "cuts",
        "holes",
        "last_hole",
        "left_out",
        "room",
        "rules",
        "sizes",
        "texts",
        "work",
    )

    def __init__(self, redaction: Redaction, find_shape: Callable[[type[Any]], Shape], room: int) -> None:
        self._redaction = redaction
        self._find_shape = find_shape
        self._shapes: dict[int, tuple[type[Any], Shape]] = {}
        self._active: dict[int, int] = {}
        self._rules: dict[str, str | None] = {}
        self._harmless: set[str] = set()
        self.room = room
        self.work = MAX_WORK
        self._readable: int = _MAX_READ
        self.cuts: dict[str, None] = {}
        self.left_out: dict[str, None] = {}
        self.texts: list[str] = []
        self.rules: set[str] = set()
        self.holes: set[str] = set()
        self.last_hole: dict[str, Any] | None = None
        self.sizes: dict[int, int] = {}

    def value(self, value: Any) -> Any:
        """The copy of any value."""
        cls = class_of(value)
        if cls is str:
            is_media = len(value) > _ENCODED_CHARS and is_encoded(value)
            return self._shaped(value, cls) if is_media else self.text(value)
        if cls is dict:
            return self.inside(value, self.mapping, value)
        if cls is list or cls is tuple:
            few = _FEW if len(value) <= _FEW else self.most_items()
            return self.inside(value, self.items, value[:few])
        self.room -= 4
        self.work -= _NUMBER
        if value is None or cls is bool:
            return value
        if cls is int:
            self.room += 0 if -_MIDDLING < value < _MIDDLING else 4 - _LONG_INT
            return self.integer(value)
        if cls is float:
            if not isfinite(value):
                self.room -= _MARK
                self.work -= _TEXT
                return {"$type": "float", "value": float.__repr__(value)}
            self.room += 0 if (value * 1000).is_integer() else 4 - _LONG_FLOAT
            return value
        return self._shaped(value, cls)

    def _shaped(self, value: Any, cls: type[Any]) -> Any:
        """By the shape of its class; one that fails leaves a hole."""
        self.work -= _OTHER
        known = self._shapes.get(id(cls))
        try:
            if known is None:
                self.work -= _CLASS
                known = self._shapes[id(cls)] = (cls, self._find_shape(cls))
            return known[1](self, value)
        except Exception as error:
            if is_of_signal(error):
                raise
            self.work -= _FAILURE
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
        if self.room > 0 and self.work > 0:
            return False
        self.stop("size" if self.work > 0 else WORK_LIMIT)
        return True

    def most_items(self, least: int = _NUMBER) -> int:
        """One more than it can hold of what takes that much work at least, and as many bytes."""
        return max(0, min(self.work, self.room)) // least + 2

    def reads(self, size: int) -> int:
        """How many of so many bytes may be read for a digest: the more was read before, the fewer, and never none."""
        size = min(size, max(_READ_ANYWAY, self._readable * 4 // 5))
        self._readable -= size
        self.work -= size >> 8
        return size

    def reads_all(self, size: int) -> bool:
        """Whether so many bytes may be read at once, up to a MiB; if so they are charged."""
        return size <= max(_READ_ANYWAY, self._readable * 4 // 5) and self.reads(size) == size

    def text(self, text: str) -> str:
        """Text, cut between two characters, and with no part of a secret at the cut."""
        size = len(text)
        if not text.isascii() and size <= self.room:
            size = len(text.encode("utf-8", "surrogatepass"))
        if size > self.room:
            return self._cut_text(text)
        self.room -= size + 3
        self.work -= _ASSIGNING if "=" in text else _TEXT
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
        if len(text) <= limit:
            return text
        self.work -= _BEGINNING
        return self._redaction.head(text, limit, self.rules)

    def integer(self, value: int) -> Any:
        """An integer; past 64 bits JSON readers disagree about it."""
        if -(1 << 63) <= value < 1 << 63:
            return value
        if (bits := value.bit_length()) <= _MAX_INT_BITS:
            self.room -= _MARK
            self.work -= bits >> 3
            return {"$type": "int", "value": self.text(str(value))}
        self.limit(f"{_MAX_INT_BITS:,} bits")
        return {"$type": "int", "bits": bits}

    def inside(self, container: Any, copy: Callable[[Any], Any], content: Any) -> Any:
        """The copy of a container's content, unless it stands inside itself or too deep."""
        self.room -= 3
        self.work -= _CONTAINER
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
        if 1 < len(items) <= _ARGUMENTS and class_of(items[0]) is str and any(map(_is_option, items)):
            return self._arguments(items)
        copied: list[Any] = []
        tries = _ROWS_TRIED
        for item in items:
            if (self.room <= 0 or self.work <= 0) and self.is_full():
                break
            cls = class_of(item)
            if cls is int and -_SMALL < item < _SMALL:
                self.room -= 4 if -1_000 < item < 1_000 else 8 if -_MIDDLING < item < _MIDDLING else _LONG_INT
                self.work -= _NUMBER
                copied.append(item)
            elif cls is float and isfinite(item):
                self.room -= 4 if (item * 1000).is_integer() else _LONG_FLOAT
                self.work -= _NUMBER
                copied.append(item)
            elif cls is dict:
                row = self._plain_row(item) if tries else None
                if row is None:
                    tries = max(0, tries - 1)
                    row = self.inside(item, self.mapping, item)
                copied.append(row)
            else:
                copied.append(self.value(item))
        return copied

    def _arguments(self, arguments: list[Any] | tuple[Any, ...]) -> list[Any]:
        """``["curl", "--token", "…"]``, as programs are called."""
        copied: list[Any] = []
        rule: str | None = None
        for argument in arguments:
            if self.is_full():
                break
            copied.append(self._redacted(rule) if rule else self.value(argument))
            rule = self._redaction.key(argument) if not rule and _is_option(argument) else None
        return copied

    def _plain_row(self, row: dict[Any, Any]) -> dict[str, Any] | None:
        """The copy of a short dict like one before: names that were met, and numbers and short texts under them."""
        if len(row) > _FEW or len(self._active) >= MAX_DEPTH:
            return None
        copied = row.copy()
        room, work, texts = self.room - 3, self.work - _PLAIN_ROW, len(self.texts)
        for key, value in copied.items():
            cls = class_of(value)
            if type(key) is not str or key not in self._harmless:
                break
            if cls is str and len(value) <= _SHORT_TEXT and value.isascii() and "=" not in value:
                room -= len(value) + 3
                work -= _TEXT
                if len(value) >= self._redaction.shortest:
                    self.texts.append(value)
            elif cls is int and -_SMALL < value < _SMALL:
                room -= 4 if -_MIDDLING < value < _MIDDLING else _LONG_INT
                work -= _NUMBER
            elif cls is float and isfinite(value):
                room -= 4 if (value * 1000).is_integer() else _LONG_FLOAT
                work -= _NUMBER
            elif value is None or cls is bool:
                room -= 4
                work -= _NUMBER
            else:
                break
            room -= len(key) + 4
        else:
            self.room, self.work = room, work
            return copied
        del self.texts[texts:]
        return None

    def _pair_rule(self, name: Any, value: str | bytes) -> str | None:
        """``("X-Api-Key", "…")``: headers are often pairs."""
        if type(name) is bytes and len(name) <= 64:
            name = name.decode("latin-1")
        return self._redaction.key(name) if value and type(name) is str and len(name) <= 64 else None

    def _redacted(self, rule: str) -> str:
        self.rules.add(rule)
        self.room -= _MARK
        self.work -= _CONTAINER
        return f"[redacted:{rule}]"

    def mapping(self, mapping: dict[Any, Any]) -> dict[str, Any]:
        """A dict, as far as the budget goes."""
        self.work -= _NUMBER
        pairs, room = self._items_of(mapping), self.room
        copied: dict[str, Any] = {}
        parts = (pairs,) if len(pairs) <= _FEW else self._parts(pairs)
        for part in parts:
            if not self.fields(copied, part):
                break
        else:
            return copied
        self.room = room
        return {"$type": "dict", "items": self._pairs(pairs)}

    def _parts(self, pairs: list[tuple[Any, Any]]) -> Iterable[list[tuple[Any, Any]]]:
        """The same, some at a time, as far as the budget goes; most names are told to be harmless together."""
        redaction = self._redaction
        for at in range(0, len(pairs), _TOGETHER):
            if self.is_full():
                return
            part = pairs[at : at + _TOGETHER]
            names = [name for name, _ in part if type(name) is str]
            self.work -= len(names) * _ONE_OF_MANY_NAMES
            if not redaction.meets_all and not redaction.may_name_one(names):
                self._rules.update(dict.fromkeys(names))
                self._harmless.update([name for name in names if len(name) <= SHORT_NAME and name[:1] != "$"])
            yield part

    def fields(self, copied: dict[str, Any], pairs: list[tuple[Any, Any]]) -> bool:
        """Add named values, as far as the budget goes; False where a name is no text."""
        harmless, harmless_ever = self._harmless, self._redaction.harmless
        for key, value in pairs:
            if (self.room <= 0 or self.work <= 0) and self.is_full():
                break
            if type(key) is str and (key in harmless_ever or key in harmless):
                if key not in harmless:
                    self.work -= _TEXT + _NAME
                    harmless.add(key)
                cls = class_of(value)
                if cls is int and -_SMALL < value < _SMALL:
                    self.room -= len(key) + (8 if -_MIDDLING < value < _MIDDLING else 4 + _LONG_INT)
                    self.work -= _NUMBER
                    copied[key] = value
                elif cls is float and isfinite(value):
                    self.room -= len(key) + 4 + (4 if (value * 1000).is_integer() else _LONG_FLOAT)
                    self.work -= _NUMBER
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
            if _DICT.__len__(mapping) <= _FEW:
                return list(_DICT.items(mapping))
        except RuntimeError:  # changed size during iteration
            pass
        return self.several(lambda: _DICT.items(mapping), _NUMBER + _TEXT)

    def field(self, copied: dict[str, Any], name: str, value: Any) -> None:
        """One named value; whole out of sight if its name is a secret's."""
        self.work -= _TEXT
        if name in self._rules:
            rule = self._rules[name]
        else:
            rule = self._rules[name] = self._redaction.key(name)
            self.work -= _SECRET_NAME if rule else _NAME
            if name in self._redaction.harmless:
                self._harmless.add(name)
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
            self.work -= _PAIR
            copied.append(self.items(pair))
        return copied

    def several(self, source: Callable[[], Iterable[Any]], least: int = _NUMBER) -> list[Any]:
        """The first of what a built-in container holds, though another thread may be changing it.

        Args:
            source: Begins to tell its items.
            least: The least that each costs.
        """
        for _ in range(_TRIES):
            try:
                return list(islice(source(), self.most_items(least)))
            except RuntimeError:  # changed size during iteration
                continue
        self.limit("a moment without changes")
        return []
