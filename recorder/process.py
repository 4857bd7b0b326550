"""Who is recording: the facts of this process that every segment begins with, and whether another process still lives.

Everything here is read from files and cheap system calls, within a millisecond; a fact that nobody can tell is empty.
Nothing raises: a missing ``/proc`` or a broken repository costs a fact, not a record.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Final

from recorder.hashing import blake2b
from recorder.journal.frames import ProcessFrame
from recorder.redaction import Redaction

__all__ = [
    "VERSION",
    "began",
    "boot_id",
    "git_dirty",
    "git_head",
    "host_name",
    "is_alive",
    "machine_id",
    "process_frame",
    "started",
]

VERSION: Final = "0.1.0"
"""Of this package; ``importlib.metadata`` would cost every user's start 30 ms to tell the same."""

_LOADED: Final = time.time()
_ARGUMENTS: Final = 32
_ARGV_CHARS: Final = 1000
_PACKED_REFS_BYTES: Final = 4 << 20


def process_frame(recorder: str, segment: int, redaction: Redaction, values_policy: str | None = None) -> ProcessFrame:
    """The first frame of a segment: who writes it, from where, on which commit, by which policy of values."""
    pid = os.getpid()
    cwd = _or_empty(os.getcwd)
    commit, branch = git_head(cwd)
    return ProcessFrame(
        recorder=recorder,
        segment=segment,
        pid=pid,
        pid_started=started(pid),
        pid_namespace=_namespace(),
        host=host_name(),
        machine=machine_id(),
        boot=boot_id(),
        started_at=time.time_ns() // 1000,
        cwd=_or_empty(lambda: _text(redaction.text(cwd))),
        python=".".join(map(str, sys.version_info[:3])),
        platform=_platform(),
        argv=_or_empty(lambda: _command_line(sys.argv, redaction)),
        git_commit=commit,
        git_branch=_or_empty(lambda: _text(redaction.text(branch))),
        version=VERSION,
        values_policy=values_policy,
    )


def host_name() -> str:
    """The machine's name."""
    if sys.platform == "win32":
        return os.environ.get("COMPUTERNAME", "")
    return _or_empty(lambda: os.uname().nodename)


def machine_id() -> str:
    """A hash that stays the same over reboots of one machine; the id itself is confidential (machine-id(5))."""
    found = _read("/etc/machine-id", 256).strip()
    return blake2b(found.encode(), digest_size=8, person=b"hg-mcp").hexdigest() if found else ""


def boot_id() -> str:
    """What names the time since the machine was started."""
    return _read("/proc/sys/kernel/random/boot_id", 64).strip()


def _namespace() -> str:
    """Where this process's pid means something."""
    return _or_empty(lambda: os.readlink("/proc/self/ns/pid"))


def started(pid: int) -> str:
    """When the process with this pid began, in ticks since boot: with the pid, it names one process."""
    state = _stat(pid)
    return state[19] if len(state) > 19 else ""


def began() -> float:
    """When this process began, in Unix seconds; where the system does not tell, when this module was loaded."""
    return min(_LOADED, _began(os.getpid()))


@lru_cache(maxsize=1)
def _began(pid: int) -> float:
    try:
        since_boot = time.clock_gettime(time.CLOCK_BOOTTIME)
        return time.time() - since_boot + int(started(pid)) / os.sysconf("SC_CLK_TCK")
    except (AttributeError, OSError, ValueError):
        return _LOADED


def is_alive(pid: int, pid_started: str, pid_namespace: str) -> bool | None:
    """Whether that very process, of this boot, still runs; None where it cannot be told from here.

    Args:
        pid: Its id.
        pid_started: When it began, as its ``ProcessFrame`` has it; empty where nobody could tell.
        pid_namespace: Its pid namespace, as its ``ProcessFrame`` has it.
    """
    if sys.platform == "win32" or pid <= 0 or pid_namespace != _namespace():
        return None
    state = _stat(pid)
    if state and pid_started:
        return len(state) > 19 and state[19] == pid_started and state[0] not in "ZX"
    return None if _exists(pid) else False


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _stat(pid: int) -> list[str]:
    """Fields of ``/proc/PID/stat`` from the third on: the second, the name, may hold anything."""
    return _read(f"/proc/{pid}/stat", 4096).rpartition(")")[2].split()


def _platform() -> str:
    return sys.platform if sys.platform == "win32" else f"{sys.platform}-{_or_empty(lambda: os.uname().machine)}"


def _command_line(arguments: Sequence[str], redaction: Redaction) -> str:
    """The arguments, bounded, without the values of options that name a secret."""
    shown: list[str] = []
    secret: str | None = None
    for argument in arguments[:_ARGUMENTS]:
        shown.append(f"[redacted:{secret}]" if secret else redaction.head(argument, _ARGV_CHARS))
        is_option = argument.startswith("-") and "=" not in argument
        secret = redaction.key(argument) if is_option and not secret else None
    return _text(redaction.head(" ".join(shown), _ARGV_CHARS))


def git_head(cwd: str) -> tuple[str, str]:
    """Commit and branch that are checked out around ``cwd``; the branch of a detached HEAD is empty. Runs no git."""
    try:
        found = next(_git_directories(cwd), "")
        if not found:
            return "", ""
        return _head(found)
    except (OSError, ValueError):
        return "", ""


def _git_directories(cwd: str) -> Iterator[str]:
    """The repository's directory of the nearest directory upwards that has one."""
    while cwd:
        marker = os.path.join(cwd, ".git")
        if os.path.isdir(marker):
            yield marker
        elif os.path.isfile(marker):  # a worktree or a submodule
            yield os.path.normpath(os.path.join(cwd, _read(marker, 4096).removeprefix("gitdir:").strip()))
        parent = os.path.dirname(cwd)
        cwd = "" if parent == cwd else parent


def _head(directory: str) -> tuple[str, str]:
    head = _read(os.path.join(directory, "HEAD"), 4096).strip()
    if not head.startswith("ref:"):
        return _hash(head), ""
    ref = head.removeprefix("ref:").strip()
    common = os.path.normpath(os.path.join(directory, _read(os.path.join(directory, "commondir"), 4096).strip()))
    loose = _hash(_read(os.path.join(directory, ref), 256)) or _hash(_read(os.path.join(common, ref), 256))
    return loose or _packed(common, ref), ref.removeprefix("refs/heads/")


def _packed(directory: str, ref: str) -> str:
    packed = _read(os.path.join(directory, "packed-refs"), _PACKED_REFS_BYTES)
    line = packed.find(f" {ref}\n")
    return _hash(packed[max(0, packed.rfind("\n", 0, line) + 1) : line]) if line >= 0 else ""


def _hash(text: str) -> str:
    text = text.strip()
    return text if len(text) in (40, 64) and all(c in "0123456789abcdef" for c in text) else ""


def git_dirty(cwd: str, seconds: float) -> bool | None:
    """Whether tracked files around ``cwd`` differ from the commit; None where git cannot tell within so long."""
    if not next(_git_directories(cwd), ""):
        return None
    command = ["git", "--no-optional-locks", "status", "--porcelain", "--untracked-files=no"]
    try:
        import subprocess  # lazy: 10 ms, and only for this, off the hot path
    except ImportError:  # the account changed, and may not read Python any more
        return None
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command, no shell
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
        )
    except (OSError, ValueError, RuntimeError, subprocess.SubprocessError):  # 3.12.0 starts none in its end
        return None
    return bool(done.stdout.strip()) if done.returncode == 0 else None


def _read(path: str, limit: int) -> str:
    """The beginning of a small file, empty where there is none."""
    try:
        with open(path, "rb") as file:
            return file.read(limit).decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""


def _or_empty(fact: Callable[[], str]) -> str:
    try:
        return fact()
    except Exception:
        return ""


def _text(text: str) -> str:
    """Without lone surrogates, as file names may hold them and frames may not."""
    return text.encode("utf-8", "replace").decode("utf-8")
