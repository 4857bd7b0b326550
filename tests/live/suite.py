"""Runs the framework's own test suite twice, beside a no-op processor and beside a Recorder, and compares.

    python -m tests.live.suite HYPERGRAPH_DIR [PYTEST_ARGUMENTS...]

A test whose outcome differs is run alone, both ways, before it counts as a difference: the suite has tests of its own
timing. Afterwards the store that the Recorder left behind must hold together. Ends with 1 where anything is amiss, and
puts what it found into docs/live-hypergraph.md. The framework's directory is not written: a copy runs.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.live import report
from tests.live.invariants import StoreCheck, check_store

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One pass of the suite: outcome by test, trouble that was told, seconds taken."""

    outcomes: dict[str, str]
    trouble: str
    seconds: float

    def counts(self) -> Counter[str]:
        return Counter(_word(outcome) for outcome in self.outcomes.values())


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A test that ended differently: in the suite, and run alone, each beside no-op and beside Recorder."""

    test: str
    suite: tuple[str, str]
    alone: tuple[str, str]

    @property
    def counts(self) -> bool:
        return self.alone[0] != self.alone[1]


def _word(outcome: str) -> str:
    result, _, phase = outcome.partition(" ")
    return "error" if result == "failed" and phase != "call" else result


def run_suite(framework: Path, directory: Path, processor: str, arguments: list[str]) -> Pass:
    """One pass with ``noop`` or ``recorder`` in every dispatcher."""
    directory.mkdir(parents=True)
    outcomes, trouble = directory / "outcomes", directory / "trouble"
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(map(str, (framework / "src", ROOT, Path(__file__).parent))),
        "PYTHONDONTWRITEBYTECODE": "1",
        "XDG_STATE_HOME": str(directory / "state"),
        "HG_LIVE_PROCESSOR": processor,
        "HG_LIVE_STORE": str(directory / "store"),
        "HG_LIVE_OUTCOMES": str(outcomes),
        "HG_LIVE_TROUBLE": str(trouble),
    }
    # the plugin by its bare name: in the framework's directory `tests` is the framework's
    options = ["-q", "-p", "injected", "-p", "no:cacheprovider", "-o", "addopts=", "--no-header"]
    started = time.monotonic()
    with (directory / "output").open("wb") as output:
        command = [sys.executable, "-m", "pytest", *options, "-m", "not full_matrix", *arguments]
        subprocess.run(command, cwd=framework, env=environment, stdout=output, stderr=output, check=False)
    return Pass(
        outcomes=_outcomes(outcomes),
        trouble=trouble.read_text(encoding="utf-8") if trouble.exists() else "",
        seconds=time.monotonic() - started,
    )


def _outcomes(path: Path) -> dict[str, str]:
    """The last told outcome of each test: a failed teardown outdoes a passed call."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    return {row["test"]: row["outcome"] for row in rows}


def differences(framework: Path, work: Path, noop: Pass, recorder: Pass) -> list[Difference]:
    """Tests that ended differently, each run alone both ways."""
    found = []
    for test in sorted(noop.outcomes.keys() | recorder.outcomes.keys()):
        suite = noop.outcomes.get(test, "absent"), recorder.outcomes.get(test, "absent")
        if suite[0] == suite[1]:
            continue
        place = work / f"alone-{len(found)}"
        alone = [run_suite(framework, place / p, p, [test]).outcomes.get(test, "absent") for p in ("noop", "recorder")]
        found.append(Difference(test=test, suite=suite, alone=(alone[0], alone[1])))
    return found


def rendered(noop: Pass, recorder: Pass, found: list[Difference], store: StoreCheck) -> str:
    """The section of docs/live-hypergraph.md."""
    words = ("passed", "failed", "error", "skipped")
    heads = f"| injected | tests | {' | '.join(words)} | seconds |\n|---|---|---|---|---|---|---|\n"
    table = "".join(
        f"| {name} | {len(one.outcomes)} | {counts} | {one.seconds:.0f} |\n"
        for name, one in (("no-op", noop), ("`Recorder(values=True)`", recorder))
        for counts in [" | ".join(str(one.counts()[word]) for word in words)]
    )
    return (
        f"{heads}{table}\n{_told_differences(found)}\n"
        f"Processor failures logged, or contained by us: {'none' if not recorder.trouble else '**some**'}.\n\n"
        f"The store afterwards: {store.runs:,} runs and {store.steps:,} rows by {store.recorders} processes; statuses "
        f"{', '.join(f'{count:,} {status}' for status, count in store.statuses.most_common())}. {store.told()}\n"
    )


def _told_differences(found: list[Difference]) -> str:
    if not found:
        return "No test ended differently.\n"
    lines = [f"| `{one.test}` | {one.suite[0]} / {one.suite[1]} | {one.alone[0]} / {one.alone[1]} |" for one in found]
    head = "Tests that ended differently (no-op / Recorder):\n\n| test | in the suite | run alone |\n|---|---|---|\n"
    return head + "\n".join(lines) + "\n"


def main(framework: Path, arguments: list[str]) -> int:
    """Run, compare, report."""
    with tempfile.TemporaryDirectory(prefix="hg-live-") as directory:
        work = Path(directory)
        copy = work / "framework"
        shutil.copytree(framework, copy, ignore=shutil.ignore_patterns(".git", "__pycache__", ".venv", "node_modules"))
        passes = {name: run_suite(copy, work / name, name, arguments) for name in ("noop", "recorder")}
        noop, recorder = passes["noop"], passes["recorder"]
        if not recorder.outcomes:
            print((work / "recorder" / "output").read_text()[-3000:], file=sys.stderr)
            return 1
        found = differences(copy, work, noop, recorder)
        store = asyncio.run(check_store(work / "recorder" / "store"))
    text = rendered(noop, recorder, found, store)
    print(text, recorder.trouble[:5000], sep="\n")
    report.put("The framework's own test suite", text, framework)
    return int(any(one.counts for one in found) or bool(recorder.trouble) or bool(store.amiss))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2:]))
