"""What the tests of the recorder share."""

import pytest

from tests.support.probe import Probe


@pytest.fixture
def probe():
    return Probe()


@pytest.fixture
def valued():
    return Probe(wants_values=True)
