"""Writes docs/debugging.md: three of the planted faults, recorded and asked about anew, with what the replies said.

    python -m tests.cases.walk docs/debugging.md

Ids, moments and directories are made the same each time; a test holds the document against a new recording.
"""

import asyncio
import json
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any

from tests.cases.asking import Investigation, investigation
from tests.cases.planted import CASES, Case
from tests.cases.recording import PROGRAMS

__all__ = ["document"]

INTRODUCTION = """# Debugging with hg-mcp, three times

Written by `python -m tests.cases.walk docs/debugging.md`, and held against a new recording by a test. The programs are
planted faults of [tests/cases](../tests/cases/), where there are {cases} of them. The agent knows nothing of them. It
calls `summarize_run`, and then each time **the first call that the reply suggests**; after three calls at most, the
last reply names the step at fault and the value or code. Shown is what the replies say, without times and what else
differs from machine to machine (`about`, `slowest`, effects on durations), and of `next` the first.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """A case with what to know before, and what was found."""

    title: str
    program: str
    before: str
    after: str


CHAPTERS = (
    Chapter(
        title="A `None` that four steps pass on",
        program="none_upstream",
        before="The error names the step that printed a label. It is the fifth; the first one made the `None`, and "
        "two others gave it new names. No good run is there to compare with, so the reply leads back along the value.",
        after="`load_customer` gave `region: null`, and nothing that went into it did: its customer has none.",
    ),
    Chapter(
        title="Some items of a map fail with 504",
        program="prompt_too_long",
        before="Six of forty documents fail with what a gateway says of everything. What do the six share?",
        after="The prompts that fail are over eleven times as long as any that pass. The gateway was never the matter.",
    ),
    Chapter(
        title="Nothing failed, and the result is wrong",
        program="routing_threshold",
        before="A fire alarm was filed away. The run completed, without an error or log record. An earlier run of the "
        "graph did page somebody, for the same document; in between, somebody edited the program: `>=` became `>`.",
        after="With the same score the gate chose another way, and its code is not what it was: the reply says where.",
    ),
)
LEFT_OUT = frozenset({"about", "slowest", "started_at", "duration_ms", "durations", "omitted"})
TIMES = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")
RUNS = re.compile(r"\brun-[0-9a-f]{12}\b")
TOOK = re.compile(r"after (?:[\d.]+ (?:ms|s)|\d+m\d+s)\.")


async def document() -> str:
    """The whole document."""
    cases = {case.program: case for case in CASES}
    chapters = [await _told(chapter, cases[chapter.program]) for chapter in CHAPTERS]
    return "\n".join([INTRODUCTION.format(cases=len(CASES)), *chapters])


async def _told(chapter: Chapter, case: Case) -> str:
    with tempfile.TemporaryDirectory() as directory:
        store = await asyncio.to_thread(case.record, Path(directory))
        async with investigation(store) as asked:
            await asked.begin()
            while len(asked.calls) < len(case.calls):
                await asked.follow()
            exchanges = _always_alike("\n\n".join(_exchanges(asked)), directory)
    source = (PROGRAMS / f"{case.program}.py").read_text(encoding="utf-8")
    program = source.partition("\n\n\n")[2].partition("\n\n\ndef run(")[0]
    shown = f"```python\n{program}\n```\n\n```\n{exchanges}\n```"
    return f"## {chapter.title}\n\n{fill(chapter.before, 120)}\n\n{shown}\n\n{fill(chapter.after, 120)}\n"


def _exchanges(asked: Investigation) -> list[str]:
    return [
        f"→ {tool}({', '.join(f'{name}={json.dumps(value)}' for name, value in arguments.items())})\n{_shown(reply)}"
        for (tool, arguments), reply in zip(asked.calls, asked.replies, strict=True)
    ]


def _shown(reply: dict[str, Any]) -> str:
    members = {key: value for key, value in reply.items() if key not in LEFT_OUT}
    if "separators" in members:
        members["separators"] = [
            {**row, "alike": [measure for measure in row.get("alike", []) if "_ms" not in measure]}
            for row in members["separators"]
            if not row.get("may_be_effect")
        ]
    members["next"] = reply["next"][:1]
    return "\n".join(f"{key}:{_content(value)}" for key, value in members.items())


def _content(value: Any) -> str:
    """A text as it is; a list with an element a line; anything else in JSON."""
    if isinstance(value, str):
        return f" {value}" if value else ""
    if isinstance(value, list) and value:
        return "".join(f"\n    {json.dumps(element, ensure_ascii=False)}" for element in value)
    return f" {json.dumps(value, ensure_ascii=False)}"


def _always_alike(text: str, directory: str) -> str:
    """Without what no two recordings have in common."""
    text = text.replace(f"{directory}/", "")
    for number, run in enumerate(dict.fromkeys(RUNS.findall(text)), 1):
        text = text.replace(run, f"run-{number:012x}")
    return TOOK.sub("after 2 ms.", TIMES.sub("2026-11-20T09:30:00.000Z", text))


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(asyncio.run(document()), encoding="utf-8")
