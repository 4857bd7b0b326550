"""What every test stands on: no store of the developer's is touched, and a failure that users never see fails a
test."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

from recorder import Recorder

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_configure(config: pytest.Config) -> None:
    """Fixtures that live longer than one test have a registry of their own too."""
    state = tempfile.TemporaryDirectory(prefix="hg-mcp-tests-")
    config.add_cleanup(state.cleanup)
    os.environ["XDG_STATE_HOME"] = state.name
    os.environ["HG_MCP_QUIET"] = "1"


@pytest.fixture(autouse=True)
def apart(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Registry, fallback store and environment of this test alone."""
    state: Path = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    monkeypatch.delenv("HG_MCP_STORE", raising=False)
    monkeypatch.delenv("HG_MCP_DISABLED", raising=False)
    monkeypatch.setattr(Recorder, "_raises", True)
