"""Processes that make others in the midst of recording: ``python -m tests.torture.forking STORE HOW``."""

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from recorder import Recorder, node
from tests.torture.report import scaled

CHILDREN = 4
REQUESTS = scaled(20, 400)
FORKS = scaled(20, 300)


@node
def handle(number: int) -> int:
    return number


def serve(recorder: Recorder, name: str) -> None:
    """Handle requests in threads, each a run of its own."""

    def request(number: int) -> None:
        with recorder.run(f"{name} request", workflow_id=f"{name}-{number}"):
            handle(number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(request, range(REQUESTS)))


def child(store: str, name: str) -> None:
    """What a new interpreter does: it makes a recorder of its own."""
    serve(Recorder(store), name)


def inheriting(recorder: Recorder, name: str) -> None:
    serve(recorder, name)


def started_by(method: str) -> Callable[[str], None]:
    def program(store: str) -> None:
        context = multiprocessing.get_context(method)
        recorder = Recorder(store)
        with recorder.run("parent"):
            handle(0)
            target, first = (inheriting, recorder) if method == "fork" else (child, store)
            children = [context.Process(target=target, args=(first, f"child{n}")) for n in range(CHILDREN)]
            for process in children:
                process.start()
            serve(recorder, "parent")
            for process in children:
                process.join(60)
                assert process.exitcode == 0
            handle(1)

    return program


def preforked(store: str) -> None:
    """As a pre-fork server does: the application is loaded and warmed up once, and workers end without ceremony."""
    recorder = Recorder(store)
    with recorder.run("parent"):
        handle(0)
        workers: list[int] = []
        for number in range(CHILDREN):
            pid = os.fork()
            if pid == 0:
                serve(recorder, f"child{number}")
                os._exit(0)
            workers.append(pid)
        serve(recorder, "parent")
        assert [os.waitpid(pid, 0)[1] for pid in workers] == [0] * CHILDREN
        handle(1)


def forked_among_threads(store: str) -> None:
    """Fork again and again while other threads record: a lock held by one of them must not be left locked."""
    recorder = Recorder(store)
    threads = [threading.Thread(target=serve, args=(recorder, f"thread{n}")) for n in range(CHILDREN)]
    with recorder.run("parent"):
        handle(0)
        for thread in threads:
            thread.start()
        for number in range(FORKS):
            pid = os.fork()
            if pid == 0:
                with recorder.run("forked", workflow_id=f"forked-{number}"):
                    handle(number)
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
        for thread in threads:
            thread.join()
        handle(1)


PROGRAMS = {
    "fork": started_by("fork"),
    "spawn": started_by("spawn"),
    "forkserver": started_by("forkserver"),
    "pre-fork": preforked,
    "os.fork among threads": forked_among_threads,
}

if __name__ == "__main__":
    PROGRAMS[sys.argv[2]](sys.argv[1])
