"""The MCP conformance suite: what it checks of any server, and what only of one that was made for it.

Two releases run: the latest, which knows the protocol up to 2025-11-25, and the newest pre-release, which alone knows
2026-07-28. Of that one a scenario applies unless ``reason_against`` says why not.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from tests.conformance.checking import Check, Node

__all__ = ["NEXT", "NEXT_PROTOCOL", "SUITE", "next_checks", "suite_checks"]

SUITE = "@modelcontextprotocol/conformance"
NEXT = "conformance-next"
"""The pre-release, installed beside the other by another name."""
NEXT_PROTOCOL = "2026-07-28"
FAILED = frozenset({"FAILURE", "WARNING"})
IN_EVERY_SCENARIO = "wire-schema-valid"

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
OWN_CAPABILITY = "what calls a tool of the suite's own that needs a capability of the client"
OWN_CHANGES = "what has a tool of the suite's own change the lists; ours never change"
NEXT_FIXTURES = {
    "sep-2575-server-rejects-undeclared-capability": OWN_CAPABILITY,
    "sep-2575-missing-capability-http-400": OWN_CAPABILITY,
    "sep-2575-server-sends-prompts-list-changed-on-subscription": OWN_CHANGES,
    "sep-2575-server-sends-tools-list-changed-on-subscription": OWN_CHANGES,
}
"""Single checks of scenarios that apply otherwise."""
NEXT_GROUPS = {
    "tasks-": "the extension `io.modelcontextprotocol/tasks`, which hg-mcp does not declare",
    "input-required-result-": ASKS_THE_USER,
    "http-custom-header-": "looks for a tool with `x-mcp-header` annotations; ours have none",
}
ASKS_NOTHING = "input-required-result-unsupported-methods"
"""The one scenario of its group that holds a server to not asking back."""


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
            note=FIXTURES.get(scenario, _counted(len(found))),
            applies=scenario in APPLYING,
        )


def next_checks(node: Node, url: str) -> Iterator[Check]:
    """What the pre-release finds for the protocol that only it knows, all in one go."""
    results = node.home / NEXT
    node.run(NEXT, "conformance", "server", "--url", url, "--requirements", NEXT_PROTOCOL, "-o", str(results))
    scenarios = dict(sorted(_found(results)))
    for scenario, found in scenarios.items():
        against = reason_against(scenario)
        counted = [status for name, status in found if against or name not in NEXT_FIXTURES]
        left_out = dict.fromkeys(NEXT_FIXTURES[name] for name, _ in found if not against and name in NEXT_FIXTURES)
        yield Check(
            name=f"`{scenario}`",
            passed="SUCCESS" in counted and not FAILED & set(counted),
            note=against or "; ".join([_counted(counted.count("SUCCESS")), *(f"left out: {why}" for why in left_out)]),
            applies=not against,
        )
    schema = [status for found in scenarios.values() for name, status in found if name == IN_EVERY_SCENARIO]
    yield Check(
        name=f"`{IN_EVERY_SCENARIO}`",
        passed=bool(schema) and set(schema) == {"SUCCESS"},
        note=f"every message of {len(schema)} scenarios, whether they apply or not",
    )


def reason_against(scenario: str) -> str:
    """Why a scenario of the pre-release says nothing about hg-mcp; empty where it applies."""
    if scenario == ASKS_NOTHING:
        return ""
    group = next((reason for beginning, reason in NEXT_GROUPS.items() if scenario.startswith(beginning)), "")
    return group or FIXTURES.get(scenario, "")


def _found(results: Path) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The scenarios with their checks and what came of each, from directories whose names the suite chooses."""
    for file in results.rglob("checks.json"):
        named = re.fullmatch(r"server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z", file.parent.name)
        assert named, file
        yield named[1], [(one["id"], one["status"]) for one in json.loads(file.read_text(encoding="utf-8"))]


def _counted(checks: int) -> str:
    return f"{checks} check{'s' * (checks != 1)}"
