"""What the tests of the recorder share."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from tests.support.probe import Probe

InPython = Callable[[], AbstractContextManager[None]]


@pytest.fixture(scope="session")
def in_python() -> InPython:
    """Turns off what was compiled, for recorders that are made meanwhile."""

    @contextmanager
    def pure() -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("HG_MCP_PURE", "1")
            yield

    return pure


@pytest.fixture
def probe():
    return Probe()


@pytest.fixture
def valued():
    return Probe(wants_values=True)
