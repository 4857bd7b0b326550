"""What a run would have taken, against a scheduler that runs the same steps again with the node made faster."""

from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hg_mcp.queries.critical_path import critical_path
from hg_mcp.queries.schedule import Planner
from hg_mcp.queries.timeline import Timeline, laid_out
from hg_mcp.queries.what_if import what_if
from recorder.journal.frames import GraphEdge, GraphFrame, GraphNode
from recorder.store.records import TimedStep


@dataclass(frozen=True)
class Work:
    """Tasks with durations in ms, what each needs (earlier ones), and how many may run at once."""

    durations: tuple[int, ...]
    needs: tuple[tuple[int, ...], ...]
    workers: int

    def faster(self, task: int, factor: float) -> "Work":
        durations = tuple(ms / factor if number == task else ms for number, ms in enumerate(self.durations))
        return Work(durations, self.needs, self.workers)

    def executed(self) -> dict[int, tuple[float, float]]:
        """When each starts and ends: first ready, first served, then by number. Nothing is shared with the replay."""
        times: dict[int, tuple[float, float]] = {}
        ready = [(0.0, task) for task, needs in enumerate(self.needs) if not needs]
        running: list[tuple[float, int]] = []
        now = 0.0
        while ready or running:
            while ready and len(running) < self.workers:
                _, task = heappop(ready)
                times[task] = (now, now + self.durations[task])
                heappush(running, (times[task][1], task))
            now, _ = running[0]
            over: list[int] = []
            while running and running[0][0] == now:
                over.append(heappop(running)[1])
            for task, needs in enumerate(self.needs):
                done = all(need in times and times[need][1] <= now for need in needs)
                if done and set(needs) & set(over):
                    heappush(ready, (now, task))
        return times

    def makespan(self) -> float:
        return max(end for _, end in self.executed().values())


@st.composite
def works(draw: st.DrawFn, workers: st.SearchStrategy[int]) -> Work:
    """Durations so unlike that no two ends coincide by chance; at least one task needs another."""
    count = draw(st.integers(2, 12))
    drawn = Random(draw(st.integers(0, 10**9)))
    durations = tuple(drawn.randrange(1000, 10**8) for _ in range(count))
    needs = tuple(
        tuple(sorted(draw(st.sets(st.integers(0, task - 1), min_size=task == 1, max_size=3)))) if task else ()
        for task in range(count)
    )
    work = Work(durations, needs, draw(workers))
    ends = sorted(end for _, end in work.executed().values())
    assume(all(then - end > 1 for end, then in pairwise(ends)))
    return work


def recorded(work: Work) -> Timeline:
    """The execution as a store would tell of it, each task a node of its own."""
    times = sorted(work.executed().items(), key=lambda item: (item[1][0], item[0]))
    steps = [
        TimedStep(
            step=number,
            parent=0,
            kind="node",
            node=f"t{task}",
            path=f"t{task}",
            status="completed",
            item=None,
            superstep=None,
            cached=False,
            created_at=None,
            assigned_at=None,
            started_at=int(start * 1000),
            ended_at=int(end * 1000),
            duration_ms=end - start,
        )
        for number, (task, (start, end)) in enumerate(times, start=1)
    ]
    return laid_out(steps, start=0, end=max(step.ended_at or 0 for step in steps))


def drawn_graph(work: Work) -> GraphFrame:
    nodes = tuple(GraphNode(f"t{task}") for task in range(len(work.durations)))
    edges = tuple(GraphEdge(f"t{need}", f"t{task}") for task, needs in enumerate(work.needs) for need in needs)
    return GraphFrame("d", "g", nodes, edges)


QUIETLY: Any = {"suppress_health_check": [HealthCheck.too_slow]}  # a busy machine is no finding
FACTORS = st.sampled_from([1.0, 1.5, 2.0, 10.0])


@settings(max_examples=300, **QUIETLY)
@given(work=works(st.integers(1, 13)), task=st.integers(0, 11), factor=FACTORS)
def test_where_needs_are_recorded_the_estimate_is_what_a_scheduler_takes(work: Work, task: int, factor: float):
    timeline = recorded(work)
    found = what_if(timeline, Planner(timeline, drawn_graph(work)), f"t{task}", factor)
    workers = work.workers if _waited(work) else len(work.durations)
    expected = Work(work.durations, work.needs, workers).faster(task, factor).makespan()
    assert found.ms == pytest.approx(expected, abs=0.01)


def _waited(work: Work) -> bool:
    """Whether a task was ready and found no worker: only then the record tells how many there are."""
    times = work.executed()
    return any(
        times[task][0] > max((times[need][1] for need in needs), default=0.0) for task, needs in enumerate(work.needs)
    )


@settings(max_examples=300, **QUIETLY)
@given(work=works(st.just(13)), task=st.integers(0, 11), factor=FACTORS)
def test_where_nobody_knows_the_needs_the_truth_lies_between_the_two_estimates(work: Work, task: int, factor: float):
    timeline = recorded(work)
    found = what_if(timeline, Planner(timeline), f"t{task}", factor)
    truth = work.faster(task, factor).makespan()
    assert found.at_best_ms - 0.01 <= truth <= found.ms + 0.01


@settings(max_examples=200, **QUIETLY)
@given(work=works(st.integers(1, 13)), known=st.booleans())
def test_the_critical_path_covers_the_run_without_holes_or_overlap(work: Work, known: bool):
    timeline = recorded(work)
    path = critical_path(timeline, Planner(timeline, drawn_graph(work) if known else None))
    assert path[0].start == 0
    assert path[-1].end == timeline.whole.end
    assert all(first.end == then.start for first, then in pairwise(path))


@settings(max_examples=200, **QUIETLY)
@given(work=works(st.just(13)))
def test_with_workers_enough_the_critical_path_is_the_longest_chain_of_needs(work: Work):
    timeline = recorded(work)
    path = critical_path(timeline, Planner(timeline, drawn_graph(work)))
    chain = [int(segment.step.node[1:]) for segment in path if segment.step.node]
    assert all(first in work.needs[then] for first, then in pairwise(chain))
    assert sum(work.durations[task] for task in chain) == pytest.approx(work.makespan())
