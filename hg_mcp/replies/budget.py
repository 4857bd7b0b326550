"""How a reply is made to fit its budget: the one mechanism, for every tool.

A reply is a core, which always fits, and parts in order of importance. The parts become one sequence of small units:
a row's handles, then its other members one by one, long texts by characters. What is kept is the longest prefix of
that sequence whose encoding fits, together with the ``omitted`` entries that are due then. So a larger budget never
shows less, little of a budget is wasted, and whatever was left out is counted and named with the call that returns
it.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Final, cast

import msgspec

from hg_mcp.replies.units import Passage, Put, Recorded, Unit, beginning, more, pieces

__all__ = ["MAXIMUM", "MINIMUM", "Call", "Part", "encode", "fitted", "tokens"]

MINIMUM: Final = 300
MAXIMUM: Final = 50_000
_BYTES_PER_TOKEN: Final = 4
_COSTLY: Final = 160
"""Bytes beyond the call that was asked, from which naming what is left out takes the place of showing it."""

Doc = dict[str, Any]
Call = dict[str, Any]
encode: Callable[[Any], bytes] = msgspec.json.encode


def tokens(encoded: bytes) -> int:
    """What a reply costs: its bytes, four to the token."""
    return -(-len(encoded) // _BYTES_PER_TOKEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """A recorded text, shown by characters as ``text``; ``onward`` gives the call that goes on after the first n.

    Once all of it fits, it is shown as ``value`` instead where ``data`` is given: the JSON that the text stands for.
    """

    text: str
    onward: Callable[[int], Call]
    data: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Something that a reply can do without: a list of rows, or an object as one row.

    ``field`` is its name in the reply, ``handles`` are the members that come with each row whatever happens, long ones
    cut at first but for those that are ``whole``. With ``early`` the handles of the first row, or all of it where it is
    a text, go before whatever is not early. ``head`` is the number of rows that go before any other part's tail,
    ``beyond`` counts rows that exist but were not fetched. ``rest`` gives the call that returns what follows the first
    n rows. With ``wider`` the same question with a larger budget is named instead, while there is one. ``what`` is the
    word for what is left out, if not the field's name.

    ``recorded`` gives rows of the field JSON that a program recorded: it is shown whole as ``value``, else its head as
    ``preview``. It comes after all rows, smallest first. ``excerpt`` is that of the first row where it is the only one.
    """

    field: str
    rest: Callable[[int], Call]
    handles: frozenset[str] = frozenset()
    whole: frozenset[str] = frozenset()
    what: str = ""
    early: bool = False
    head: int = 1_000_000
    beyond: int = 0
    wider: bool = False
    recorded: Mapping[int, bytes] | None = None
    excerpt: Excerpt | None = None

    @property
    def is_content(self) -> bool:
        """Whether this is what rows of another part hold."""
        return self.recorded is not None or self.excerpt is not None


def fitted(doc: Doc, parts: Sequence[Part], *, budget: int, asked: Call) -> bytes:
    """The encoded reply, at most ``budget`` tokens. ``asked`` is the call that this answers."""
    return _Sequence(doc, parts, budget, asked).encoded()


@dataclass(slots=True)
class _Laid:
    """A part laid out: the objects its rows will be, and where in the sequence each is complete.

    ``begun`` is what completes the first row, where its handles were laid out ``early``; None where they were not.
    """

    part: Part
    rows: list[Doc] = field(default_factory=list[Doc])
    ends: list[int] = field(default_factory=list[int])
    begun: list[Unit] | None = None


class _Sequence:
    """All parts of a reply as one sequence of units over its core."""

    def __init__(self, doc: Doc, parts: Sequence[Part], budget: int, asked: Call) -> None:
        self._doc, self._asked, self._budget, self._limit = doc, asked, budget, budget * _BYTES_PER_TOKEN
        self._units: list[Unit] = []
        self._laid = [_Laid(part) for part in parts if part.field in doc]
        contents = {laid.part.field: doc[laid.part.field] for laid in self._laid}
        for laid in self._laid:
            doc[laid.part.field] = _empty(contents[laid.part.field], laid.part.handles, laid.part.whole)
        core = len(encode(doc))
        self._lay_out(contents)
        self._before = list(accumulate((unit.size(unit.steps) for unit in self._units), initial=core))

    def encoded(self) -> bytes:
        """Show what fits."""
        complete, partly = self._longest()
        for unit in self._units[:complete]:
            unit.show(unit.steps)
        if partly:
            self._units[complete].show(partly)
        if omitted := self._omitted(complete, partly):
            self._doc["omitted"] = omitted
        return encode(self._doc)

    def _longest(self) -> tuple[int, int]:
        """The most that fits: how many units completely, and how many steps of the next one."""
        for complete in range(bisect_right(self._before, self._limit) - 1, -1, -1):
            room = self._limit - self._before[complete] - self._size_omitted(complete)
            if room >= 0:
                return complete, self._steps_within(room, complete)
        return 0, 0

    def _steps_within(self, room: int, complete: int) -> int:
        if complete == len(self._units):
            return 0
        unit = self._units[complete]
        return bisect_right(range(unit.steps), room, key=unit.size) - 1

    def _size_omitted(self, complete: int) -> int:
        """The most that it can take, however much of the next unit is shown."""
        omitted = [self._omitted(complete, partly) for partly in (0, self._limit)]
        return max(len(encode({"omitted": entries})) - 1 if entries else 0 for entries in omitted)

    def _omitted(self, complete: int, partly: int) -> list[Doc]:
        """What is left out when so many units are complete, one entry for each call that returns some of it."""
        found: list[Doc] = []
        for laid in self._laid:
            kept = bisect_right(laid.ends, complete)
            if left := len(laid.ends) - kept + laid.part.beyond:
                excerpt = laid.part.excerpt if partly and laid.ends and laid.ends[-1] == complete + 1 else None
                call = excerpt.onward(partly) if excerpt else self._rest(laid, kept)
                _join(found, {"what": laid.part.what or laid.part.field, "how_many": left, "call": call})
        return found

    def _rest(self, laid: _Laid, kept: int) -> Call:
        """The call for what follows; with a larger budget the same one, also where naming the rest would cost much."""
        wanted = min(-(-self._before[-1] // _BYTES_PER_TOKEN) + 100, MAXIMUM)
        rest = laid.part.rest(kept)
        costly = len(encode(rest)) > len(encode(self._asked)) + _COSTLY
        if kept < len(laid.ends) and (laid.part.wider or not kept or costly) and wanted > self._budget:
            return {**self._asked, "arguments": {**self._asked["arguments"], "budget": wanted}}
        return rest

    def _lay_out(self, contents: Mapping[str, Any]) -> None:
        plain = [laid for laid in self._laid if not laid.part.is_content]
        for laid in plain:
            if laid.part.early and (rows := contents[laid.part.field]):
                self._begin(laid, rows[0])
        for tail in (False, True):
            for laid in plain:
                self._lay_out_rows(laid, contents[laid.part.field], tail=tail)
        rows = {laid.part.field: laid.rows for laid in plain}
        for laid in self._laid:
            if excerpt := laid.part.excerpt:
                row = rows[laid.part.field][0]
                self._add(laid, [Passage(row, excerpt.text, self._limit, data=excerpt.data)])
            for index, data in sorted((laid.part.recorded or {}).items(), key=lambda item: (len(item[1]), item[0])):
                self._add(laid, [Recorded(rows[laid.part.field][index], data, self._limit)])

    def _begin(self, laid: _Laid, row: Any) -> None:
        """Lay out the first row as far as it is early."""
        units = list(self._row(laid, self._doc[laid.part.field], row, first=True))
        early = 1 if isinstance(row, dict) else len(units)
        self._units += units[:early]
        laid.begun = units[early:]
        if not laid.begun:
            laid.ends.append(len(self._units))

    def _lay_out_rows(self, laid: _Laid, content: Any, *, tail: bool) -> None:
        target, head = self._doc[laid.part.field], laid.part.head
        if isinstance(content, dict):
            if not tail:
                self._add(laid, self._members(laid, target, cast("Doc", content)))
            return
        for index, row in enumerate(content[head:] if tail else content[:head], head if tail else 0):
            if index or laid.begun is None:
                self._add(laid, self._row(laid, target, row, first=not index))
            elif laid.begun:
                self._add(laid, laid.begun)

    def _row(self, laid: _Laid, target: list[Any], content: Any, *, first: bool) -> Iterator[Unit]:
        if not isinstance(content, dict):
            yield from pieces(target, None, content, self._limit, first=first)
            return
        members = cast("Doc", content)
        row: Doc = _empty(members, laid.part.handles, laid.part.whole)
        laid.rows.append(row)
        yield Put(target, None, row, first=first)
        yield from self._members(laid, row, members)

    def _members(self, laid: _Laid, row: Doc, members: Doc) -> Iterator[Unit]:
        """What completes a row, or an object, that has its handles."""
        first = not row
        for key, value in members.items():
            if key not in laid.part.handles:
                yield from pieces(row, key, value, self._limit, first=first)
                first = False
            elif row[key] is not value:
                yield from more(row, key, row[key], value, self._limit)

    def _add(self, laid: _Laid, units: Iterator[Unit] | list[Unit]) -> None:
        self._units.extend(units)
        laid.ends.append(len(self._units))


def _empty(content: Any, handles: frozenset[str], whole: frozenset[str]) -> Any:
    """A list without rows, or an object with its handles only."""
    if not isinstance(content, dict):
        return []
    members = cast("Doc", content).items()
    return {key: value if key in whole else beginning(value) for key, value in members if key in handles}


def _join(found: list[Doc], entry: Doc) -> None:
    for other in found:
        if other["call"] == entry["call"]:
            other["what"] += ", " + entry["what"]
            other["how_many"] += entry["how_many"]
            return
    found.append(entry)
