"""Processes of several accounts on one machine: what one records is theirs alone, and nobody is led astray or locked
out."""

import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recorder.location import STORE_NAME
from tests.torture.account import by
from tests.torture.report import note

ROOT, OWNER, OTHER = 0, 61_001, 61_002

pytestmark = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may start processes of other accounts"
)


@pytest.fixture
def common() -> Iterator[Path]:
    """A directory where everybody may write; pytest's own are closed to others."""
    directory = Path(tempfile.mkdtemp())
    directory.chmod(0o1777)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def store(common: Path) -> Path:
    """A store of ``OWNER`` with one run."""
    by(OWNER, "record", str(common / "store"))
    return common / "store"


def runs(account: int, store: Path) -> int:
    """How many runs a process of an account is told of."""
    asked = by(account, "ask", "list-runs", "--json", "--store", store)
    assert (asked.code, asked.err) == (0, "")
    return json.loads(asked.out)["total"]


def problems(account: int, store: Path) -> list[str]:
    """What the doctor finds wrong."""
    found: list[dict[str, Any]] = json.loads(by(account, "ask", "doctor", "--json", "--store", store).out)["findings"]
    return [finding["says"] for finding in found if finding["level"] == "problem"]


def tree(directory: Path) -> dict[str, tuple[int, int]]:
    """Owner and permissions of a directory and of all in it."""
    found = {path: path.lstat() for path in (directory, *directory.rglob("*"))}
    return {str(path): (status.st_uid, stat.S_IMODE(status.st_mode)) for path, status in found.items()}


def test_under_a_permissive_umask_a_store_is_its_owners_alone(common: Path) -> None:
    recorded = by(OWNER, "record", common / "store", umask=0)
    assert (recorded.out, recorded.err) == ("42\n", "")
    journals = tree(common / "store")
    assert runs(OWNER, common / "store") == 1
    for path, owner_and_mode in (journals | tree(common / "store")).items():
        is_directory = path.endswith(("store", "journal"))
        assert owner_and_mode == (OWNER, 0o700 if is_directory else 0o600), path
    assert problems(OWNER, common / "store") == []


@pytest.mark.parametrize("question", ["list-runs", "doctor", "prune"])
def test_who_may_not_look_into_a_store_is_told_so_and_whose_it_is(store: Path, question: str) -> None:
    asked = by(OTHER, "ask", question, "--store", store)
    said = " ".join((asked.out + asked.err).split())
    assert asked.code == 1
    assert "may not look into it" in said
    assert f"uid {OWNER}" in said
    store.rename(store.with_name(STORE_NAME))
    asked = by(OTHER, "ask", question, "--store", store.parent)
    assert "may not look into it" in " ".join((asked.out + asked.err).split()), "nor when its project is named"


@pytest.mark.parametrize("mode", [0o700, 0o777])
def test_a_recorder_refuses_the_store_of_another_account_and_the_run_goes_on(store: Path, mode: int) -> None:
    for place in (store, store / "journal"):
        place.chmod(mode)
    before = tree(store)
    recorded = by(OTHER, "record", store)
    assert recorded.out == "42\n"
    assert recorded.err.count("\n") == recorded.err.count("Your run is not affected") == 1
    assert f"another account's (uid {OWNER})" in recorded.err
    assert tree(store) == before
    note("Accounts", f"Another account's store, mode {mode:o}: refused in one line, the run done, the store untouched.")


@pytest.mark.parametrize("first", ["record", "ask"])
def test_what_root_leaves_in_somebodys_store_is_theirs(store: Path, first: str) -> None:
    """As with `sudo`, or a container that runs as root on a mounted directory."""
    if first == "ask":
        assert runs(ROOT, store) == 1
    assert by(ROOT, "record", store).err == ""
    assert {owner for owner, _ in tree(store).values()} == {OWNER}
    assert (problems(ROOT, store), problems(OWNER, store)) == ([], [])
    assert runs(ROOT, store) == runs(OWNER, store) == 2
    assert by(OWNER, "record", store).err == ""
    assert runs(OWNER, store) == 3
    assert {owner for owner, _ in tree(store).values()} == {OWNER}
    note("Accounts", f"Root was the first to {first} in somebody's store: every file in it stayed its owner's.")


def test_what_others_left_in_a_store_is_named_and_the_rest_answered(store: Path) -> None:
    (segment,) = (store / "journal").iterdir()
    planted = segment.with_name("0123456789abcdef-00000001.hgj")
    planted.write_bytes(b"nobody's")
    planted.chmod(0o600)
    assert runs(OWNER, store) == 1
    assert problems(OWNER, store) == [f"{planted} belongs to another account (uid {ROOT})"]


def test_an_own_link_is_followed_and_that_of_another_account_is_not(common: Path) -> None:
    for owner in (OWNER, OTHER):
        directory, link = common / f"of-{owner}", common / f"link-{owner}"
        directory.mkdir()
        link.symlink_to(common / f"of-{OWNER}")
        os.chown(directory, owner, owner)
        os.lchown(link, owner, owner)
    assert by(OWNER, "record", common / f"link-{OWNER}").err == ""
    assert runs(OWNER, common / f"link-{OWNER}") == 1
    for account in (OWNER, ROOT):
        recorded = by(account, "record", common / f"link-{OTHER}")
        assert recorded.out == "42\n"
        assert f"another account's (uid {OTHER})" in recorded.err
    assert runs(OWNER, common / f"of-{OWNER}") == 1


def test_a_store_that_root_made_in_somebodys_project_is_named_by_the_doctor(common: Path) -> None:
    project = common / "project"
    (project / ".git").mkdir(parents=True)
    os.chown(project, OWNER, OWNER)
    assert by(ROOT, "record", project / STORE_NAME).err == ""
    asked = by(OWNER, "ask", "doctor", "--json", cwd=project)
    (notice,) = [found for found in json.loads(asked.out)["findings"] if found["level"] == "notice"]
    assert f"{project / STORE_NAME} is passed over" in notice["says"]
    named = by(OWNER, "ask", "list-runs", "--store", project)
    assert f"that of uid {ROOT}" in named.err


@pytest.mark.parametrize("spoil", ["another account's", "group-writable", "one with a link for a store"])
def test_without_a_name_no_store_is_placed_or_read_where_others_have_a_say(common: Path, spoil: str) -> None:
    project = common / "project"
    (project / ".git").mkdir(parents=True)
    os.chown(project, OTHER if spoil == "another account's" else OWNER, OWNER)
    if spoil == "group-writable":
        os.chown(project, OWNER, OTHER)
        project.chmod(0o775)
    if spoil == "one with a link for a store":
        (project / STORE_NAME).symlink_to(common)
        os.lchown(project / STORE_NAME, OWNER, OWNER)
    before = tree(common)
    recorded = by(OWNER, "record", cwd=project)
    assert (recorded.out, recorded.err) == ("42\n", "")
    assert tree(common) == before, "it went to this account's state directory"
    note("Accounts", f"A project that is {spoil}: its runs go to the state directory of who records them.")
