"""Live tests need the framework: ``make live HYPERGRAPH=DIR`` says where it is. The ordinary suite passes them by."""

import logging
import os
from collections.abc import Iterator

import pytest

collect_ignore_glob = [] if os.environ.get("HYPERGRAPH") else ["*.py"]


@pytest.fixture(autouse=True)
def nothing_complains(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No processor failure is logged by the framework, and none of ours by us."""
    yield
    loggers = ("hypergraph.events.dispatcher", "recorder")
    told = [record for record in caplog.get_records("call") if record.name in loggers]
    assert not [record.getMessage() for record in told if record.levelno >= logging.WARNING]
