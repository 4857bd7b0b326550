"""A join that keeps everything: with enough rows the process has no memory left.

``python FILE STORE ROWS [hold]`` runs it under a limit of memory, or (``hold``) says so when the join is at work, and
waits to be killed.
"""

import resource
import sys

from recorder import Recorder, node

LIMIT = 400 << 20
TABLES = {"orders": 0}  # a database of somebody else's


@node
def count_rows(table: str) -> int:
    return TABLES[table]


@node
def join(rows: int, hold: bool) -> int:
    kept = [bytearray(1 << 20) for _ in range(rows)]
    if hold:
        print("joining", flush=True)
        sys.stdin.readline()
    return len(kept)


if __name__ == "__main__":
    store, number, *how = sys.argv[1:]
    if not how:
        resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    TABLES["orders"] = int(number)
    with Recorder(store, values=True) as rec, rec.run("nightly_join", inputs={"table": "orders"}):
        join(count_rows("orders"), hold=bool(how))
