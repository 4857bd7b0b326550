"""What an agent waits for where two large runs, or the items of one, are held against each other.

The runs are recorded through the recorder: 5,000 documents of 2 KB through three nodes, with their values; in
the second run those of one language fail, a tenth of all.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.asking import clients, waits
from benchmarks.scale import scaled
from benchmarks.table import Row
from hg_mcp.queries.source import Store
from recorder import Recorder, node

__all__ = ["record", "rows"]

ITEMS: Final = scaled(5_000, 50)
CALLS: Final = 5
ALLOWED_MS: Final = 300
DOWN: Final[list[str]] = []
SENTENCE: Final = "The invoice of 12 March lists three items, two of which were returned: see page 4. "


@node
def call_llm(prompt: str, language: str) -> dict[str, str]:
    """An answer; none in a language that the model is down for."""
    if language in DOWN:
        raise TimeoutError("504 Gateway Timeout")
    return {"label": ("invoice", "letter", "contract")[len(prompt) % 3], "because": prompt[:400]}


@node
def parse(answer: Mapping[str, str]) -> str:
    """Its label."""
    return answer["label"]


def classify(document: Mapping[str, Any]) -> str:
    """One item: three nodes with it."""
    return parse(call_llm(f"Classify: {document['text']}", document["language"]))


def record(store: str) -> None:
    """A good run, and one in which a language fails."""
    documents = [document(number) for number in range(ITEMS)]
    with Recorder(store, values=True) as recorder:
        for down in ((), ("fi",)):
            DOWN[:] = down
            recorder.map(classify, documents, name="classify", error_handling="continue")


def document(number: int) -> dict[str, Any]:
    """2 KB that no other document has, a tenth of them in Finnish."""
    text = (f"Document {number}. " + SENTENCE * 30)[:2_048]
    return {"number": number, "language": "fi" if number % 10 == 7 else "en", "pages": number % 17, "text": text}


async def asked(store: Path) -> tuple[dict[str, tuple[float, float]], float]:
    """p50 and p95 of each tool once all is read, and the p95 of a tool that does nothing."""
    source = Store(str(store))
    while (await source.current())[1].bytes:
        pass  # each question catches up for a second
    await source.close()
    async with clients(store) as (ours, bare):
        arguments: dict[str, Any] = {}
        _, nothing = await waits(bare, [("ping", arguments)] * 40)
        found = {name: await waits(ours, [(name, arguments)] * CALLS) for name in ("contrast_items", "compare_runs")}
        return found, nothing


def rows() -> Iterator[Row]:
    """Both tools beside what may be waited for, and a tool that does nothing."""
    store = Path(tempfile.mkdtemp()) / "store"
    try:
        record(str(store))
        found, nothing = asyncio.run(asked(store))
    finally:
        shutil.rmtree(store.parent)
    for name, (p50, p95) in found.items():
        yield Row(
            what=f"`{name}` over MCP, runs of {ITEMS:,} items with 2 KB values, p95",
            ours=f"{p95:.0f} ms (p50 {p50:.0f})",
            other=f"{ALLOWED_MS} ms allowed; a tool that does nothing: {nothing:.1f} ms",
            ratio=p95 / ALLOWED_MS,
            limit=1.0,
        )
