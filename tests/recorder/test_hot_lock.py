"""The compiled lock is as ``threading.RLock``, whose place it takes; every promise is held against both."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from recorder.hot import compiled

HOT = compiled()
LOCKS = {"RLock": threading.RLock, **({} if HOT is None else {"compiled": HOT.Lock})}
DEADLINE = 30

MakeLock = Callable[[], Any]


@pytest.fixture(params=LOCKS)
def lock(request: pytest.FixtureRequest) -> Any:
    return LOCKS[request.param]()


@contextmanager
def held_elsewhere(lock: Any) -> Iterator[Callable[[], None]]:
    """Another thread holds the lock until the block ends, or until it is told to give it back."""
    taken, enough = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            taken.set()
            assert enough.wait(DEADLINE)

    holder = threading.Thread(target=hold)
    holder.start()
    assert taken.wait(DEADLINE)
    try:
        yield enough.set
    finally:
        enough.set()
        holder.join(DEADLINE)


def is_free(lock: Any) -> bool:
    def taken() -> bool:
        if not lock.acquire(timeout=0):
            return False
        lock.release()
        return True

    with ThreadPoolExecutor(1) as other:
        return other.submit(taken).result(DEADLINE)


def test_who_holds_it_may_take_it_again(lock: Any) -> None:
    with lock:
        assert lock.acquire()
        assert lock.acquire(timeout=1)
        lock.release()
        lock.release()
        assert not is_free(lock)
    assert is_free(lock)


def test_it_is_given_back_where_the_block_fails(lock: Any) -> None:
    with pytest.raises(ZeroDivisionError), lock:
        raise ZeroDivisionError
    assert is_free(lock)


@pytest.mark.parametrize("timeout", [0, 0.001, 0.05])
def test_who_waits_too_long_goes_without(lock: Any, timeout: float) -> None:
    with held_elsewhere(lock):
        assert not lock.acquire(timeout=timeout)
        assert not is_free(lock)
    assert is_free(lock)


@pytest.mark.parametrize("options", [{}, {"timeout": -1}, {"timeout": DEADLINE}])
def test_who_waits_gets_it_once_it_is_free(lock: Any, options: dict[str, Any]) -> None:
    with held_elsewhere(lock) as let_go:
        threading.Timer(0.01, let_go).start()
        assert lock.acquire(**options)
    assert not is_free(lock)
    lock.release()
    assert is_free(lock)


def test_only_who_holds_it_gives_it_back(lock: Any) -> None:
    with pytest.raises(RuntimeError):
        lock.release()
    with held_elsewhere(lock), pytest.raises(RuntimeError):
        lock.release()


def test_of_many_threads_one_at_a_time_has_it(lock: Any) -> None:
    inside: list[int] = []
    most = 0
    interval = sys.getswitchinterval()

    def work(number: int) -> None:
        nonlocal most
        for turn in range(500):
            if not lock.acquire(timeout=DEADLINE if turn % 2 else -1):
                raise TimeoutError
            with lock:
                inside.append(number)
                most = max(most, len(inside))
                inside.remove(number)
            lock.release()

    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(work, range(8), timeout=DEADLINE))
    finally:
        sys.setswitchinterval(interval)
    assert most == 1
    assert is_free(lock)


def test_who_waits_gets_it_from_one_that_hardly_lets_go_of_it(lock: Any) -> None:
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            with lock:
                sum(range(2_000))
                list(map(str, range(200)))

    worker = threading.Thread(target=work)
    worker.start()
    try:
        for _ in range(20):
            assert lock.acquire(timeout=DEADLINE)
            lock.release()
    finally:
        over.set()
        worker.join(DEADLINE)
    assert is_free(lock)


def test_what_was_kept_for_one_that_went_away_is_free_again(lock: Any) -> None:
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            with lock:
                sum(range(2_000))

    worker = threading.Thread(target=work)
    worker.start()
    try:
        for _ in range(300):
            if lock.acquire(timeout=0.0005):
                lock.release()
    finally:
        over.set()
        worker.join(DEADLINE)
    assert not worker.is_alive()
    assert is_free(lock)


@contextmanager
def signals(handler: Any) -> Iterator[None]:
    """This thread gets SIGINT again and again, as long as the block lasts."""
    before = signal.signal(signal.SIGINT, handler)
    over, waiting = threading.Event(), threading.get_ident()

    def send() -> None:
        while not over.wait(0.005):
            signal.pthread_kill(waiting, signal.SIGINT)

    sender = threading.Thread(target=send)
    try:
        sender.start()
        yield
    finally:
        over.set()
        sender.join(DEADLINE)
        signal.signal(signal.SIGINT, before)


def test_a_signal_that_raises_ends_the_wait(lock: Any) -> None:
    class Interrupted(BaseException):
        pass

    raised: list[object] = []

    def interrupt(*_: object) -> None:
        if not raised:
            raised.append(1)
            raise Interrupted

    with held_elsewhere(lock):
        with signals(interrupt), pytest.raises(Interrupted):
            lock.acquire()
        assert not is_free(lock)
    assert is_free(lock)


def test_a_signal_that_does_not_raise_lets_it_wait_on(lock: Any) -> None:
    seen: list[object] = []
    with held_elsewhere(lock) as let_go:

        def note(*_: object) -> None:
            seen.append(1)
            if len(seen) == 3:
                let_go()

        with signals(note):
            assert lock.acquire(timeout=DEADLINE)
    lock.release()
    assert len(seen) >= 3
    assert is_free(lock)


@pytest.mark.skipif(HOT is None, reason="the recorder was not compiled here")
@pytest.mark.parametrize("wrong", [{"timeout": "x"}, {"blocking": False}])
def test_it_takes_a_timeout_and_nothing_else(wrong: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        LOCKS["compiled"]().acquire(**wrong)
