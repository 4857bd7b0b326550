"""A process that ends in the midst of recording: ``python -m tests.torture.ending STORE HOW``."""

import asyncio
import atexit
import concurrent.futures.thread
import faulthandler
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from recorder import Recorder, node

recorder: Recorder


@node
def before() -> None:
    """A step that ended well."""


@node
def ending(end: Callable[[], object]) -> None:
    end()


def in_a_step(end: Callable[[], object]) -> Callable[[], None]:
    """End within a step of a run."""

    def program() -> None:
        with recorder.run("run"):
            before()
            ending(end)

    return program


def segfault() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    faulthandler._sigsegv()


def abort() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.abort()


def recurse() -> None:
    recurse()


def replace_process() -> None:
    os.execv(sys.executable, [sys.executable, "-c", "pass"])


def in_a_loop() -> None:
    @node(name="ending")
    async def waiting() -> None:
        signal.raise_signal(signal.SIGINT)
        await asyncio.sleep(60)

    async def main() -> None:
        async with recorder.run("run"):
            before()
            await waiting()

    asyncio.run(main())


def in_a_daemon_thread() -> None:
    started = threading.Event()

    def forever() -> None:
        with recorder.run("run"):
            while True:
                before()
                started.set()

    for _ in range(4):
        threading.Thread(target=forever, daemon=True).start()
    started.wait()


def in_a_thread() -> None:
    threading.Thread(target=in_a_step(threading.main_thread().join)).start()


def in_a_pool() -> None:
    def until_the_end() -> None:
        while not concurrent.futures.thread._shutdown:
            time.sleep(0.01)  # waits for the interpreter to begin its end

    ThreadPoolExecutor().submit(in_a_step(until_the_end))


def at_exit() -> None:
    atexit.register(in_a_step(bool))


class Finalized:
    """Records when the interpreter takes it apart."""

    def __del__(self) -> None:
        in_a_step(bool)()


def in_a_finalizer() -> None:
    in_a_step(bool)()
    sys.modules["__main__"].__dict__["kept"] = Finalized()


ENDINGS: dict[str, Callable[[], None]] = {
    "segfault": in_a_step(segfault),
    "abort": in_a_step(abort),
    "os._exit": in_a_step(lambda: os._exit(3)),
    "SIGTERM": in_a_step(lambda: signal.raise_signal(signal.SIGTERM)),
    "SIGKILL": in_a_step(lambda: signal.raise_signal(signal.SIGKILL)),
    "exec": in_a_step(replace_process),
    "sys.exit": in_a_step(lambda: sys.exit(3)),
    "KeyboardInterrupt": in_a_step(lambda: signal.raise_signal(signal.SIGINT)),
    "KeyboardInterrupt in a loop": in_a_loop,
    "RecursionError": in_a_step(recurse),
    "daemon threads": in_a_daemon_thread,
    "a thread": in_a_thread,
    "a pool": in_a_pool,
    "atexit": at_exit,
    "a finalizer": in_a_finalizer,
}

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin with it ignored
    recorder = Recorder(sys.argv[1])
    ENDINGS[sys.argv[2]]()
