"""What every test stands on: no store of the developer's is touched, and a failure that users never see fails a
test."""

from pathlib import Path

import pytest
from hypothesis import settings

from recorder import Recorder

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def apart(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Registry, fallback store and environment of this test alone."""
    state: Path = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    monkeypatch.delenv("HG_MCP_STORE", raising=False)
    monkeypatch.delenv("HG_MCP_DISABLED", raising=False)
    monkeypatch.setattr(Recorder, "_raises", True)
