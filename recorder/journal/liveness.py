"""Whether the writer of a segment lives: what makes a crashed run ``crashed``, and never a living one.

A writer holds its segment's lock for life. A free lock proves death only on the machine it was taken on: under the same
boot id, or after a reboot of that same machine. A held lock may have outlived its writer in a forked child, so a writer
whose pid is gone, or belongs to a later process, is dead as well, if it can be seen from here (same pid namespace).
"""

import os
from typing import Literal

from recorder.journal.frames import ProcessFrame
from recorder.process import boot_id, host_name, is_alive, machine_id

__all__ = ["is_locked", "owner_state"]


def owner_state(path: str, process: ProcessFrame) -> Literal["alive", "dead", "unknown"]:
    """What is known of the process that wrote a segment.

    ``unknown`` is an unlocked segment of another machine: it may live where this lock does not reach.
    """
    same_boot = bool(process.boot) and process.boot == boot_id()
    if is_locked(path):
        gone = same_boot and is_alive(process.pid, process.pid_started, process.pid_namespace) is False
        return "dead" if gone else "alive"
    rebooted = bool(process.machine) and process.machine == machine_id() and process.host == host_name()
    return "dead" if same_boot or rebooted else "unknown"


def is_locked(path: str) -> bool:
    """Whether somebody holds the lock of a file.

    Where it cannot be asked (no locks, no handles left), yes: nothing is proven then.
    """
    try:
        import fcntl  # not on Windows
    except ImportError:
        return True
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    else:
        return False
    finally:
        os.close(fd)
