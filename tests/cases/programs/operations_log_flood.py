"""A step asks ten thousand times whether an index is ready; why it never is stands once in that flood of records."""

import logging

from recorder import Recorder, node

LOG = logging.getLogger("search.index")
LOG.setLevel(logging.INFO)
LOG.addHandler(logging.NullHandler())
LOG.propagate = False


@node
def start_build(index: str) -> str:
    LOG.info("building %s", index)
    return index


@node
def wait_for(index: str) -> None:
    for number in range(10_000):
        LOG.info("poll %d: %s is not ready", number, index)
        if number == 7_000:
            LOG.error("shard 7 of %s is read-only: disk is full", index, extra={"shard": 7})
    raise TimeoutError("never ready")


def run(rec: Recorder, variant: str) -> None:
    rec.capture_logs()
    with rec.run("reindex", inputs={"index": "books"}):
        wait_for(start_build("books"))
