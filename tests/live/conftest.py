"""Live tests need the framework: ``make live HYPERGRAPH=DIR`` says where it is. The ordinary suite passes them by."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.attaching import WAYS, Attached

collect_ignore_glob = [] if os.environ.get("HYPERGRAPH") else ["*.py"]


@pytest.fixture(params=[f"{runner} {way}" for runner, ways in WAYS.items() for way in ways])
def attached(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Attached]:
    """Each runner, with a recorder attached each way."""
    runner, _, way = request.param.partition(" ")
    with Attached(runner=runner, way=way, store=tmp_path / "store") as given:
        yield given


@pytest.fixture(autouse=True)
def nothing_complains(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No processor failure is logged by the framework, and none of ours by us."""
    yield
    loggers = ("hypergraph.events.dispatcher", "recorder")
    told = [record for record in caplog.get_records("call") if record.name in loggers]
    assert not [record.getMessage() for record in told if record.levelno >= logging.WARNING]
