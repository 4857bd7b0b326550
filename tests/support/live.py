"""Programs for ``test_waiting``: one whose second node waits for a lock that nobody gives back, one out of memory.

``python -m tests.support.live deadlock STORE`` says ``deadlocked`` once it is; ``hungry STORE`` takes memory until it
may not, or is killed.
"""

import sys
import threading

from recorder import Recorder, node

LOCK = threading.Lock()
CHUNK = 16 << 20


@node
def fetch(x: int) -> int:
    """Quick."""
    return x


@node
def save(x: int, *, last: bool = False) -> int:
    """Quick, until the lock is gone."""
    if last:
        print("deadlocked", flush=True)
    with LOCK:
        return x


@node
def load() -> int:
    """As much memory as there is."""
    held: list[bytearray] = []
    while True:
        held.append(bytearray(b"x") * CHUNK)


def deadlock(store: str) -> None:
    """Four good runs, then one that hangs while its process is well."""
    recorder = Recorder(store)
    for last in (False, False, False, False, True):
        with recorder.run("import"):
            fetched = fetch(1)
            if last:
                LOCK.acquire()
            save(fetched, last=last)


def hungry(store: str) -> None:
    """One run that takes all memory."""
    with Recorder(store) as recorder, recorder.run("load"):
        fetch(1)
        load()


if __name__ == "__main__":
    {"deadlock": deadlock, "hungry": hungry}[sys.argv[1]](sys.argv[2])
