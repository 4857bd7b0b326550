"""Anything that a store may hold of a run: its rows, with hostile and with very long texts."""

import json

from hypothesis import strategies as st

from hg_mcp.queries.holdup import HoldUp, Usual
from hg_mcp.queries.nodes import NodeFacts
from recorder.journal.frames import ErrorRecord
from recorder.store.records import Attempt, ErrorGroup, Failure, Run, Step, StoredValue, Usage, Worker
from recorder.store.retention import ExpiredRun, ExpiredRuns

T0 = 1_790_000_000_000_000
ALPHABET = st.one_of(
    st.characters(exclude_categories=["Cs"]),
    st.sampled_from('"\\\n\x00\x1b\u202e漢😀-0123456789'),
)
HANDLE = st.text(ALPHABET, min_size=1, max_size=12) | st.integers(1, 400).map(lambda n: "a/😀" * n)
TEXT = st.text(ALPHABET, max_size=40) | st.builds(
    lambda text, times: text * times, st.text(ALPHABET, min_size=1, max_size=8), st.integers(1, 900)
)
COUNTS = st.integers(0, 10**9)
MANY = st.integers(0, 4) | st.just(60)


@st.composite
def runs(draw: st.DrawFn) -> Run:
    worker = Worker(
        recorder="r",
        host=draw(HANDLE),
        pid=draw(COUNTS),
        cwd="/",
        python="3.11.7",
        started_at=T0,
        seen_at=T0,
        closed_at=None,
        dead_at=None,
        git_commit=draw(HANDLE),
        git_branch=draw(HANDLE),
        git_dirty=draw(st.booleans()),
        packages={"numpy": "2.0", "hypergraph": draw(HANDLE)},
        events_lost=draw(COUNTS),
        segments_dropped=draw(COUNTS),
        values_dropped=draw(COUNTS),
        bad_frames=draw(COUNTS),
        bytes_lost=draw(COUNTS),
        logs_unplaced=draw(COUNTS),
    )
    count = draw(COUNTS)
    return Run(
        key=1,
        run_id=draw(HANDLE),
        graph=draw(HANDLE),
        status=draw(st.sampled_from(["completed", "failed", "crashed", "stopped", "paused"])),
        started_at=T0,
        ended_at=T0,
        duration_ms=draw(st.none() | st.floats(0, 1e12)),
        workflow_id=draw(st.none() | HANDLE),
        parent_workflow_id=None,
        is_map=draw(st.booleans()),
        map_size=count,
        items_completed=count,
        items_failed=count,
        items_paused=count,
        items_stopped=count,
        items_restored=count,
        supersteps=0,
        steps=count,
        failures=count,
        error_type=draw(st.none() | HANDLE),
        error_message=draw(TEXT),
        version=None,
        metadata=draw(st.dictionaries(HANDLE, TEXT, max_size=5)),
        retry_of=None,
        retry_index=None,
        forked_from=None,
        is_resume=False,
        launched_by=None,
        stop_requested_at=draw(st.none() | st.just(T0)),
        unknown_events=draw(st.dictionaries(HANDLE, COUNTS, max_size=5)),
        start_missed=draw(st.booleans()),
        worker=worker,
    )


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    tokens = st.none() | st.integers(-(2**48), 2**62)
    return Usage(
        input_tokens=draw(tokens),
        output_tokens=draw(tokens),
        tokens=draw(tokens),
        cost=draw(st.none() | st.floats(0, 1e14)),
    )


@st.composite
def steps(draw: st.DrawFn, number: int) -> Step:
    return Step(
        step=number,
        parent=0,
        kind="node",
        node=draw(HANDLE),
        graph=draw(HANDLE),
        path=draw(HANDLE),
        span="",
        status="crashed",
        item=None,
        execution=1,
        superstep=None,
        thread="",
        created_at=T0,
        assigned_at=None,
        started_at=T0,
        ended_at=None,
        duration_ms=draw(st.none() | st.floats(0, 1e12)),
        cached=draw(st.booleans()),
        propagated=draw(st.booleans()),
        failures=draw(COUNTS),
        attempts=draw(COUNTS),
        chunks=draw(COUNTS),
        decision=draw(st.none() | TEXT),
        error_type=draw(st.none() | HANDLE),
        error_message=draw(TEXT),
        nested_run_id=None,
        map_size=None,
        start_missed=False,
        metadata=draw(st.dictionaries(HANDLE, TEXT, max_size=3)),
        usage=draw(st.none() | usages()),
    )


@st.composite
def failures(draw: st.DrawFn) -> Failure:
    error = ErrorRecord(draw(HANDLE), draw(TEXT))
    return Failure(
        step=1,
        kind="node",
        path=draw(HANDLE),
        node=draw(HANDLE),
        item=None,
        status="failed",
        propagated=False,
        started_at=T0,
        error=error,
    )


@st.composite
def nodes(draw: st.DrawFn) -> NodeFacts:
    total = draw(st.floats(0, 1e12))
    usage = draw(st.none() | usages())
    return NodeFacts(node=draw(HANDLE), graph="", count=5, errors=1, cached=0, attempts=9, total_ms=total, usage=usage)


@st.composite
def holdups(draw: st.DrawFn) -> HoldUp:
    open_steps = [draw(steps(number)) for number in range(1, 3)] * draw(st.sampled_from([0, 1, 9]))
    return HoldUp(
        steps=open_steps,
        total=len(open_steps) + draw(COUNTS) if open_steps else 0,
        idle_ms=draw(st.floats(0, 1e12)),
        usual=Usual(nodes={step.node: 1.5 for step in open_steps}, run_ms=2.0),
        overdue=frozenset(step.step for step in open_steps[:1]),
        stuck=draw(st.booleans()),
    )


@st.composite
def error_groups(draw: st.DrawFn) -> ErrorGroup:
    return ErrorGroup(
        fingerprint="0123456789ab",
        type=draw(HANDLE),
        message=draw(TEXT),
        node=draw(HANDLE),
        graphs=(draw(HANDLE),) * draw(MANY),
        count=draw(COUNTS),
        runs=draw(COUNTS),
        runs_since=draw(COUNTS),
        first_at=T0,
        last_at=T0,
        first_run=draw(HANDLE),
        last_run=draw(HANDLE),
        first_started_at=T0,
    )


@st.composite
def expired_runs(draw: st.DrawFn) -> ExpiredRuns:
    names = {"run_id": draw(HANDLE), "graph": draw(HANDLE), "workflow_id": None, "status": "failed"}
    gone = ExpiredRun(**names, started_at=T0, expired_at=T0, reason=draw(TEXT))
    return ExpiredRuns(count=draw(st.integers(1, 10**6)), last=gone)


def attempt(error: ErrorRecord) -> Attempt:
    """A failed one of three."""
    return Attempt(
        number=1,
        started_at=T0,
        ended_at=T0,
        duration_ms=1.0,
        outcome="failed",
        error=error,
        max_attempts=3,
        timeout_seconds=None,
        retry_scheduled=True,
    )


@st.composite
def inputs(draw: st.DrawFn, name: str) -> StoredValue:
    kinds = st.sampled_from(["captured", "not_captured", "redacted", "truncated", "expired", "unserializable"])
    contents = st.none() | TEXT.map(lambda text: json.dumps(text).encode()) | st.binary(max_size=200)
    return StoredValue(
        direction="input",
        name=name,
        status=draw(kinds),
        type=draw(TEXT),
        size=9,
        digest=None,
        note=draw(TEXT),
        data=draw(contents),
    )
