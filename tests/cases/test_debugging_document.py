"""docs/debugging.md shows what the replies really say."""

from pathlib import Path

from tests.cases.walk import document

DOCUMENT = Path(__file__).parents[2] / "docs" / "debugging.md"


async def test_the_document_is_what_a_new_recording_of_its_cases_gives():
    assert DOCUMENT.read_text(encoding="utf-8") == await document(), "python -m tests.cases.walk docs/debugging.md"
