"""Processes made in the midst of recording record for themselves: every run is there once, and none is the parent's."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from recorder.store.records import RunFilter
from tests.support.reading import all_steps, reading
from tests.torture.forking import CHILDREN, FORKS, PROGRAMS, REQUESTS
from tests.torture.report import note

ALL = 1_000_000


@pytest.mark.parametrize("how", PROGRAMS)
async def test_every_process_records_its_own_runs_once(tmp_path: Path, how: str) -> None:
    command = [sys.executable, "-m", "tests.torture.forking", str(tmp_path), how]
    process = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (process.returncode, _but_for_threads(process.stderr)) == (0, "")
    async with reading(tmp_path) as reader:
        runs = await reader.runs(RunFilter(), limit=ALL)
        parent = next(run for run in runs if run.graph == "parent")
        steps = [step.path for step in await all_steps(reader, parent)]
    assert {run.status for run in runs} == {"completed"}
    assert {run.steps for run in runs if run is not parent} == {1}
    assert [path for path in steps if path.startswith("handle")] == ["handle", "handle@2"]
    requests = Counter(run.workflow_id for run in runs if run is not parent)
    assert set(requests.values()) == {1}
    among_threads = how == "os.fork among threads"
    assert len(requests) == (CHILDREN * REQUESTS + FORKS if among_threads else (CHILDREN + 1) * REQUESTS)
    pids = Counter(run.worker.pid for run in runs)
    assert len(pids) == (FORKS if among_threads else CHILDREN) + 1
    note("Forks", f"{how}: {len(runs):,} runs of {len(pids)} processes, each run once and its process's own.")


def _but_for_threads(stderr: str) -> str:
    """Without what Python says from 3.12 on of a fork in a process with threads: it counts ours, once that is back."""
    return re.sub(
        r".*DeprecationWarning: This process \(pid=\d+\) is multi-threaded.*\n  pid = os\.fork\(\)\n", "", stderr
    )
