"""Where a store is: one rule for the recorder that creates it and the readers that look for it.

A default store never lands in ``/``, ``$HOME``, a symlink, or a directory that somebody else owns or may write to,
since whoever may write there could read what was recorded or have it written elsewhere. Where no directory will do,
recorders fall back to one under ``$XDG_STATE_HOME``, and readers look there last. Where somebody names a directory, it
and a link to it have to be their own; root may record into anybody's, and leaves files that its owner can read.
"""

import os
import stat
import sys
import time
import zlib
from collections.abc import Iterator

from msgspec import Struct

from recorder.errors import ForeignFileError, NoStoreError, StoreFailedError

__all__ = [
    "STORE_NAME",
    "StoreLocation",
    "announce",
    "find_store",
    "note_written",
    "open_private",
    "passed_over",
    "place_store",
    "recent_stores",
]

STORE_NAME = ".hg_mcp"
_PROJECT_MARKS = (".git", "pyproject.toml")
_DAY_S = 86_400


class StoreLocation(Struct, frozen=True):
    """A store's directory and what lies in it."""

    directory: str

    @property
    def database(self) -> str:
        """The SQLite database."""
        return os.path.join(self.directory, "runs.db")

    @property
    def journal(self) -> str:
        """The directory of the recorders' segments."""
        return os.path.join(self.directory, "journal")

    @property
    def ingest_lock(self) -> str:
        """The file whose lock makes its holder the one who writes the database."""
        return os.path.join(self.directory, "ingest.lock")

    @property
    def exists(self) -> bool:
        """Whether something was ever recorded here."""
        return os.path.isdir(self.journal) or os.path.isfile(self.database)


def place_store(store: str | os.PathLike[str] | None = None) -> StoreLocation:
    """The store to record into, created if need be (directories 0700).

    Args:
        store: A directory; None means ``$HG_MCP_STORE``, else the nearest ``.hg_mcp`` upwards, else one in the nearest
            project's directory or here, else the fallback.

    Raises:
        OSError: The directory cannot be created or written.
        ForeignFileError: It is no directory, or a ``postgresql://`` store, which this version cannot record into.
        StoreFailedError: The directory, or a link that stands for it, is another account's.
    """
    location = _named(store) or StoreLocation(_default_directory())
    _refuse_files(location.directory)
    _refuse_anothers(location.directory)
    _make_journal(location)
    ignore = os.path.join(location.directory, ".gitignore")
    if not os.path.exists(ignore):
        os.chmod(location.directory, 0o700)
        with open(open_private(ignore, os.O_WRONLY), "w", encoding="ascii") as file:
            file.write("*\n")
    return location


def open_private(path: str, flags: int) -> int:
    """Open a file of a store, no link, and create it (0600) if need be. What root creates is the directory's owner's.

    Raises:
        OSError: As ``os.open``.
    """
    flags |= os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        handle = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        if flags & os.O_EXCL:
            raise
        return os.open(path, flags | os.O_CREAT, 0o600)
    _give_away(handle, os.path.dirname(path))
    return handle


def find_store(store: str | os.PathLike[str] | None = None) -> StoreLocation:
    """The store to read. Creates nothing.

    Args:
        store: A store's directory or that of the project around it; None means ``$HG_MCP_STORE``, else the nearest
            ``.hg_mcp`` upwards, else the fallback.

    Raises:
        NoStoreError: Nothing was recorded where it looked.
        ForeignFileError: It is no directory, or a ``postgresql://`` store, which this version cannot read.
        StoreFailedError: This account may not look into the directory that was named.
    """
    named = _named(store)
    if named is not None:
        candidates = [named, StoreLocation(os.path.join(named.directory, STORE_NAME))]
        for candidate in candidates:
            _refuse_files(candidate.directory)
            _refuse_closed(candidate.directory)
    else:
        candidates = [StoreLocation(os.path.join(base, STORE_NAME)) for base in _upwards() if _is_safe(base)]
        candidates.append(StoreLocation(_fallback_directory()))
    for candidate in candidates:
        if candidate.exists:
            return candidate
    raise NoStoreError(tuple(candidate.directory for candidate in candidates), tuple(recent_stores()))


def passed_over() -> list[str]:
    """Stores upwards that nobody records into or reads unless they are named: others have a say there."""
    found = [os.path.join(base, STORE_NAME) for base in _upwards() if not _is_safe(base)]
    return [directory for directory in found if os.path.isdir(directory)]


def note_written(location: StoreLocation) -> bool:
    """Remember in this account's registry that somebody recorded here now.

    Returns:
        Whether that was not noted within the last day. A failure only costs a hint.
    """
    try:
        directory = _registry_directory()
        os.makedirs(directory, mode=0o700, exist_ok=True)
        path = os.path.join(directory, f"{zlib.crc32(os.fsencode(location.directory)):08x}")
        is_first = not os.path.exists(path) or time.time() - os.stat(path).st_mtime > _DAY_S
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(location.directory)
        return is_first
    except OSError:
        return False


def recent_stores(limit: int = 5) -> list[str]:
    """Stores this account wrote and that still exist, last written first."""
    directory = _registry_directory()
    entries: list[tuple[float, str]] = []
    try:
        for entry in os.scandir(directory):
            with open(entry.path, encoding="utf-8", errors="surrogateescape") as file:
                entries.append((entry.stat().st_mtime, file.read()))
    except OSError:
        pass
    return [path for _, path in sorted(entries, reverse=True) if StoreLocation(path).exists][:limit]


def _named(store: str | os.PathLike[str] | None) -> StoreLocation | None:
    name = os.fspath(store) if store is not None else os.environ.get("HG_MCP_STORE", "")
    if not name:
        return None
    if "://" in name:
        raise ForeignFileError(name, "only a directory can be a store in this version")
    return StoreLocation(os.path.abspath(os.path.expanduser(name)))


def _default_directory() -> str:
    bases = [base for base in _upwards() if _is_safe(base)]
    for base in bases:
        if os.path.isdir(os.path.join(base, STORE_NAME)):
            return os.path.join(base, STORE_NAME)
    for base in bases:
        if any(os.path.exists(os.path.join(base, mark)) for mark in _PROJECT_MARKS):
            return os.path.join(base, STORE_NAME)
    if bases and bases[0] == os.getcwd():
        return os.path.join(bases[0], STORE_NAME)
    return _fallback_directory()


def _upwards() -> Iterator[str]:
    try:
        base = os.getcwd()
    except OSError:  # the working directory is gone
        return
    while True:
        yield base
        parent = os.path.dirname(base)
        if parent == base:
            return
        base = parent


def _is_safe(base: str) -> bool:
    """Whether a store in that directory is, or would be, ours alone."""
    if base in {os.path.sep, os.path.realpath(os.path.expanduser("~"))} or not _is_private(base):
        return False
    directory = os.path.join(base, STORE_NAME)
    return _is_private(directory) if os.path.lexists(directory) else True


def _is_private(directory: str) -> bool:
    """Whether only this account may write there. A group of one's own (umask 002 systems) counts as oneself."""
    if not hasattr(os, "geteuid"):
        return True
    try:
        status = os.lstat(directory)
    except OSError:
        return False
    own_group = status.st_gid == os.getegid() == os.geteuid()
    writable_by_others = status.st_mode & (stat.S_IWOTH if own_group else stat.S_IWOTH | stat.S_IWGRP)
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not writable_by_others


def _refuse_anothers(directory: str) -> None:
    """Record neither where somebody else decides who reads it, nor through their link to wherever they like.

    Root records where it is told to: whoever owns that is given what it leaves there.
    """
    if hasattr(os, "geteuid") and os.path.lexists(directory):
        owners = [os.lstat(directory).st_uid] if os.path.islink(directory) else []
        if os.geteuid() and os.path.exists(directory):
            owners.append(os.stat(directory).st_uid)
        for owner in owners:
            if owner != os.geteuid():
                raise StoreFailedError(directory, f"it is another account's (uid {owner}): name a directory of yours")


def _refuse_files(directory: str) -> None:
    if os.path.exists(directory) and not os.path.isdir(directory):
        raise ForeignFileError(directory, "a store is a directory")


def _refuse_closed(directory: str) -> None:
    """Say that a store is closed to this account, rather than that there is none."""
    try:
        owner = os.stat(directory).st_uid
    except PermissionError:
        raise StoreFailedError(directory, "this account may not look there") from None
    except OSError:  # not there, as every reader says
        return
    if not os.access(directory, os.R_OK | os.X_OK):
        raise StoreFailedError(directory, f"this account may not look into it: it is that of uid {owner}")


def _make_journal(location: StoreLocation) -> None:
    if not os.path.isdir(location.journal):
        os.makedirs(location.journal, mode=0o700, exist_ok=True)
        handle = os.open(location.journal, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        _give_away(handle, location.directory)
        os.close(handle)


def _give_away(handle: int, directory: str) -> None:
    """Let what root created in somebody's store be theirs: they could not read it otherwise, and SQLite does so too."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        try:
            owner = os.stat(directory)
            if owner.st_uid:
                os.fchown(handle, owner.st_uid, owner.st_gid)
        except OSError:
            pass  # a file system where root may not: the doctor names the file


def _state_directory() -> str:
    home = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(home, "hg-mcp")


def _fallback_directory() -> str:
    return os.path.join(_state_directory(), "default")


def _registry_directory() -> str:
    return os.path.join(_state_directory(), "stores")


def announce(location: StoreLocation) -> None:
    """Say where runs are recorded."""
    try:
        sys.stderr.write(
            f"hg-mcp: recording runs into {location.directory}; ask with `hg-mcp summarize-run`, or your coding agent "
            "through `hg-mcp serve`. (Said once a day; HG_MCP_QUIET=1 never.)\n"
        )
    except Exception:  # noqa: S110 - closed, replaced by something odd, or None: then nobody reads it
        pass
