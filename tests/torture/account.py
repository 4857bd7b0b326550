"""Processes of other accounts, forked from one that has everything loaded: they may not be able to read root's Python.

Only root can make them.
"""

import encodings.ascii
import importlib
import multiprocessing
import os
import pkgutil
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

import hg_mcp
import recorder
from hg_mcp import cli
from recorder import Recorder, node

__all__ = ["Ended", "by"]

LOADED: Final = (encodings.ascii, traceback)
_SERVER: Final = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload([__name__])


class Ended(NamedTuple):
    """What a process did and said."""

    code: int | None
    out: str
    err: str


def by(account: int, what: str, *arguments: str | Path, umask: int = 0o022, cwd: Path = Path("/")) -> Ended:
    """Do something (``record [STORE]``, ``ask ARGUMENT...``) as an account, which has a home for the time of it."""
    with tempfile.TemporaryDirectory() as home:
        os.chown(home, account, account)
        process = _SERVER.Process(target=_act, args=(account, umask, str(cwd), home, what, *map(str, arguments)))
        process.start()
        process.join(60)
        return Ended(process.exitcode, *(Path(home, name).read_text() for name in ("out", "err")))


def _act(account: int, umask: int, cwd: str, home: str, what: str, *arguments: str) -> None:
    os.setgroups([])
    os.setgid(account)
    os.setuid(account)
    for handle, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(os.path.join(home, name), os.O_WRONLY | os.O_CREAT, 0o600), handle)
    os.umask(umask)
    os.chdir(cwd)
    os.environ.update(HOME=home, XDG_STATE_HOME=f"{home}/state")
    _ACTS[what](*arguments)


def _load_all(package: ModuleType) -> None:
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


@node
def _double(x: int) -> int:
    return 2 * x


def _record(store: str | None = None) -> None:
    with Recorder(store, values=True) as recording, recording.run("run"):
        print(_double(21))


def _ask(*arguments: str) -> None:
    cli.main(arguments)


_ACTS: Final[dict[str, Callable[..., Any]]] = {"record": _record, "ask": _ask}
_load_all(recorder)
_load_all(hg_mcp)
