"""Runs SQL that somebody else wrote, over the documented views, on a connection of its own that is thrown away.

What it promises: nothing is written, attached, loaded or read beside those views; time, rows, bytes, memory and the
statement itself are bounded, and rows that were found before a bound stand. SQLite is compiled by others, so no single
one of its limits is trusted: read-only mode, an authorizer, a list of functions and run-time limits each hold alone.
"""

import re
import sqlite3
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any, Final

from recorder.store.sql import SqlAnswer, SqlRefusedError
from recorder.store.sqlite.database import BUSY_S
from recorder.store.sqlite.percentiles import Quantiles
from recorder.store.views import VIEWS

__all__ = ["Sandbox"]

SECONDS: Final = 5.0
BYTES: Final = 1 << 20
LONGEST_SQL: Final = 10_000
_LIMITS: Final = {
    # Of texts, since a function in the middle of a row is not interrupted, and LIKE takes text times pattern.
    sqlite3.SQLITE_LIMIT_LENGTH: 64 << 10,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 4 * LONGEST_SQL,
    sqlite3.SQLITE_LIMIT_COLUMN: 64,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 100,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 50,
    sqlite3.SQLITE_LIMIT_VDBE_OP: 25_000,
    sqlite3.SQLITE_LIMIT_FUNCTION_ARG: 32,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 64,
    sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER: 0,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 0,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}
_OPS_BETWEEN_LOOKS: Final = 5_000
_INTERNAL: Final = ("sqlite_", "pragma_", "dbstat", "fts")
_TABLE_FUNCTIONS: Final = frozenset({"json_each", "json_tree"})
_RECURSIVE: Final = getattr(sqlite3, "SQLITE_RECURSIVE", 33)
_FUNCTIONS: Final = """
-> ->> abs acos asin atan atan2 avg ceil ceiling char coalesce cos count cume_dist current_date current_time
current_timestamp date datetime degrees dense_rank exp first_value floor glob group_concat hex ifnull iif instr json
json_array json_array_length json_extract json_object json_quote json_type json_valid julianday lag last_value lead
length like ln log log10 log2 lower ltrim max median min mod nth_value ntile nullif percent_rank percentile pi pow
power radians rank replace round row_number rtrim sign sin sqrt strftime substr substring sum tan time total trim
trunc typeof unicode unixepoch upper
"""
FUNCTIONS: Final = frozenset(_FUNCTIONS.split())
"""What may be called. Not there: whatever makes large texts of small ones (printf, zeroblob, randomblob, and
json_group_array, which forgets the limit of lengths until it is done), reads or writes files, loads code or tells of
the library."""
_MISSING: Final = re.compile(r"no such (table|column|function): (\S+)")


class Sandbox:
    """One statement's connection. ``interrupt`` may be called from any thread."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._connection: sqlite3.Connection | None = None
        self._quantiles = Quantiles()
        self._interrupted = threading.Event()
        self._denied: SqlRefusedError | None = None
        self._bases: set[str] = set()
        self._hidden: set[str] = set()

    def run(self, sql: str, *, limit: int, offset: int = 0, seconds: float = SECONDS) -> SqlAnswer:
        """At most ``limit`` rows of a query, after the first ``offset``.

        Raises:
            SqlRefusedError: It is no single query, names what is not there, or does what is not allowed.
        """
        if len(sql) > LONGEST_SQL:
            raise SqlRefusedError(f"it has {len(sql):,} characters, and at most {LONGEST_SQL:,} are taken")
        with closing(self._connect()) as connection, _alarm(seconds, self.interrupt):
            return self._answer(connection, sql, limit, offset)

    def interrupt(self) -> None:
        """End the query soon; it answers with what it has."""
        self._interrupted.set()
        if (connection := self._connection) is not None:
            with suppress(sqlite3.ProgrammingError):  # closed meanwhile
                connection.interrupt()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._uri, uri=True, timeout=BUSY_S, isolation_level=None)
        try:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.create_aggregate("percentile", 2, self._quantiles.percentile)  # pyright: ignore[reportArgumentType] - a factory will do
            connection.create_aggregate("median", 1, self._quantiles.median)  # pyright: ignore[reportArgumentType] - the same
            connection.create_function("instr", 2, _instr, deterministic=True)
            connection.create_function("replace", 3, _replace, deterministic=True)
            self._learn(connection)
            for limit, value in _LIMITS.items():
                connection.setlimit(limit, value)
            connection.set_authorizer(self._authorize)
            # Beside the interrupt, which is lost if it comes before the first step.
            connection.set_progress_handler(self._interrupted.is_set, _OPS_BETWEEN_LOOKS)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _learn(self, connection: sqlite3.Connection) -> None:
        """Which tables the views are made of; and let SQLite make its table functions, which is a write to it."""
        bases = self._bases

        def note(action: int, table: str | None, *_: str | None) -> int:
            if action == sqlite3.SQLITE_READ and table is not None:
                bases.add(table)
            return sqlite3.SQLITE_OK

        connection.execute("SELECT count(*) FROM json_each('[]'), json_tree('[]')").close()
        self._hidden.update(name for (name,) in connection.execute("SELECT name FROM sqlite_master"))
        connection.set_authorizer(note)
        for view in VIEWS:
            connection.execute(f"EXPLAIN SELECT * FROM {view}").close()  # noqa: S608 - our own names
        bases -= VIEWS.keys()
        self._hidden -= bases

    def _authorize(
        self, action: int, first: str | None, second: str | None, _database: str | None, source: str | None
    ) -> int:
        """Whether a statement may do that. A name that only poses as a view gets what the views show, no more."""
        if action in {sqlite3.SQLITE_SELECT, _RECURSIVE}:
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_READ:
            return self._authorize_read(first or "", second or "", source)
        if action == sqlite3.SQLITE_FUNCTION:
            if (second or "").lower() in FUNCTIONS:
                return sqlite3.SQLITE_OK
            return self._deny("", "function", second)
        return self._deny("only a single SELECT is allowed: the store is never written or configured from here")

    def _authorize_read(self, table: str, column: str, source: str | None) -> int:
        """Without a column rows are only counted: those of a view's tables, or of something the statement made."""
        name = table.lower()
        if name in VIEWS or name in _TABLE_FUNCTIONS:
            return sqlite3.SQLITE_OK
        if table in self._bases and (not column or (source or "").lower() in VIEWS):
            return sqlite3.SQLITE_OK
        if not column and table not in self._hidden and not name.startswith(_INTERNAL):
            return sqlite3.SQLITE_OK
        return self._deny("", "table", table)

    def _deny(self, reason: str, kind: str = "", name: str | None = None) -> int:
        self._denied = self._denied or SqlRefusedError(reason, kind=kind, name=name or "", valid=_valid(kind, ""))
        return sqlite3.SQLITE_DENY

    def _answer(self, connection: sqlite3.Connection, sql: str, limit: int, offset: int) -> SqlAnswer:
        rows: list[Sequence[Any]] = []
        columns: list[str] = []
        try:
            with self._refused(sql):
                cursor = connection.execute(sql)
                if cursor.description is None:
                    raise SqlRefusedError("only a single SELECT is allowed, and this is none")
                columns = [column[0] for column in cursor.description]
                cut = _take(rows, cursor, limit, offset)
        except _OutOfTimeError:
            cut = "time"
        return SqlAnswer(columns=columns, rows=rows, cut=cut)

    @contextmanager
    def _refused(self, sql: str) -> Generator[None]:
        """Turn what SQLite says into what it means."""
        try:
            yield
        except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError) as error:
            if self._denied is not None:
                raise self._denied from None
            if self._interrupted.is_set() and getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
                raise _OutOfTimeError from None
            found = _MISSING.match(str(error))
            kind, name = found.groups() if found else ("", "")
            reason = self._quantiles.trouble or ("" if kind else _words(error))
            raise SqlRefusedError(reason, kind=kind, name=name, valid=_valid(kind, sql)) from None


class _OutOfTimeError(Exception):
    """The time is over; the rows so far stand."""


@contextmanager
def _alarm(seconds: float, call: Callable[[], None]) -> Generator[None]:
    """Call after so long, from a thread of its own, unless the block is done by then."""
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _valid(kind: str, sql: str) -> tuple[str, ...]:
    """The names that could have been meant: of the views that a statement names, their columns."""
    if kind == "function":
        return tuple(sorted(FUNCTIONS))
    if kind == "table":
        return tuple(VIEWS)
    named = [view for view in VIEWS.values() if view.name in sql.lower()] if kind else []
    return tuple(dict.fromkeys(column.name for view in named for column in view.columns))


def _instr(text: Any, part: Any) -> int | None:
    """Where the part begins, from 1; 0: nowhere. SQLite's own may take the square of the text's length."""
    if text is None or part is None:
        return None
    if isinstance(text, bytes) and isinstance(part, bytes):
        return text.find(part) + 1
    return str(text).find(str(part)) + 1


def _replace(text: Any, old: Any, new: Any) -> str | None:
    """The text with every part replaced, for the same reason; measured before it is made."""
    if text is None or old is None or new is None:
        return None
    text, old, new = str(text), str(old), str(new)
    if not old:
        return text
    if len(text) + text.count(old) * (len(new) - len(old)) > _LIMITS[sqlite3.SQLITE_LIMIT_LENGTH]:
        raise OverflowError
    return text.replace(old, new)


def _take(rows: list[Sequence[Any]], found: Iterator[Sequence[Any]], limit: int, offset: int) -> str:
    """Append rows after the first ``offset``; says what ended them early."""
    size = 0
    for position, row in enumerate(found):
        if position < offset:
            continue
        if len(rows) == limit:
            return "rows"
        size += sum(len(cell) if isinstance(cell, str | bytes) else 8 for cell in row)
        if size > BYTES and rows:
            return "bytes"
        rows.append(row)
    return ""


def _words(error: Exception) -> str:
    """What was wrong, where SQLite or its Python module say it in words of their own."""
    text = str(error)
    if "one statement at a time" in text:
        return "only one statement is taken, and there are several"
    if "too big" in text or "too large" in text:
        most = _LIMITS[sqlite3.SQLITE_LIMIT_LENGTH] >> 10
        return f"a text or blob in it is larger than {most} KiB: take length, or leave it out"
    if "null character" in text:
        return "it holds a NUL character"
    if isinstance(error, UnicodeEncodeError):
        return "it holds half of a surrogate pair, which is no text"
    return text
