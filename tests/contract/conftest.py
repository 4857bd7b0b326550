"""One store of each back-end."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recorder.store.sqlite import SqliteReader, SqliteWriter
from tests.contract.building import Store


@pytest.fixture(params=["sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    path = str(tmp_path / "runs.db")
    writer = SqliteWriter(path)
    opened = Store(writer, lambda: SqliteReader(path))
    yield opened
    for reader in opened.readers:
        await reader.close()
    writer.close()
