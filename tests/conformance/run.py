"""Asks strangers whether the server keeps to MCP: the protocol's conformance suite and the Inspector's command line.

    python -m tests.conformance.run NODE PACKAGES        (``make conformance`` installs both first)

Both talk to a real ``hg-mcp serve --http``; the Inspector talks to one over stdio too. Most of the suite's scenarios
call tools, prompts and resources that a server would have to bring for the suite's sake; ``suite`` says which, and what
came of them is shown all the same. Ends with 1 where a check that applies fails. Writes docs/conformance.md.
"""

import datetime as dt
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from tests.conformance.checking import Check, Node
from tests.conformance.suite import NEXT, NEXT_PROTOCOL, SUITE, next_checks, suite_checks
from tests.hg_mcp.recorded import map_of_50, write_store
from tests.hg_mcp.test_http import served
from tests.live.report import commit

ROOT = Path(__file__).parents[2]
REPORT = ROOT / "docs" / "conformance.md"
INSPECTOR = "@modelcontextprotocol/inspector"

CALL = ["tools/call", "--tool-name"]
INSPECTED: list[tuple[str, list[str], int]] = [
    ("every tool's schemas, `--strict`", ["tools/list", "--strict"], 0),
    ("a good call", [*CALL, "summarize_run", "--tool-args-json", '{"run": "latest-failed"}'], 0),
    ("a call for a run that is not there", [*CALL, "summarize_run", "--tool-args-json", '{"run": "nope"}'], 5),
    ("a call with an argument that is not there", [*CALL, "list_runs", "--tool-args-json", '{"nope": 1}'], 5),
    ("the resources", ["resources/list"], 0),
    ("a resource", ["resources/read", "--uri", "run://latest-failed"], 0),
    ("a prompt", ["prompts/get", "--prompt-name", "debug_failed_run"], 0),
]
"""What is asked of the Inspector, and the code it exits with where that is answered as it should be."""


def inspector_checks(node: Node, how: str, target: list[str]) -> Iterator[Check]:
    """The Inspector's command line on one way to reach the server."""
    for name, (method, *options), code in INSPECTED:
        told = node.run(INSPECTOR, "mcp-inspector", "--cli", *target, "--method", method, *options, "--format", "json")
        last = told.stderr.strip().splitlines()[-1] if "--strict" in options and told.stderr.strip() else ""
        note = f"exit {told.returncode}" if told.returncode == code else f"exit {told.returncode}, not {code}"
        yield Check(name=f"{how}: {name}", passed=told.returncode == code, note=f"{note}; {last}".removesuffix("; "))


def inspected(node: Node, url: str, store: Path) -> Iterator[Check]:
    """Both eras over HTTP, and stdio."""
    for era in ("modern", "legacy"):
        target = ["--protocol-era", era, "--transport", "http", "--server-url", url]
        yield from inspector_checks(node, f"HTTP, {era}", target)
    command = [sys.executable, "-m", "hg_mcp", "serve", "--store", str(store), "-e", f"PYTHONPATH={ROOT}"]
    yield from inspector_checks(node, "stdio", command)


WHY_NOT = "why it does not apply"
TEXT = """\
# Conformance

Made by `make conformance`, never by hand: others' checks of `hg-mcp serve`, on a store of one failed map of 50.

{made}

## The MCP conformance suite

`{suite}` {suite_release}, over streamable HTTP; it knows the protocol up to 2025-11-25.

{applying}

The other scenarios need a server that was made for the suite, or a feature that hg-mcp does not declare. What came of
them, and why it says nothing about hg-mcp:

{others}

## The suite for 2026-07-28

Only a pre-release knows that protocol: {next_release}. All {next_count} scenarios that it has for a server of
{next_protocol} were run, also those of extensions and those that it does not score yet.

{next_applying}

The others, and why they say nothing about hg-mcp:

{next_others}

## The Inspector

`{inspector}` {inspector_release}, `--cli`. It holds replies against their output schemas. Exit 0:
answered; 5: the tool said why not. `--strict` warns of schemas that allow any value: those are recorded values.

{inspected}
"""


def report(node: Node, suite: list[Check], later: list[Check], inspector: list[Check]) -> str:
    """docs/conformance.md."""
    release = subprocess.run([node.binary, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    made = [f"{dt.datetime.now(dt.UTC):%Y-%m-%d}", f"hg-mcp commit `{commit(ROOT)}`", f"mcp {version('mcp')}"]
    made += [f"Python {platform.python_version()}", platform.system(), f"Node {release}."]
    return TEXT.format(
        made=", ".join(made),
        suite=SUITE,
        suite_release=node.release(SUITE),
        inspector=INSPECTOR,
        inspector_release=node.release(INSPECTOR),
        applying=_table([check for check in suite if check.applies]),
        others=_table([check for check in suite if not check.applies], last=WHY_NOT),
        next_release=node.release(NEXT),
        next_protocol=NEXT_PROTOCOL,
        next_count=len(later) - 1,
        next_applying=_table([check for check in later if check.applies]),
        next_others=_table([check for check in later if not check.applies], last=WHY_NOT),
        inspected=_table(inspector),
    )


def _table(checks: list[Check], last: str = "seen") -> str:
    return "\n".join([f"| check | result | {last} |", "|---|---|---|", *(check.row() for check in checks)])


def main(binary: str, packages: str) -> int:
    """Run everything, write the report, and say in one line what came of it."""
    with tempfile.TemporaryDirectory(prefix="hg-mcp-conformance-") as scratch:
        node = Node(binary=Path(binary).absolute(), packages=Path(packages).absolute(), home=Path(scratch))
        store = write_store(node.home / "store", map_of_50())
        with served(store) as (url, _):
            suite, later = list(suite_checks(node, url)), list(next_checks(node, url))
            inspector = list(inspected(node, url, store))
        REPORT.write_text(report(node, suite, later, inspector), encoding="utf-8")
    applying = [check for check in (*suite, *later, *inspector) if check.applies]
    failed = [check.name for check in applying if not check.passed]
    print(f"{len(applying) - len(failed)} of {len(applying)} checks that apply passed. {', '.join(failed)}".strip())
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
