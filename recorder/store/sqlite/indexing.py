"""Keeps what is searched apart from what is recorded: ingest marks the runs it touched, and indexes them afterwards.

What it promises: rows never wait for the index; a run that is marked is not answered from the index but from its rows.
Each transaction is small, so the index may be left behind at any moment. What is indexed of a run has one owner here:
who deletes a run calls ``forget``.
"""

import sqlite3
import time
from collections.abc import Iterable, Iterator
from typing import Final

from recorder.store.sqlite.queries import QUERIES
from recorder.store.text import words

__all__ = ["SearchIndex", "first_place"]

_PLACES_A_MS: Final = 1 << 22
_LAST_MS: Final = (1 << 41) - 2
"""Of the years that have places, up to 2039; whatever is said to have been earlier or later stands at the ends."""
_MOST_TEXTS: Final = 2_000
"""Distinct texts of a run that are indexed; 350 bytes of index each."""
_BATCH: Final = 200


class SearchIndex:
    """What a writer does about searching. The caller holds the transaction where it says so."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._words: bool | None = None

    def mark(self, runs: Iterable[int]) -> None:
        """The runs changed. In the transaction that changes them."""
        self._connection.executemany(QUERIES["mark_pending"], ((run,) for run in runs))

    def forget(self, run: int) -> None:
        """Nothing of the run is found any more. In the transaction that deletes it."""
        self._drop(run)
        self._connection.execute(QUERIES["unmark_pending"], (run,))

    def index_some(self) -> int:
        """Index some of the marked runs that are no longer going on, oldest first; how many. In a transaction."""
        if not self._is_ready():
            return 0
        runs = self._connection.execute(QUERIES["pending_to_index"], {"limit": _BATCH}).fetchall()
        stop = time.monotonic() + 0.1  # so that no transaction is long: a run of many texts may take a while
        done = 0
        for key, started_at in runs:
            self._drop(key)
            self._add(key, started_at)
            self._connection.execute(QUERIES["unmark_pending"], (key,))
            done += 1
            if time.monotonic() > stop:
                break
        return done

    def _is_ready(self) -> bool:
        """Whether texts may be added: their words too where FTS5 is there; never texts beside an index without them."""
        if self._words is None:
            known = self._connection.execute(QUERIES["has_search_index"]).fetchone()[0]
            try:
                self._connection.execute(QUERIES["create_search_index"])
                self._words = True
            except sqlite3.OperationalError:  # no FTS5 in this SQLite
                self._words = False
                return not known
            if not known:  # whatever was added without
                self._connection.execute(QUERIES["mark_indexed"])
                self._connection.execute(QUERIES["drop_all_texts"])
        return self._words or not self._connection.execute(QUERIES["has_search_index"]).fetchone()[0]

    def _drop(self, run: int) -> None:
        if self._connection.execute(QUERIES["has_search_index"]).fetchone()[0]:
            texts = self._connection.execute(QUERIES["texts_indexed"], (run,)).fetchall()
            self._connection.executemany(QUERIES["drop_words"], ((key, words(text)) for key, text in texts))
        self._connection.execute(QUERIES["drop_texts"], (run,))
        self._connection.execute(QUERIES["drop_left_out"], (run,))

    def _add(self, run: int, started_at: int) -> None:
        found = self._connection.execute(QUERIES["run_texts"], {"run": run, "limit": -1, "skip": 0})
        texts = [row for _, row in zip(range(_MOST_TEXTS), found, strict=False)]
        left_out = sum(1 for _ in found)
        for key, (kind, step, count, text) in zip(self._places(started_at, len(texts)), reversed(texts), strict=True):
            self._connection.execute(QUERIES["add_text"], (key, run, kind, step, count, text))
            if self._words:
                self._connection.execute(QUERIES["add_words"], (key, words(text)))
        if left_out:
            self._connection.execute(QUERIES["add_left_out"], (run, left_out))

    def _places(self, started_at: int, count: int) -> Iterator[int]:
        """Free places of the run's millisecond, after those of other runs that began in it."""
        first = first_place(started_at)
        last = self._connection.execute(QUERIES["last_place"], (first, first + _PLACES_A_MS)).fetchone()[0]
        begin = first if last is None else last + 1
        return iter(range(begin, begin + count))


def first_place(moment: int) -> int:
    """Where the texts of a run that began at a moment (microseconds) stand in the index: it is in the order of time."""
    return min(max(moment // 1000, 0), _LAST_MS) * _PLACES_A_MS
