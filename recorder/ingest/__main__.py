"""``python -m recorder.ingest STORE_DIR``: the detached process that a recorder starts when its journal grows.

It ingests until nothing new has come for a few seconds. Exit codes: 0 done, 1 something stood in the way (one line on
stderr; the journals keep what is not stored), 2 usage.
"""

import os
import sys
import time
from typing import Final

from recorder.errors import RecorderError, StoreBusyError
from recorder.ingest.ingester import Ingester
from recorder.location import StoreLocation

_IDLE_S: Final = 3.0
_PASS_S: Final = 1.0
_POLL_S: Final = 0.2


def main(arguments: list[str]) -> int:
    """Ingest into the named store; returns the exit code."""
    if len(arguments) != 1 or not os.path.isdir(arguments[0]):
        print("usage: python -m recorder.ingest STORE_DIR", file=sys.stderr)  # noqa: T201  (a command's own output)
        return 2
    try:
        trouble = _ingest(StoreLocation(arguments[0]))
    except RecorderError as error:
        trouble = str(error)
    if trouble:
        print(trouble, file=sys.stderr)  # noqa: T201  (a command's own output)
    return 1 if trouble else 0


def _ingest(location: StoreLocation) -> str:
    """Pass after pass until idle; returns what stood in the way of the last one."""
    trouble, active_at = "", time.monotonic()
    while time.monotonic() < active_at + _IDLE_S:
        try:
            with Ingester(location) as ingester:
                result = ingester.run_pass(time.monotonic() + _PASS_S)
        except StoreBusyError:  # somebody else does the work
            time.sleep(_POLL_S)
            continue
        trouble = result.trouble
        if result.frames or result.expiring or not (result.indexed or trouble):
            active_at = time.monotonic()
        else:
            time.sleep(_POLL_S)
    return trouble


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
