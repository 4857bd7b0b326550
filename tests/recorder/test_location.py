"""Where a store is: never where others could read or redirect it, and found again from anywhere below."""

import os
from pathlib import Path

import pytest

from recorder.errors import ForeignFileError, NoStoreError
from recorder.location import find_store, note_written, place_store, recent_stores


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path.resolve() / "project"
    (directory / "src" / "deep").mkdir(parents=True)
    (directory / ".git").mkdir()
    monkeypatch.chdir(directory / "src" / "deep")
    return directory


def test_a_new_store_is_beside_the_projects_git_or_pyproject(project: Path) -> None:
    assert place_store().directory == str(project / ".hg_mcp")
    (project / "src" / "pyproject.toml").touch()
    (project / ".hg_mcp" / "journal").rmdir()
    (project / ".hg_mcp" / ".gitignore").unlink()
    (project / ".hg_mcp").rmdir()
    assert place_store().directory == str(project / "src" / ".hg_mcp")


def test_a_file_is_no_store(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.touch()
    for look in (place_store, find_store):
        with pytest.raises(ForeignFileError, match=r"notes.txt is not an hg-mcp file: a store is a directory"):
            look(file)


def test_the_nearest_existing_store_upwards_is_used(project: Path) -> None:
    (project / "src" / ".hg_mcp").mkdir(mode=0o700)
    assert place_store().directory == str(project / "src" / ".hg_mcp")
    assert find_store().directory == str(project / "src" / ".hg_mcp")


def test_without_a_project_it_is_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert place_store().directory == str(tmp_path.resolve() / ".hg_mcp")


def test_the_environment_and_the_argument_override(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HG_MCP_STORE", str(tmp_path / "env"))
    assert place_store().directory == str(tmp_path / "env")
    assert place_store(tmp_path / "given").directory == str(tmp_path / "given")
    assert find_store().directory == str(tmp_path / "env")


def test_a_project_directory_stands_for_the_store_in_it(project: Path) -> None:
    place_store()
    assert find_store(project).directory == str(project / ".hg_mcp")


def test_it_is_private_and_ignored_by_git(project: Path) -> None:
    place_store()
    assert (project / ".hg_mcp").stat().st_mode & 0o777 == 0o700
    assert (project / ".hg_mcp" / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize("spoil", ["home", "writable", "symlink"])
def test_no_default_store_where_others_may_write(project: Path, monkeypatch: pytest.MonkeyPatch, spoil: str) -> None:
    elsewhere = project / "elsewhere"
    elsewhere.mkdir()
    for place in (project, project / "src", project / "src" / "deep"):
        if spoil == "writable":
            place.chmod(0o777)
        if spoil == "symlink":
            (place / ".hg_mcp").symlink_to(elsewhere)
    if spoil == "home":
        monkeypatch.setenv("HOME", str(project))
        monkeypatch.chdir(project)
    placed = place_store().directory
    fallback = os.path.join(os.environ["XDG_STATE_HOME"], "hg-mcp", "default")
    assert placed == fallback
    assert not list(elsewhere.iterdir())


def test_a_reader_creates_nothing_and_says_where_it_looked(project: Path, tmp_path: Path) -> None:
    note_written(place_store(tmp_path / "known"))
    with pytest.raises(NoStoreError) as missing:
        find_store()
    assert str(project / ".hg_mcp") in missing.value.looked_in
    assert missing.value.elsewhere == (str(tmp_path / "known"),)
    assert not (project / ".hg_mcp").exists()


def test_the_registry_forgets_stores_that_are_gone_and_lists_the_last_first(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        location = place_store(tmp_path / name)
        note_written(location)
        entry = max(Path(os.environ["XDG_STATE_HOME"], "hg-mcp", "stores").iterdir(), key=lambda path: path.read_text())
        os.utime(entry)
    (tmp_path / "two" / "journal").rmdir()
    assert set(recent_stores()) == {str(tmp_path / "one"), str(tmp_path / "three")}


def test_a_postgresql_store_is_refused_by_name() -> None:
    with pytest.raises(ForeignFileError, match="postgresql://"):
        place_store("postgresql://host/db")
    with pytest.raises(ForeignFileError, match="only a directory"):
        find_store("postgresql://host/db")


def test_a_working_directory_that_is_gone_is_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert place_store().directory.startswith(os.environ["XDG_STATE_HOME"])
