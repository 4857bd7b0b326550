"""A disk that fails at any call by which the database is written: the journals keep all, the store stays whole."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.torture.report import note, scaled

SOURCE = Path(__file__).with_name("failing_disk.c")
MOST = scaled(5, 1_000)


@pytest.fixture(scope="module")
def failing_disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library to preload."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("it takes a C compiler, and Linux, to stand before SQLite's system calls")
    library = tmp_path_factory.mktemp("disk") / "failing_disk.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
    return library


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC, 0], ids=["EIO", "ENOSPC", "short"])
@pytest.mark.parametrize("lasting", [1, 100_000], ids=["once", "for good"])
def test_a_database_whose_disk_fails_at_any_call_has_everything_once_when_it_works_again(
    failing_disk: Path, tmp_path: Path, error: int, lasting: int
) -> None:
    if error == 0 and lasting > 1:
        pytest.skip("a disk that writes half of everything for good writes all of it in the end")
    command = [sys.executable, "-m", "tests.torture.store_on_failing_disk", str(tmp_path), str(error), str(lasting)]
    environment = {**os.environ, "LD_PRELOAD": str(failing_disk)}
    child = subprocess.run(
        [*command, str(MOST)], capture_output=True, text=True, timeout=900, check=False, env=environment
    )
    assert (child.returncode, child.stderr) == (0, "")
    calls, failed = map(int, child.stdout.split())
    assert failed > 0 or error == 0, "no failure reached the store: the calls are not those that it makes"
    name = errno.errorcode.get(error, "short writes")
    note(
        "Disks",
        f"Store: {name} at up to {min(calls, MOST)} of {calls} calls, for {lasting:,} each: all there once after.",
    )
