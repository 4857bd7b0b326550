"""A plain-Python pipeline: documents through three steps, one of which calls a model over HTTP.

Recording it takes the two lines that say ``rec``; the steps are marked with ``@node``.

    python examples/pipeline.py URL [STORE]
"""

import asyncio
import json
import sys
import urllib.request
from typing import Any

from recorder import Recorder, node

DOCUMENTS = [
    f"Document {number}. " + ("Payment terms. total due 120 EUR. " if number % 3 else "Dear Sir or Madam. ") * size
    for number, size in enumerate([3, 5, 9, 60, 4, 7, 12, 2, 8, 6, 5, 66, 3, 9, 4, 7, 2, 5, 8, 61, 6, 3, 9, 4, 5] * 2)
]


@node
def clean(document: str) -> str:
    """Make a prompt of a document."""
    return f"Classify this document:\n{' '.join(document.split())}"


@node
async def call_llm(prompt: str, url: str) -> dict[str, Any]:
    """Ask the model."""
    request = urllib.request.Request(url, data=json.dumps({"prompt": prompt}).encode())
    with await asyncio.to_thread(urllib.request.urlopen, request, timeout=5) as response:
        return json.load(response)


@node
def to_row(document: str, answer: dict[str, Any]) -> dict[str, str]:
    """The result, as a row of the table we want."""
    return {"title": document.partition(".")[0], "label": answer["label"]}


async def classify_all(rec: Recorder, url: str, documents: list[str]) -> list[Any]:
    """Rows in the order of the documents, exceptions where there are none."""

    async def classify(document: str) -> dict[str, str]:
        return to_row(document, await call_llm(clean(document), url))

    return await rec.map(classify, documents, name="classify", max_concurrency=8, error_handling="continue")


if __name__ == "__main__":
    with Recorder(*sys.argv[2:3], values=True) as recorder:
        rows = asyncio.run(classify_all(recorder, sys.argv[1], DOCUMENTS))
    failures = sum(isinstance(row, Exception) for row in rows)
    print(f"{len(rows)} documents, {failures} failed")
