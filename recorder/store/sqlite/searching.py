"""Finds texts in the store: through the index, in runs not indexed yet by their rows, without FTS5 by reading.

What it promises: each search reads a bounded number of texts, and says from where to go on; what was found twice by
word is found once.
"""

import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from recorder.events import RUN_STATUSES
from recorder.store.sqlite.indexing import first_place
from recorder.store.sqlite.queries import QUERIES, conjunction
from recorder.store.text import KINDS, TextHit, TextHits, contains

__all__ = ["Fetch", "TextSearch"]

Fetch = Callable[..., Awaitable[list[sqlite3.Row]]]

_PAGES: Final = (50, 400, *[2_000] * 10)
"""A filter that keeps few of many hits is answered in parts of so many texts."""
_PENDING_RUNS: Final = 50
_PENDING_TEXTS: Final = 2_000
_SPELLINGS: Final = 50
_END: Final = (1 << 63) - 1
_LAST_CHARACTER: Final = "\U0010ffff"


class TextSearch:
    """One search over a reader's connection."""

    def __init__(self, fetch: Fetch, phrases: Sequence[str], conditions: list[str], values: dict[str, Any]) -> None:
        self._fetch, self._phrases, self._conditions, self._values = fetch, phrases, conditions, values
        self._matching = ""

    async def hits(self, *, limit: int, before: int | None) -> TextHits:
        """At most ``limit`` hits before a place."""
        index, texts = (await self._fetch(QUERIES["search_state"]))[0]
        start = _END if before is None else before
        pending, unsearched = await self._pending(start)
        found, after = await self._indexed(start, limit, index=bool(index))
        hits = sorted([*pending, *found], key=lambda hit: -hit.place)
        hits = [hit for hit in hits if after is None or hit.place >= after]
        if len(hits) > limit:
            hits, after = hits[:limit], hits[limit - 1].place
        return TextHits(
            hits=hits,
            after=after,
            runs_unsearched=unsearched,
            texts_unsearched=await self._count("count_left_out"),
            index=bool(index or not texts),
        )

    async def _indexed(self, before: int, limit: int, *, index: bool) -> tuple[list[TextHit], int | None]:
        """Hits among what is indexed, and the place to go on from."""
        hits: list[TextHit] = []
        for page in _PAGES:
            read, places = await self._candidates(before, page, index=index)
            if places:
                encoded = msgspec.json.encode(places).decode()
                rows = await self._fetch(conjunction("texts_at", self._conditions), places=encoded, **self._values)
                hits += [_hit(row) for row in rows if contains(self._phrases, row["text"])]
            if read is None:
                return hits, None
            before = read
            if len(hits) > limit:
                break
        return hits, before

    async def _candidates(self, before: int, page: int, *, index: bool) -> tuple[int | None, list[int]]:
        """Places of texts that may hold the phrases, and the last place read; None: there are no more."""
        first = first_place(self._values["since"] or 0) if "where_run_since" in self._conditions else 0
        bounds = {"before": before, "first": first, "limit": page}
        if index:
            rows = await self._fetch(QUERIES["words_found"], match=await self._match(), **bounds)
        else:
            rows = await self._fetch(QUERIES["texts_before"], **bounds)
        places = [row["id"] for row in rows if index or contains(self._phrases, row["text"])]
        return (rows[-1]["id"] if len(rows) == page else None), places

    async def _match(self) -> str:
        """The phrases as FTS5 takes them."""
        if not self._matching:
            await self._fetch(QUERIES["open_vocabulary"])
            self._matching = " AND ".join([await self._spelled_out(phrase.split()) for phrase in self._phrases])
        return self._matching

    async def _spelled_out(self, phrase: Sequence[str]) -> str:
        """A phrase with each of the words that its last one begins.

        FTS5 walks words backwards from the newest text; of a beginning it would first collect all texts that there are.
        """
        *words, last = phrase
        if last.isascii():  # else FTS5 may part words where we do not
            end = last + _LAST_CHARACTER
            known = await self._fetch(QUERIES["words_beginning"], word=last, end=end, limit=_SPELLINGS + 1)
            if len(known) <= _SPELLINGS:
                spellings = [word for (word,) in known] or [last]
                return f"({' OR '.join(_quoted(*words, word) for word in spellings)})"
        return f"{_quoted(*words, last)} *"

    async def _pending(self, before: int) -> tuple[list[TextHit], int]:
        """Hits in the newest of the runs that are not indexed, and how many more there are."""
        query = conjunction("pending_runs", self._conditions)
        runs = await self._fetch(query, limit=_PENDING_RUNS, **self._values)
        hits: list[TextHit] = []
        for row in runs:
            first = first_place(row["started_at"])
            if first < before:
                hits += [hit for hit in await self._in_rows(row, first) if hit.place < before]
        more = await self._count("count_pending") - len(runs) if len(runs) == _PENDING_RUNS else 0
        return hits, more

    async def _in_rows(self, run: sqlite3.Row, first: int) -> list[TextHit]:
        rows = await self._fetch(QUERIES["run_texts"], run=run["run"], limit=_PENDING_TEXTS, skip=0)
        found = [
            (first + len(rows) - position, row)
            for position, row in enumerate(rows)
            if contains(self._phrases, row["text"])
        ]
        return await with_paths(self._fetch, run, found)

    async def _count(self, query: str) -> int:
        return (await self._fetch(conjunction(query, self._conditions), **self._values))[0][0]


async def with_paths(fetch: Fetch, run: sqlite3.Row, texts: Sequence[tuple[int, sqlite3.Row]]) -> list[TextHit]:
    """Texts of a run with the paths of their steps; ``run`` is a row that says which."""
    steps = msgspec.json.encode(sorted({row["step"] for _, row in texts})).decode()
    paths = {row["step"]: row["path"] for row in await fetch(QUERIES["paths"], run=run["run"], steps=steps)}
    return [_hit({"place": place, "path": paths.get(row["step"], "")}, run, row) for place, row in texts]


def _quoted(*words: str) -> str:
    return f'"{" ".join(words)}"'


def _hit(*parts: sqlite3.Row | Mapping[str, Any]) -> TextHit:
    """A hit from the rows that say something of it."""
    fields: dict[str, Any] = {}
    for part in parts:
        names: Iterable[str] = part.keys()
        fields.update({name: part[name] for name in names})
    fields.update(kind=KINDS[fields["kind"]], status=RUN_STATUSES[fields["status"]])
    return TextHit(**fields)
