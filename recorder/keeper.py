"""Does on a thread of its own what must not wait in the user's: heartbeats, slow facts, calling for ingest.

It sleeps nearly always, runs only while runs are open, keeps nobody alive, and is not there at the moment of a fork.
Python before 3.12 warns nobody of a thread they never made; later ones count again when it is back, and may warn.
"""

import os
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Final

__all__ = ["Keeper", "start_ingest"]

BEAT_SECONDS: Final = 5.0
_FIRST_CHORE_SECONDS: Final = 0.5


class Keeper:
    """Calls ``chore()`` shortly after a run began and every five seconds until it returns False.

    ``chore`` is a bound method, held weakly.
    """

    def __init__(self, chore: Callable[[], bool]) -> None:
        self._chore = weakref.WeakMethod(chore)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def works(self) -> bool:
        """Whether the thread is there."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Begin, unless it did."""
        if self.works:
            return
        self._stop = threading.Event()
        thread = threading.Thread(target=_keep, args=(self._chore, self._stop), name="hg-mcp keeper", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # out of threads, or the interpreter ends: recording goes on without signs of life
            return
        self._thread = thread

    def stop(self, *, wait: bool = False) -> None:
        """End it, waiting up to a second for a chore under way if asked to."""
        thread, self._thread = self._thread, None
        self._stop.set()
        if wait and thread is not None and thread is not threading.current_thread():
            thread.join(timeout=1.0)

    def forget(self) -> None:
        """The thread is not here, as in a forked child, or about to end."""
        self._thread = None


def _keep(chore: "weakref.WeakMethod[Callable[[], bool]]", stop: threading.Event) -> None:
    wait = _FIRST_CHORE_SECONDS
    while not stop.wait(wait):
        do = chore()
        if do is None or not do():
            return
        del do
        wait = BEAT_SECONDS


def start_ingest(directory: str) -> None:
    """Start one detached process that ingests a store until nothing is left, and ends.

    A shell starts it and is waited for here, so that the user's program never sees a child it did not make. Embedding
    programs (uwsgi) call themselves ``sys.executable``: they are left alone.
    """
    if not os.path.basename(sys.executable or "").startswith(("python", "pypy")):
        return
    import subprocess  # lazy: rarely needed, and not at import of the user's program

    home = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    subprocess.run(  # noqa: S603  (our own module, by this very interpreter)
        ["/bin/sh", "-c", '"$0" "$@" &', sys.executable, "-m", "recorder.ingest", directory],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        check=False,
        cwd=os.sep,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([home, os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)},
    )
