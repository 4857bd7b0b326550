"""A process to be killed: it brings journals into the store again and again. ``python -m tests.torture.follower
STORE``."""

import os
import sys

from recorder.ingest import Follower
from recorder.location import StoreLocation

if __name__ == "__main__":
    parent = os.getppid()
    while os.getppid() == parent:  # nobody outlives a test that was killed itself
        Follower(StoreLocation(sys.argv[1])).catch_up(timeout=0.05)
