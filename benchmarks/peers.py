"""A node's cost beside the tracers of other products: ``make bench-peers`` writes docs/benchmarks-peers.md.

They live in a virtual environment of their own, as far as they install; who is absent is listed with the reason. Each
makes what it makes of one node within a trace; nobody has a server, so what LangSmith and Langfuse send is refused at
a closed port. Of Burr it is the tracker alone, without the application that would call it.
"""

import logging
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from benchmarks.ingesting import ingest
from benchmarks.recording import begin, events_of
from benchmarks.scale import SCALE, scaled
from benchmarks.table import Row, rendered
from recorder import Recorder
from recorder.events import NodeEndEvent, NodeStartEvent, RunEndEvent, RunStartEvent

TABLE: Final = Path(__file__).parent.parent / "docs" / "benchmarks-peers.md"
LOGS: Final = Path("build", "peers-logs")
NOWHERE: Final = "http://127.0.0.1:9"
NODES: Final = 200
ROUNDS: Final = 5
STEPS_A_RUN: Final = 10
RUNS: Final = 10_000
TRACES: Final = 100

Span = Callable[[], AbstractContextManager[Any]]


def mlflow_span(directory: Path) -> Span:
    """MLflow, as asynchronous as it can be, into SQLite."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["MLFLOW_ENABLE_ASYNC_TRACE_LOGGING"] = "true"
    mlflow = import_module("mlflow")
    mlflow.set_tracking_uri(f"sqlite:///{directory}/mlflow.db")
    for experiment in ("pace", "bench"):  # made by hand, or its directory would be made where this runs
        mlflow.create_experiment(experiment, artifact_location=str(directory / experiment))
        mlflow.set_experiment(experiment)
    return lambda: mlflow.start_span("call_llm", attributes={"graph": "bench", "item": 0})


def langfuse_span(directory: Path) -> Span:
    """Langfuse."""
    del directory
    client = import_module("langfuse").Langfuse(public_key="bench", secret_key="bench", host=NOWHERE)
    return lambda: client.start_as_current_observation(name="call_llm", metadata={"graph": "bench", "item": 0})


def langsmith_span(directory: Path) -> Span:
    """LangSmith's context manager."""
    del directory
    os.environ["LANGSMITH_TRACING"] = "true"
    langsmith = import_module("langsmith")
    client = langsmith.Client(api_url=NOWHERE, api_key="bench")
    return lambda: langsmith.trace("call_llm", client=client, metadata={"graph": "bench", "item": 0})


def burr_step(directory: Path) -> Span:
    """What Burr's local tracker writes before and after an action, into its log."""
    core, tracking = import_module("burr.core"), import_module("burr.tracking")
    tracker = tracking.LocalTrackingClient("bench", storage_dir=str(directory))
    action = core.action(reads=[], writes=[])(_call_llm)
    builder = core.ApplicationBuilder().with_actions(call_llm=action).with_entrypoint("call_llm")
    application = builder.with_tracker(tracker).build()
    told = {"state": application.state, "action": application.graph.actions[0], "sequence_id": 1}

    @contextmanager
    def step() -> Generator[None]:
        tracker.pre_run_step(**told, inputs={"graph": "bench", "item": 0})
        yield
        tracker.post_run_step(**told, result={}, exception=None)

    return step


def _call_llm(state: Any) -> Any:
    return state


PEERS: Final[dict[str, Callable[[Path], Span]]] = {
    "mlflow": mlflow_span,
    "langfuse": langfuse_span,
    "langsmith": langsmith_span,
    "apache-burr": burr_step,
}


def cpu_us(span: Span) -> float:
    """The median microseconds of the thread's CPU for a span within a trace."""
    taken: list[float] = []
    for _ in range(ROUNDS + 1):  # the first warms up
        with span():
            started = time.thread_time_ns()
            for _ in range(NODES):
                with span():
                    pass
            taken.append((time.thread_time_ns() - started) / NODES / 1e3)
    return statistics.median(taken[1:])


def our_cpu_us() -> float:
    """The same of two ``on_event``, the making of the events included."""
    taken: list[float] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as store, Recorder(store) as recorder:
        begin(recorder)
        for round_ in range(ROUNDS + 1):
            started = time.thread_time_ns()
            for start, end in events_of(NODES, round_):
                recorder.on_event(start)
                recorder.on_event(end)
            taken.append((time.thread_time_ns() - started) / NODES / 1e3)
    return statistics.median(taken[1:])


def our_pace(directory: Path) -> float:
    """Steps a second in small runs, from the first event until all are in SQLite."""
    store, runs = str(directory / "store"), scaled(RUNS, least=100)
    started = time.perf_counter()
    with Recorder(store) as recorder:
        for run in range(runs):
            name = f"run-{run}"
            recorder.on_event(RunStartEvent(run_id=name, span_id=name, graph_name="bench"))
            for step in range(STEPS_A_RUN):
                place = {
                    "run_id": name,
                    "span_id": f"{run:08x}{step:08x}",
                    "parent_span_id": name,
                    "node_name": "call_llm",
                    "graph_name": "bench",
                }
                recorder.on_event(NodeStartEvent(**place))
                recorder.on_event(NodeEndEvent(**place))
            recorder.on_event(RunEndEvent(run_id=name, span_id=name))
    ingest(store)
    return runs * STEPS_A_RUN / (time.perf_counter() - started)


def mlflow_pace(span: Span) -> float:
    """Steps a second in traces of the same shape, until MLflow says that all are written, and they are found."""
    mlflow = import_module("mlflow")
    mlflow.flush_trace_async_logging()
    mlflow.set_experiment("pace")
    traces = scaled(TRACES, least=10)
    started = time.perf_counter()
    for _ in range(traces):
        with span():
            for _ in range(STEPS_A_RUN):
                with span():
                    pass
    mlflow.flush_trace_async_logging()
    taken = time.perf_counter() - started
    found = sum(len(trace.data.spans) for trace in mlflow.search_traces(max_results=traces + 1, return_type="list"))
    assert found == traces * (STEPS_A_RUN + 1), f"{found} spans of {traces} traces persisted"
    return traces * STEPS_A_RUN / taken


def absence(name: str, error: Exception) -> str:
    """Why a peer is not in the table: what pip said, or else what it raised; without addresses."""
    log = LOGS / f"{name}.log"
    said = [line for line in log.read_text().splitlines() if line.startswith("ERROR")] if log.exists() else []
    reason = f"pip: {said[-1]}" if said else f"{type(error).__name__}: {error}".splitlines()[0]
    return re.sub(r"\w+://\S+|(?<!\w)/\S+", "…", reason)[:200]


def rows(absent: dict[str, str]) -> Iterator[Row]:
    """Ours beside each that is there; ``absent`` gains the others."""
    for name, connect in PEERS.items():
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
            try:
                span = connect(Path(directory))
                theirs = cpu_us(span)
                pace = mlflow_pace(span) if name == "mlflow" else None
            except Exception as error:
                absent[name] = absence(name, error)
                continue
            ours = our_cpu_us()
            yield Row(
                what=f"Thread CPU a node, beside {name}",
                ours=f"{ours:.1f} µs",
                other=f"{theirs:.1f} µs: a span of {name} {version(name)}",
                ratio=ours / theirs,
                limit=1.0,
            )
            if pace is not None:
                mine = our_pace(Path(directory))
                yield Row(
                    what=f"Steps a second from the call to SQLite, {STEPS_A_RUN} a run",
                    ours=f"{mine:,.0f}",
                    other=f"{pace:,.0f}: {name} with asynchronous logging into SQLite",
                    ratio=mine / pace,
                    limit=50.0,
                    at_least=True,
                )


def main() -> None:
    """Measure, print each row as it comes, write the table and who is absent."""
    logging.disable()  # each refusal would be reported at length
    absent: dict[str, str] = {}
    measured: list[Row] = []
    for row in rows(absent):
        print(f"{row.ratio:8.3f} ({row.promise})  {row.what}: {row.ours}; {row.other}", flush=True)
        measured.append(row)
    missing = "".join(f"- {name}: {reason}\n" for name, reason in absent.items())
    missing = f"\nAbsent:\n\n{missing}" if missing else "\nEverybody who was looked for was there.\n"
    print(missing)
    if SCALE == 1:
        TABLE.write_text(rendered(measured, made_by="make bench-peers") + missing, encoding="utf-8")
    sys.stdout.flush()
    os._exit(0)  # peers try their closed port again for minutes at an ordinary exit


if __name__ == "__main__":
    main()
