"""What starting costs: importing the recorder, a script of ten milliseconds, the server's first answer."""

import compileall
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks.table import Row

ROUNDS = 15
HERE = Path(__file__).parent

SCRIPT = """
import time, recorder
{recording}
started = time.perf_counter()
while time.perf_counter() < started + 0.010: pass
"""
RECORDING = """
with recorder.Recorder({store!r}).run("script"):
    recorder.node(sum)([1, 2])
"""

BARE_SERVER = """
from mcp.server import MCPServer
server = MCPServer("bare")
@server.tool()
def ping() -> str:
    return "pong"
server.run()
"""


def seconds_of(command: Sequence[str]) -> float:
    """Wall seconds of a process, from start to exit."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def taking_turns(*measures: Callable[[], float]) -> list[float]:
    """Median of each measure, in milliseconds, one round of each after the other."""
    rounds = [[measure() for measure in measures] for _ in range(ROUNDS + 1)][1:]
    return [statistics.median(column) * 1e3 for column in zip(*rounds, strict=True)]


def run_code(code: str) -> Callable[[], float]:
    """Seconds of a Python process with that code."""
    return lambda: seconds_of([sys.executable, "-c", code])


def import_seconds(module: str, after: str) -> float:
    """Seconds that importing a module takes in a new process, once others are there."""
    code = f"import time{after}; at = time.perf_counter(); import {module}; print(time.perf_counter() - at)"
    return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)


def import_row() -> Row:
    """``import recorder`` beyond ``import msgspec``."""
    ours, theirs = taking_turns(lambda: import_seconds("recorder", ", msgspec"), lambda: import_seconds("msgspec", ""))
    return Row(
        what="`import recorder` beyond msgspec",
        ours=f"{ours:.1f} ms",
        other=f"15 ms allowed; `import msgspec`: {theirs:.1f} ms",
        ratio=ours / 15,
        limit=1.0,
    )


def script_row() -> Row:
    """A ten-millisecond script that records one run of one step, against the same script with the recorder imported."""
    with tempfile.TemporaryDirectory() as store:
        recorded = SCRIPT.format(recording=RECORDING.format(store=store))
        plain = SCRIPT.format(recording="")
        with_us, without = taking_turns(run_code(recorded), run_code(plain))
    return Row(
        what="Recording and exit of a ten-millisecond script (store, journal, one run of one step)",
        ours=f"{max(with_us - without, 0):.1f} ms",
        other="5 ms allowed",
        ratio=max(with_us - without, 0) / 5,
        limit=1.0,
    )


def first_answer(command: Sequence[str]) -> float:
    """Seconds from starting a stdio server to its answer to ``initialize``, then end it."""
    request = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "bench", "version": "0"},
        },
    }
    started = time.perf_counter()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=os.environ
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps(request).encode() + b"\n")
        server.stdin.flush()
        answer = json.loads(server.stdout.readline())
        taken = time.perf_counter() - started
        server.kill()
    assert "result" in answer, answer
    return taken


def serve_row() -> Row:
    """``hg-mcp serve`` against the smallest server the SDK makes."""
    with tempfile.TemporaryDirectory() as store:
        ours, bare = taking_turns(
            lambda: first_answer([sys.executable, "-m", "hg_mcp", "serve", "--store", store]),
            lambda: first_answer([sys.executable, "-c", BARE_SERVER]),
        )
    return Row(
        what="First answer of `hg-mcp serve` over stdio",
        ours=f"{ours:.0f} ms",
        other=f"{bare:.0f} ms: an `MCPServer` with one tool",
        ratio=ours / bare,
        limit=1.5,
    )


def rows() -> Iterator[Row]:
    """Every start, of compiled modules, as an installer leaves them."""
    for package in ("recorder", "hg_mcp"):
        compileall.compile_dir(HERE.parent / package, quiet=2)
    yield import_row()
    yield script_row()
    yield serve_row()
