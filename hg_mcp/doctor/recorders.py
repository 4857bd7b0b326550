"""Who records into a store: which processes live, which died, what of theirs is not read yet, whose clock is off."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hg_mcp.doctor.findings import Finding, notice, ok, problem
from hg_mcp.sizes import counted, size_words
from hg_mcp.text import one_line
from recorder.errors import RecorderError
from recorder.ingest.backlog import backlog, has_died
from recorder.ingest.lock import ingesting_process
from recorder.journal.frames import ProcessFrame
from recorder.journal.liveness import owner_state
from recorder.journal.reader import SegmentReader, segment_files
from recorder.location import StoreLocation
from recorder.store.sqlite import read_offsets

__all__ = ["ingest", "journals", "recorders"]

_SILENT_S: Final = 15
_AHEAD_S: Final = 60
_MOST_NAMED: Final = 10


@dataclass(frozen=True, slots=True)
class _Writer:
    process: ProcessFrame
    state: str
    quiet_s: float


def journals(location: StoreLocation) -> Iterator[Finding]:
    """What of the journals is not in the database yet, or never will be."""
    try:
        offsets = read_offsets(location.database, immutable=not os.access(location.directory, os.W_OK))
    except RecorderError:  # told as the database's
        offsets = {}
    behind = backlog(location.journal, lambda name: offsets.get(name, 0))
    count = len(segment_files(location.journal))
    if behind.bytes:
        where = f"{behind.segments:,} of {counted(count, 'file')}"
        says = f"{size_words(behind.bytes)} in {where} is not in the database yet"
        yield notice("journals", says, "any question reads them: hg-mcp list-runs")
    else:
        yield ok("journals", f"{counted(count, 'file')}, all read")
    for name in behind.refused[:_MOST_NAMED]:
        yield problem("journals", f"{name} is of a newer or another program: untouched", "pip install --upgrade hg-mcp")


def recorders(location: StoreLocation) -> Iterator[Finding]:
    """Each process with a journal here that did not end by itself."""
    writers = list(_writers(location.journal))
    if not writers:
        yield ok("recorders", "none is recording now")
    for writer in writers[:_MOST_NAMED]:
        yield _told(writer)
    if len(writers) > _MOST_NAMED:
        yield notice("recorders", f"and {len(writers) - _MOST_NAMED:,} more")
    ahead = [writer for writer in writers if writer.process.started_at / 1e6 - time.time() > _AHEAD_S]
    for writer in ahead[:_MOST_NAMED]:
        seconds = round(writer.process.started_at / 1e6 - time.time())
        do = "set the clocks alike: `latest` and all times follow the recorder's"
        yield problem("clock", f"{_name(writer.process)} is {seconds:,} s ahead of this machine", do)


def ingest(location: StoreLocation) -> Iterator[Finding]:
    """Who holds the lock that makes its holder the one who writes the database."""
    pid = ingesting_process(location.ingest_lock)
    if pid:
        yield ok("ingest", f"process {pid} reads journals into the database now")


def _writers(journal: str) -> Iterator[_Writer]:
    """Who has not ended, by the newest file of each; those who live first."""
    newest = {os.path.basename(path).rpartition("-")[0]: path for path in segment_files(journal)}
    found: list[_Writer] = []
    for path in newest.values():
        try:
            reader = SegmentReader(path)
            quiet = time.time() - os.stat(path).st_mtime
        except (OSError, RecorderError):
            continue
        ending = reader.ending()
        if ending is None or not ending.last:
            state = "dead" if has_died(path, reader.process) else owner_state(path, reader.process)
            found.append(_Writer(reader.process, state, quiet))
        reader.close()
    yield from sorted(found, key=lambda writer: (writer.state != "alive", writer.quiet_s))


def _told(writer: _Writer) -> Finding:
    name, quiet = _name(writer.process), f"last wrote {writer.quiet_s:,.0f} s ago"
    if writer.state == "alive":
        idle = "; it is idle or stuck" if writer.quiet_s > _SILENT_S else ""
        return ok("recorders", f"{name} is alive, {quiet}{idle}")
    if writer.state == "dead":
        do = "its runs are told as crashed: hg-mcp list-runs --status=crashed"
        return notice("recorders", f"{name} died without ending, {quiet}", do)
    return notice("recorders", f"{name} is on another machine, or was: {quiet}", "ask there whether it lives")


def _name(process: ProcessFrame) -> str:
    return one_line(f"process {process.pid} on {process.host or 'an unknown host'} in {process.cwd}", 200)
