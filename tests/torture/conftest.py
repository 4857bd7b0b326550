"""When all of the torture is over, what was seen is written down."""

import pytest

from tests.torture import report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write ``docs/torture.md``, if this was the long form and nothing failed."""
    if session.testsfailed == 0:
        report.finish()
