"""Asks strangers whether the server keeps to MCP: the protocol's conformance suite and the Inspector's command line.

    python -m tests.conformance.run NODE PACKAGES        (``make conformance`` installs both first)

Both talk to a real ``hg-mcp serve --http``; the Inspector talks to one over stdio too. Most of the suite's scenarios
call tools, prompts and resources that a server would have to bring for the suite's sake; ``FIXTURES`` says which, and
what came of them is shown all the same. Ends with 1 where a check that applies fails. Writes docs/conformance.md.
"""

import datetime as dt
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tests.hg_mcp.recorded import map_of_50, write_store
from tests.hg_mcp.test_http import served
from tests.live.report import commit

ROOT = Path(__file__).parents[2]
REPORT = ROOT / "docs" / "conformance.md"
SUITE, INSPECTOR = "@modelcontextprotocol/conformance", "@modelcontextprotocol/inspector"
LIMIT_S = 120

APPLYING = [
    "server-initialize",
    "ping",
    "tools-list",
    "resources-list",
    "prompts-list",
    "dns-rebinding-protection",
    "server-sse-multiple-streams",
]
ASKS_THE_USER = "calls a tool that asks the client back; ours only read, and ask nothing of it"
LOGS = "hg-mcp declares no `logging`, which 2026-07-28 deprecates"
VACUOUS = "calls a tool of the suite's own; any error passes"
FIXTURES = {
    "completion-complete": "completes an argument of the suite's own prompt; ours are completed in "
    "tests/hg_mcp/test_resources.py",
    "elicitation-sep1034-defaults": ASKS_THE_USER,
    "elicitation-sep1330-enums": ASKS_THE_USER,
    "json-schema-2020-12": "looks for a tool of the suite's own",
    "logging-set-level": LOGS,
    "prompts-get-embedded-resource": "gets a prompt of the suite's own",
    "prompts-get-simple": "gets a prompt of the suite's own",
    "prompts-get-with-args": "gets a prompt of the suite's own",
    "prompts-get-with-image": "gets a prompt of the suite's own",
    "resources-read-binary": "reads a resource of the suite's own",
    "resources-read-text": "reads a resource of the suite's own",
    "resources-subscribe": "subscribes to a resource of the suite's own; ours are in tests/hg_mcp/test_resources.py",
    "resources-templates-read": "reads a resource of the suite's own",
    "resources-unsubscribe": "subscribes to a resource of the suite's own; ours are in tests/hg_mcp/test_resources.py",
    "server-sse-polling": "calls a tool of the suite's own, and recommends resumable streams, which are not offered: "
    "a question can be asked again",
    "tools-call-audio": "calls a tool of the suite's own",
    "tools-call-elicitation": ASKS_THE_USER,
    "tools-call-embedded-resource": "calls a tool of the suite's own",
    "tools-call-error": VACUOUS,
    "tools-call-image": "calls a tool of the suite's own",
    "tools-call-mixed-content": "calls a tool of the suite's own",
    "tools-call-sampling": ASKS_THE_USER,
    "tools-call-simple-text": VACUOUS,
    "tools-call-with-logging": LOGS,
    "tools-call-with-progress": "calls a tool of the suite's own",
}
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


@dataclass(frozen=True, kw_only=True)
class Check:
    """What was asked, what came of it, and what is to be said about that."""

    name: str
    passed: bool
    note: str = ""

    def row(self) -> str:
        return f"| {self.name} | {'passed' if self.passed else '**failed**'} | {self.note} |"


@dataclass(frozen=True, kw_only=True)
class Node:
    """The Node that runs the packages below a directory, with a home of its own."""

    binary: Path
    packages: Path
    home: Path

    def run(self, package: str, command: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        script = self._directory(package) / self._manifest(package)["bin"][command]
        return subprocess.run(
            [self.binary, script, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_S,
            env={"PATH": os.pathsep.join([str(self.binary.parent), os.defpath]), "HOME": str(self.home)},
        )

    def release(self, package: str) -> str:
        return self._manifest(package)["version"]

    def _directory(self, package: str) -> Path:
        return self.packages / "node_modules" / package

    def _manifest(self, package: str) -> Mapping:
        return json.loads((self._directory(package) / "package.json").read_text(encoding="utf-8"))


def suite_checks(node: Node, url: str) -> Iterator[Check]:
    """Every scenario of the suite, one after the other; each in its own directory, whose name the suite chooses."""
    for scenario in [*APPLYING, *FIXTURES]:
        results = node.home / scenario
        node.run(SUITE, "conformance", "server", "--url", url, "--scenario", scenario, "-o", str(results))
        found = [each for file in results.rglob("checks.json") for each in json.loads(file.read_text(encoding="utf-8"))]
        held = {each["status"] for each in found}
        yield Check(
            name=f"`{scenario}`",
            passed="SUCCESS" in held and not held & {"FAILURE", "WARNING"},
            note=FIXTURES.get(scenario, f"{len(found)} check{'s' * (len(found) != 1)}"),
        )


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

## The Inspector

`{inspector}` {inspector_release}, `--cli`. It holds replies against their output schemas. Exit 0:
answered; 5: the tool said why not. `--strict` warns of schemas that allow any value: those are recorded values.

{inspected}
"""


def report(node: Node, suite: list[Check], inspector: list[Check]) -> str:
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
        applying=_table(suite[: len(APPLYING)]),
        others=_table(suite[len(APPLYING) :], last="why it does not apply"),
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
            suite, inspector = list(suite_checks(node, url)), list(inspected(node, url, store))
        REPORT.write_text(report(node, suite, inspector), encoding="utf-8")
    applying = [*suite[: len(APPLYING)], *inspector]
    failed = [check.name for check in applying if not check.passed]
    print(f"{len(applying) - len(failed)} of {len(applying)} checks that apply passed. {', '.join(failed)}".strip())
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
