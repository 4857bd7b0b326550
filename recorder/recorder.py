"""The recorder: what a user attaches to their runs, and the whole of the hot path.

``on_event`` resolves an event to frames (``recorder.linking``), appends them to this process's journal
(``recorder.journal``) and returns. The promises: it never raises into the run, never blocks it, keeps none of its
objects, and once it has returned the event survives the death of the process.
"""

import os
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Literal, Self, cast

from recorder import process, tracing
from recorder.code import CodeReader
from recorder.errors import RecorderError
from recorder.here import runs_started_here
from recorder.hot import compiled
from recorder.inside import Inside
from recorder.journal.frames import FactsFrame, Frame, GraphFrame, ProcessFrame
from recorder.journal.writer import Journal, Limits, Tally
from recorder.keeper import Keeper, start_ingest
from recorder.linking import Linker, OpenRun
from recorder.location import StoreLocation, announce, note_written, place_store
from recorder.ordinary import Handlers
from recorder.packages import LoadedPackages
from recorder.processors import EventProcessor
from recorder.registry import alike, enlist, enlisted
from recorder.signals import is_of_signal
from recorder.tasks import when_task_is_done
from recorder.values import Redaction, StepValues, ValueTracer, capture_policy

if TYPE_CHECKING:
    from recorder.logcapture import LogCapture

__all__ = ["Recorder", "recorders"]

_INGEST_AT: Final = 64 << 20
_FAILURES_UNTIL_OFF: Final = 10
_STACK_LIMIT: Final = 64
_LOCK_SECONDS: Final = 2.0
_GIT_SECONDS: Final = 5.0
_EXIT_SECONDS: Final = 1.0
_BRIEF_SECONDS: Final = 0.1


class Recorder(EventProcessor):
    """Records runs into a store; attach it and forget it.

    Takes the events of ``recorder.events`` and hypergraph's alike (``event_processors=[Recorder()]``), and records
    plain Python through ``run``, ``map``, ``executor`` and ``recorder.node``. Any number of threads, loops and
    concurrent runs may share one. Files are opened at the first event. ``HG_MCP_DISABLED=1`` turns recording off.

    Args:
        store: Directory of the store. None: ``$HG_MCP_STORE``, else the nearest ``.hg_mcp`` upwards, else a new one
            beside the project's ``.git`` or ``pyproject.toml``, else in the working directory.
        values: True records inputs and outputs of steps, up to 64 KiB each, secrets redacted; a ``ValueTracer`` says of
        which steps, when and how much. None or False: metadata only.
        redact: What counts as a secret; None for ``Redaction()``, the default keys and patterns.

    Raises:
        TypeError: An argument of the wrong type.
    """

    _raises: bool = False
    """Set by this project's own tests: a contained failure is raised as well."""
    _closed: bool = True

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:  # pyright: ignore[reportInconsistentConstructor]
        """A subclass of hypergraph's ``EventProcessor`` where that is loaded, as ``with_processors`` asks for."""
        del args, kwargs
        base = getattr(sys.modules.get("hypergraph.events"), "EventProcessor", None)
        if base is not None and not issubclass(cls, base):
            both: type[Self] = type(cls.__name__, (cls, base), {"__module__": cls.__module__, "__doc__": cls.__doc__})
            return object.__new__(both)
        return object.__new__(cls)

    def __init__(
        self,
        store: str | os.PathLike[str] | None = None,
        *,
        values: bool | ValueTracer | None = None,
        redact: Redaction | None = None,
    ) -> None:
        if not isinstance(store, str | os.PathLike | None):  # pyright: ignore[reportUnnecessaryIsInstance]  (users err)
            raise TypeError(f"store must be a directory (str or os.PathLike) or None, not {type(store).__name__}")
        self.name = os.urandom(8).hex()
        self._store = store
        self._tracer, self._redaction = capture_policy(values, redact)
        self._limits = Limits()
        self._handlers = Handlers()
        self._gate: Any = None
        self._renew_lock()
        self._location: StoreLocation | None = None
        self._log_capture: LogCapture | None = None
        self._complained = False
        self._failures = 0
        self._failed_at: tuple[int, int] | None = None
        self._begin()
        hot = compiled()
        if hot is not None and type(self).on_event is Recorder.on_event:
            self._gate = hot.Gate(self._lock, self._handlers, self._contain)
            self.on_event = self._gate.on_event
        self._closed = False
        if os.environ.get("HG_MCP_DISABLED", "0") not in {"", "0"}:
            self._is_off = True
            self._handlers.become(lambda _: _discard)
        enlist(self)

    def _renew_lock(self) -> None:
        """Reentrant: a finalizer or a signal handler may emit an event in the midst of recording another."""
        self._lock = getattr(compiled(), "Lock", threading.RLock)()
        self._acquire = self._lock.acquire
        self._release = self._lock.release
        if self._gate is not None:
            self._gate.renew(self._lock)

    def _begin(self) -> None:
        """The state that a process starts with, and a forked child again."""
        self._tally = Tally()
        self._journal: Journal | None = None
        self._keeper = Keeper(self._chore)
        self._linker = Linker(self._redaction, self._run_opened)
        self.inside = Inside(self._linker, self._lock, self._redaction, self._tally, self._append, self._contain)
        self._handlers.become(self._handler_for)
        self._is_off = False
        self._packages, self._packages_told = LoadedPackages(), 0
        self._begun = monotonic()
        self._asked, self._asking = False, threading.Lock()
        self._values: StepValues | None = None
        self._telling = threading.RLock()

    # Events -----------------------------------------------------------------------------------------------------------

    def on_event(self, event: Any) -> None:
        """Record one event. Never raises."""
        try:
            self._acquire()  # twice as fast as ``with``, and as safe: see the end
            self._handlers[type(event)](event)
        except Exception as error:
            self._contain(error)
        finally:
            try:
                self._release()
            except RuntimeError:  # a signal came while waiting for the lock
                pass

    async def on_event_async(self, event: Any) -> None:
        """Record one event. Never raises."""
        self.on_event(event)

    def shutdown(self) -> None:
        """The top-level run that was started last in this context is over: what is left open of it was cancelled.

        Called by frameworks, once for each start they delivered. The recorder goes on; ``close`` ends it.
        """
        try:
            stack = runs_started_here.get()
            for position in range(len(stack) - 1, -1, -1):
                if self._linker.owns(stack[position]):
                    runs_started_here.set(stack[:position] + stack[position + 1 :])
                    self._pop(stack[position])
                    return
        except Exception as error:
            self._contain(error)

    async def shutdown_async(self) -> None:
        """As ``shutdown``."""
        self.shutdown()

    def close(self) -> None:
        """End recording: runs still open are marked cancelled, the journal is closed. Later events are counted."""
        if self._closed:
            return
        self._closed = True
        self._safely(self._keeper.stop, self._stop_listening, self._tell_facts)
        if monotonic() - self._begun > _BRIEF_SECONDS:  # to ask git takes a script of 10 ms as long again
            self._safely(self._tell_dirty)
        if not self._lock.acquire(timeout=_LOCK_SECONDS):  # somebody hangs in a write: the exit must not
            return
        try:
            self._safely(self._linker.abandon_all, self._tell_unmatched, self._end_journal)
        finally:
            self._lock.release()

    def _stop_listening(self) -> None:
        tracing.uninstall(self)
        if self._log_capture is not None:
            self._log_capture.stop()

    def _end_journal(self) -> None:
        self._handlers.become(lambda _: self._too_late)
        if self._journal is not None:
            self._journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, as of a graph that carries it, is this recorder; one for another process records as this one does."""
        store = self._store if self._location is None else self._location.directory
        return alike, (self.name, Recorder, (store,), {"values": self._tracer, "redact": self._redaction})

    # Graphs -----------------------------------------------------------------------------------------------------------

    def attach(self, graph: Any, values: bool | None = None) -> Any:
        """A copy of a hypergraph ``Graph`` that records its runs here, with its structure and where its code stands.

        Hashes and behaviour stay the same, and the graph given is untouched. Passing ``event_processors=[rec]`` as
        well, or attaching twice or at several levels, records once.

        Args:
            graph: The graph.
            values: Whether inputs and outputs are recorded of nodes at every depth; a node's own ``trace_io=False``
                wins. None: if this recorder records values. Other processors of the graph get to see them too. False:
                only those of nodes that ask for it with ``trace_io=True``.

        Raises:
            TypeError: It is no hypergraph ``Graph``.
            ValueError: ``values=True``, and this recorder records none.
        """
        from recorder.adapters.hypergraph import attach  # lazy: only who has a graph needs it

        return attach(self, graph, values)

    def on_run_of(self, graph: GraphFrame, event: Any, *, refuses_values: bool = False) -> None:
        """Record a RunStart, and if it is of a top-level run, which graph that executes. Never raises."""
        self.on_event(event)
        try:
            with self._lock:
                if self._journal is not None:
                    self._linker.bind(event.span_id, graph, refuses_values=refuses_values)
        except Exception as error:
            self._contain(error)

    @property
    def redaction(self) -> Redaction:
        """What counts as a secret here."""
        return self._redaction

    # Plain Python -----------------------------------------------------------------------------------------------------

    @property
    def wants_values(self) -> bool:
        """Whether steps' inputs and outputs are recorded."""
        return self._tracer is not None

    def run(
        self,
        name: str,
        *,
        workflow_id: str | None = None,
        version: str | None = None,
        metadata: Mapping[str, str] | None = None,
        inputs: Mapping[str, Any] | None = None,
    ) -> tracing.RunScope:
        """Record a block as a run, or within a run as a step with a run inside: ``with`` or ``async with``.

        Args:
            name: What the run is called; the graph name.
            workflow_id: Your own id, by which the run can be asked for.
            version: Your version of what runs.
            metadata: Tags to filter by.
            inputs: Values to record, when values are on.
        """
        return tracing.run(self, name, workflow_id=workflow_id, version=version, metadata=metadata, inputs=inputs)

    def map(
        self,
        fn: Callable[..., Any],
        items: Iterable[Any],
        *,
        name: str | None = None,
        max_concurrency: int | None = None,
        error_handling: Literal["raise", "continue"] = "raise",
    ) -> Any:
        """Call ``fn`` on every item, recorded as one run with an item for each.

        Args:
            fn: An async function gives an awaitable; a sync one runs here, or in a pool of ``max_concurrency`` threads.
            items: What to call it with, one argument each.
            name: What the run is called; the function's name when None.
            max_concurrency: How many at a time.
            error_handling: ``raise`` stops at the first exception; ``continue`` gives exceptions in their places.

        Returns:
            Results in the order of the items (an awaitable of them for an async ``fn``).

        Raises:
            ValueError: A bad ``error_handling`` or ``max_concurrency``.
            TypeError: ``fn`` cannot be called.
        """
        return tracing.map_items(
            self, fn, items, name=name, max_concurrency=max_concurrency, error_handling=error_handling
        )

    def executor(self, pool: Any) -> Any:
        """A ``concurrent.futures`` executor that carries the current step into ``pool``'s threads."""
        return tracing.executor(pool)

    def install(self) -> Self:
        """Record nodes that are called outside any run, each as a run of its own, from now on."""
        tracing.install(self)
        return self

    # Inside steps -----------------------------------------------------------------------------------------------------

    def capture_logs(self, level: int | str = "INFO", loggers: Iterable[str] = ()) -> "LogCapture":
        """Store what Python's ``logging`` says inside steps with them, from any thread or task; nothing else changes.

        A logger's own level stays what it is: ``logging.getLogger().setLevel("INFO")`` lets INFO through. Calling it
        again changes the settings.

        Args:
            level: The least level to store, by name or number.
            loggers: Names of loggers, those below included; empty for all.

        Returns:
            What ends it, by ``stop()`` or as a context manager; ``close`` does too.

        Raises:
            TypeError: ``level`` or ``loggers`` of a wrong type.
            ValueError: There is no level of that name.
        """
        from recorder.logcapture import capture  # lazy: logging costs 3 ms at import

        self._log_capture = capture(self, self._log_capture, level, loggers)
        if self._is_off or self._closed:
            self._log_capture.stop()
        return self._log_capture

    # Behind the hot path ----------------------------------------------------------------------------------------------

    def _handler_for(self, event_type: type) -> Callable[[Any], None]:
        if self._journal is None:
            self._open()
            if self._journal is None:
                return self._lose
        around = self._starting if event_type.__name__ == "RunStartEvent" else None
        handler = self._handlers[event_type] = self._linker.handler(event_type, around)
        return handler

    def _starting(self, link: Callable[[Any], None]) -> Callable[[Any], None]:
        def handler(event: Any) -> None:
            link(event)
            if event.parent_span_id is None:
                self._push(event)
                return
            run = self._linker.run_of(event)
            if run is not None and run.span_id == event.span_id:  # within one that nobody told us of: no shutdown will
                when_task_is_done(self.abandon, run)

        return handler

    def abandon(self, run: OpenRun) -> None:
        """The run is over, whatever was heard of it. Never raises."""
        try:
            with self._lock:
                if not run.ended:
                    self._linker.abandon(run)
        except Exception as error:
            self._contain(error)

    def _push(self, event: Any) -> None:
        run = self._linker.run_of(event)
        if run is None:
            return
        run.pushes += 1
        stack = runs_started_here.get()
        if len(stack) >= _STACK_LIMIT:  # somebody emits events and never shuts down
            stack = tuple(known for known in stack if not known.ended)
        runs_started_here.set((*stack, run))

    def _pop(self, run: OpenRun) -> None:
        with self._lock:
            run.pushes -= 1
            if run.pushes <= 0:
                self._linker.abandon(run)

    def _open(self) -> None:
        """Open the store and its journal; a failure leaves a journal that counts what it loses."""
        try:
            self._location = place_store(self._store)
        except (OSError, RecorderError) as error:
            self._switch_off(f"there is no store to record into ({error})")
            return
        recorder = os.urandom(8).hex()
        policy = "" if self._tracer is None else self._tracer.to_json(self._redaction.text)

        def process_frame(number: int) -> ProcessFrame:
            return process.process_frame(recorder, number, self._redaction, policy)

        journal = self._journal = Journal(
            self._location.journal, recorder, process_frame, self._tally, self._complain, self._limits
        )
        values = None if self._tracer is None else StepValues(self._tracer, self._redaction, self.inside.outputs.keep)
        self._values = values
        self._linker.connect(journal, values)
        if note_written(self._location) and os.environ.get("HG_MCP_QUIET", "0") in {"", "0"}:
            announce(self._location)

    def _run_opened(self) -> None:
        self._keeper.start()
        self._safely(self._stay_in_place)

    def _stay_in_place(self) -> None:
        """Where the store was removed or moved away meanwhile, go on in a new one, and say so."""
        if self._journal is not None and self._location is not None and not self._journal.is_in_place:
            self._complain(f"{self._location.directory} was removed or moved while it was recorded into")
            place_store(self._location.directory)
            self._journal.move_on()

    def _append(self, frame: Frame) -> None:
        """Write what was made inside a step; called under the lock."""
        if self._journal is not None and not (self._closed or self._is_off):
            self._journal.write(frame)

    def _chore(self) -> bool:
        """One round of the keeper's; False ends it. Never raises."""
        try:
            return self._keep()
        except Exception as error:
            self._contain(error)
            return not self._is_off

    def _keep(self) -> bool:
        journal, location = self._journal, self._location
        if self._closed or journal is None or location is None:
            return False
        self._tell_facts()
        self._tell_dirty(_GIT_SECONDS)
        with self._lock:
            if self._closed:
                return False
            if not self._linker.open_runs:
                self._keeper.forget()  # under the lock, so that a run that starts now gets a thread of its own
                self._tell_unmatched()
                return False
            self._stay_in_place()
            journal.beat()
        if journal.finished_bytes > _INGEST_AT:
            journal.finished_bytes = 0
            start_ingest(location.directory)
        return True

    @contextmanager
    def _patiently(self) -> Generator[None]:
        """Hold the lock, unless somebody hangs in a write: neither the exit nor the keeper's thread must."""
        if not self._lock.acquire(timeout=_LOCK_SECONDS):
            raise TimeoutError
        try:
            yield
        finally:
            self._lock.release()

    def _tell_facts(self) -> None:
        """Record what took time to find out: structures of plain-Python runs, and versions. Never raises."""
        journal = self._journal
        if journal is None or not self._telling.acquire(timeout=_LOCK_SECONDS):
            return
        try:
            with self._patiently():
                news = self._linker.trees.news()
            reader = CodeReader()
            structures = [(telling, telling.structure(reader)) for telling in news]
            packages = self._packages.versions()
            with self._patiently():
                for telling, structure in structures:
                    telling.tree.structure = structure
                    self._linker.tell(structure, telling.runs)
                if len(packages) > self._packages_told:
                    self._packages_told = len(packages)
                    journal.write(FactsFrame(packages=packages))
        except TimeoutError:
            pass
        except Exception as error:
            self._contain(error)
        finally:
            self._telling.release()

    def _tell_dirty(self, seconds: float = _EXIT_SECONDS) -> None:
        """Record whether the code is what its commit says, as git tells it within so long; asked once a process."""
        if self._journal is None or not self._asking.acquire(timeout=_LOCK_SECONDS):
            return
        try:
            asked, self._asked = self._asked, True
            dirty = None if asked else process.git_dirty(os.getcwd(), seconds)
            if dirty is not None:
                with self._patiently():
                    self._journal.write(FactsFrame(dirty))
        except TimeoutError:
            self._asked = False
        finally:
            self._asking.release()

    def _tell_unmatched(self) -> None:
        """Record which patterns of the policy have chosen nothing, and at the end say so: most likely a mistake."""
        if self._journal is not None and self._values is not None:
            told, words = self._values.unmatched_so_far()
            if told is not None:
                self._journal.write(FactsFrame(unmatched=told))
            if words and self._closed:
                self._say(words)

    # When something goes wrong ----------------------------------------------------------------------------------------

    def _safely(self, *actions: Callable[[], None]) -> None:
        """Do each, whatever becomes of the others."""
        for action in actions:
            try:
                action()
            except Exception as error:
                self._contain(error)

    def _contain(self, error: Exception) -> None:
        """Our failure stays ours, as does one in dealing with it; what a signal's handler raised is the program's."""
        hand_on = self._raises
        try:
            is_programs = is_of_signal(error)
            hand_on = hand_on or is_programs
            self._tally.events_lost += 1
            if not is_programs:
                self._judge_failure(error)
        except Exception:  # noqa: S110 - there is nobody left to tell
            pass
        if hand_on:
            raise error

    def _judge_failure(self, error: Exception) -> None:
        """Said once, and after a few in a row the recorder switches itself off."""
        self._complain(f"an event could not be recorded ({type(error).__name__})")
        position = None if self._journal is None else self._journal.position
        self._failures = self._failures + 1 if position == self._failed_at else 1
        self._failed_at = position
        if self._failures >= _FAILURES_UNTIL_OFF and not self._is_off:
            self._switch_off("recording failed too often")

    def _switch_off(self, reason: str) -> None:
        self._is_off = True
        self._handlers.become(lambda _: self._lose)
        self._say(f"{reason}; this process records no more")

    def _complain(self, what: str) -> None:
        """Say it the first time that something goes wrong."""
        if not self._complained:
            self._say(what)

    def _say(self, what: str) -> None:
        """One reassuring line for the user."""
        self._complained = True
        import logging  # lazy: 3 ms at import, needed only when something went wrong

        logging.getLogger("recorder").warning(
            "hg-mcp: %s. Your run is not affected; the record will say what is missing.", what
        )

    def _lose(self, _event: Any) -> None:
        self._tally.events_lost += 1

    def _too_late(self, event: Any) -> None:
        self._tally.late_events += 1
        if self._tally.late_events == 1:
            self._say(f"a {type(event).__name__} came after close() and was not recorded")

    # Forks ------------------------------------------------------------------------------------------------------------

    def before_fork(self) -> None:
        """Called by the interpreter."""
        self._keeper.stop(wait=True)

    def after_fork_in_parent(self) -> None:
        """Called by the interpreter."""
        if self._linker.open_runs and not self._closed:
            self._keeper.start()

    def after_fork_in_child(self) -> None:
        """The parent's runs are the parent's; this process starts a journal of its own."""
        self._renew_lock()
        self._keeper.forget()
        if self._journal is not None:
            self._journal.drop()
        if not (self._closed or self._is_off):
            self._begin()


def recorders() -> "list[Recorder]":
    """Every recorder of this process."""
    return cast("list[Recorder]", enlisted())


def _discard(event: Any) -> None:
    del event
