"""``hg-mcp doctor``: what is well with a store, its recorders and this machine, what is not, and what to do about it.

What it promises: nothing is created, read in or changed; it works on what is damaged, foreign or not there.
"""

import os
import shlex
from collections.abc import Iterator
from dataclasses import asdict

import msgspec

from hg_mcp.doctor.findings import LEVELS, Finding, notice, ok, problem
from hg_mcp.doctor.machine import settings, versions
from hg_mcp.doctor.recorders import ingest, journals, recorders
from hg_mcp.doctor.storage import database, disk, permissions
from hg_mcp.sizes import counted
from recorder.errors import ForeignFileError, NoStoreError, StoreFailedError
from recorder.location import StoreLocation, find_store, passed_over

__all__ = ["examine"]

_CHECKS = (database, journals, recorders, ingest, permissions, disk)


def examine(store: str | None) -> tuple[bytes, bool]:
    """Look at everything.

    Args:
        store: As ``--store`` has it.

    Returns:
        The reply as compact JSON, problems first; and whether there are none.
    """
    found = sorted(_findings(store), key=lambda finding: LEVELS.index(finding.level))
    counts = {level: sum(finding.level == level for finding in found) for level in LEVELS}
    troubles = [counted(counts[level], level) for level in ("problem", "notice") if counts[level]]
    rows = [{key: value for key, value in asdict(finding).items() if value} for finding in found]
    summary = f"{' and '.join(troubles)}." if troubles else "All is well."
    return msgspec.json.encode({"summary": summary, "findings": rows}), not counts["problem"]


def _findings(store: str | None) -> Iterator[Finding]:
    if store is None and not os.environ.get("HG_MCP_STORE"):
        yield from map(_passed_over, passed_over())
    try:
        location = find_store(store)
    except (NoStoreError, ForeignFileError, StoreFailedError) as error:
        yield _missing(error)
    else:
        yield ok("store", location.directory)
        yield from _examined(location)
    yield from settings()
    yield from versions()


def _examined(location: StoreLocation) -> Iterator[Finding]:
    for check in _CHECKS:
        try:
            yield from check(location)
        except OSError as error:
            yield problem(check.__name__, f"could not be looked at: {error}", "see that this account may read it")


def _passed_over(directory: str) -> Finding:
    says = f"{directory} is passed over: another account owns it or the project, may write there, or it is a link"
    return notice("store", says, f"let it be yours alone, or name it: --store {shlex.quote(directory)}")


def _missing(error: NoStoreError | ForeignFileError | StoreFailedError) -> Finding:
    if isinstance(error, StoreFailedError):
        return problem("store", str(error), "ask as its owner, or ask them for `hg-mcp export`")
    if isinstance(error, ForeignFileError):
        return problem("store", str(error), "give a directory: --store DIR")
    lately = f"; written lately on this account: {', '.join(error.elsewhere)}" if error.elsewhere else ""
    says = f"nothing was recorded in {', '.join(error.looked_in[:6])}{lately}"
    return problem("store", says, "record something with Recorder(), or name the store: --store DIR")
