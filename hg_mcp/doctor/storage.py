"""The store on disk: where it is, whether its database is sound, who may read it, and what room is left."""

import os
import shlex
import shutil
import stat
from collections.abc import Iterator
from typing import Final

from hg_mcp.doctor.findings import Finding, notice, ok, problem
from hg_mcp.sizes import counted, size_words
from hg_mcp.text import one_line
from recorder.errors import ForeignFileError, NewerFormatError, StoreFailedError, StoreLockedError
from recorder.ingest.backlog import segment_sizes
from recorder.journal.writer import Limits
from recorder.location import StoreLocation
from recorder.store.sqlite.health import StoreHealth, store_health
from recorder.values import unmatched_words

__all__ = ["database", "disk", "permissions"]

_LOSSES: Final = {
    "events_lost": ("event", "could not be written", "free disk space, and see the permissions here"),
    "late_events": ("event", "came after close()", "call close() only when the last run is over"),
    "segments_dropped": (
        "journal file",
        "dropped unread: at the journal's limit, or with a store that was removed",
        "leave `hg-mcp serve` running, which empties the journal; end what records before you remove a store",
    ),
    "values_dropped": ("value", "left out for want of room", "free disk space, or record fewer: ValueTracer(...)"),
    "bad_frames": ("frame", "damaged on disk", "check the disk; what surrounds them was read"),
    "bytes_lost": ("byte", "of journals could not be read", "check the disk; what surrounds them was read"),
    "frames_quarantined": ("frame", "that fitted no table kept aside", "report it, with the table `quarantine`"),
}


def database(location: StoreLocation) -> Iterator[Finding]:
    """Format, soundness and losses of the database."""
    if not os.path.exists(location.database):
        yield notice("database", "nothing was read into it yet", "any question does that: hg-mcp list-runs")
        return
    try:
        health = store_health(location.database, immutable=not os.access(location.directory, os.W_OK))
    except NewerFormatError as error:
        yield problem("database", str(error), "pip install --upgrade hg-mcp")
    except StoreLockedError as error:
        do = f"wait for that program, or end it; who it is: fuser {shlex.quote(location.database)}"
        yield problem("database", str(error), do)
    except ForeignFileError as error:
        yield problem("database", str(error), f"move it away: journals fill a new one ({location.database})")
    except StoreFailedError as error:
        do = f"see to its permissions and the disk; what is damaged, sqlite3 {location.database} .recover reads"
        yield problem("database", str(error), do)
    else:
        yield from _health(location, health)


def _health(location: StoreLocation, health: StoreHealth) -> Iterator[Finding]:
    size = size_words(os.path.getsize(location.database))
    if health.format < health.current_format:
        yield notice("database", f"has the older format {health.format}, {size}", "any question brings it up to date")
    else:
        runs = f"{counted(health.runs, 'run')}, {health.running:,} of them running"
        yield ok("database", f"format {health.format}, {size}, {runs}")
    if health.damage is None:
        yield notice("database", "is too large to be checked here", f"sqlite3 {location.database} 'PRAGMA quick_check'")
    elif health.damage:
        yield problem("database", f"is damaged: {health.damage}", f"sqlite3 {location.database} .recover")
    if not health.full_text:
        yield notice("database", "this SQLite has no full-text search", "use a Python built with FTS5 to search fast")
    for name, count in health.losses.items():
        if count:
            noun, became, do = _LOSSES[name]
            yield problem("losses", f"{counted(count, noun)} {became}", do)
    if words := unmatched_words(health.unmatched):
        do = "mend the pattern: docs/values.md says how they are written"
        yield notice("values", f"the recorder heard of last: {one_line(words, 300)}", do)


def permissions(location: StoreLocation) -> Iterator[Finding]:
    """Whether the store is its owner's alone: this account's, or anybody's where root looks."""
    owner = os.geteuid() or os.stat(location.directory).st_uid
    paths = [location.directory, location.journal, location.database, f"{location.database}-wal"]
    paths += [os.path.join(location.journal, name) for name in segment_sizes(location.journal)]
    found = [finding for path in paths if os.path.lexists(path) for finding in _access(path, owner)]
    yield from found or [ok("permissions", "the store is its owner's alone")]


def _access(path: str, owner: int) -> Iterator[Finding]:
    status = os.lstat(path)
    quoted = shlex.quote(path)
    if stat.S_ISLNK(status.st_mode):
        yield problem("permissions", f"{path} is a symbolic link", "record into the directory itself")
        return
    if status.st_uid != owner:
        yield problem(
            "permissions", f"{path} belongs to another account (uid {status.st_uid})", f"chown {owner} {quoted}"
        )
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        mode = "700" if stat.S_ISDIR(status.st_mode) else "600"
        yield problem("permissions", f"others may open {path}", f"chmod {mode} {quoted}")


def disk(location: StoreLocation) -> Iterator[Finding]:
    """Room, against the limits at which recording gives way."""
    limits = Limits()
    free = shutil.disk_usage(location.directory).free
    journal = sum(segment_sizes(location.journal).values())
    says = f"{size_words(free)} free, the journal holds {size_words(journal)} of {size_words(limits.journal)}"
    if free < limits.free:
        yield problem("disk", f"{says}: below {size_words(limits.free)} nothing is recorded for long", "free space")
    elif journal > limits.journal * 3 // 4:
        yield problem("disk", f"{says}: soon the oldest of it is dropped", "any question empties it: hg-mcp list-runs")
    else:
        yield ok("disk", says)
