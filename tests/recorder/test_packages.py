"""Versions of the packages that a process loaded: as the installers' records have them, and nothing guessed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from recorder import Recorder
from recorder.packages import LoadedPackages
from tests.support.emitting import end, start
from tests.support.reading import only_run, reading


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of installed packages, on the path."""
    directory = tmp_path / "site-packages"
    directory.mkdir()
    monkeypatch.setattr(sys, "path", [*sys.path, str(directory)])
    before = set(sys.modules)
    yield directory
    for name in set(sys.modules) - before:
        del sys.modules[name]


def install(site: Path, distribution: str, *files: str, **origin: object) -> None:
    for file in files:
        path = site / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    info = site / f"{distribution}.dist-info"
    info.mkdir()
    (info / "RECORD").write_text("".join(f"{file},sha256=x,0\n" for file in files))
    if origin:
        (info / "direct_url.json").write_text(json.dumps(origin))


def test_a_package_has_the_version_of_the_distribution_that_lists_its_file(site: Path) -> None:
    install(site, "madeup_yaml-6.0.1", "madeyaml/__init__.py")
    install(site, "madesix-1.16.0", "madesix.py")
    install(site, "other-9", "madeyaml/extra.py")
    loaded = LoadedPackages()
    assert "madeyaml" not in loaded.versions()
    __import__("madeyaml")
    assert loaded.versions()["madeyaml"] == "6.0.1"
    __import__("madesix")
    assert (loaded.versions()["madesix"], loaded.versions()["madeyaml"]) == ("1.16.0", "6.0.1")


def test_packages_within_a_shared_namespace_are_told_apart(site: Path) -> None:
    install(site, "madecloud_ai-1.0", "madecloud/ai/__init__.py")
    install(site, "madecloud_db-2.0", "madecloud/db/__init__.py")
    __import__("madecloud.ai")
    __import__("madecloud.db")
    found = LoadedPackages().versions()
    assert {name: version for name, version in found.items() if name.startswith("madecloud")} == {
        "madecloud.ai": "1.0",
        "madecloud.db": "2.0",
    }


def test_one_installed_from_a_repository_has_its_commit(site: Path) -> None:
    install(
        site,
        "made-0.2.0b1",
        "madegit.py",
        url="https://x/y.git",
        vcs_info={"commit_id": "e2d22b278c94ff"},
    )
    __import__("madegit")
    assert LoadedPackages().versions()["madegit"] == "0.2.0b1 at e2d22b278c94"


def test_an_editable_install_owns_what_stands_in_its_directory(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a clone").mkdir()
    (tmp_path / "a clone" / "madelocal.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path / "a clone")
    install(site, "made_local-3.1", url=(tmp_path / "a clone").as_uri(), dir_info={"editable": True})
    __import__("madelocal")
    assert LoadedPackages().versions()["madelocal"] == "3.1"


def test_what_no_installer_recorded_has_no_version(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (site / "madeloose.py").write_text("__version__ = '7'")
    (tmp_path / "madeown.py").write_text("__version__ = '7'")
    monkeypatch.syspath_prepend(tmp_path)
    __import__("madeloose")
    __import__("madeown")
    found = LoadedPackages().versions()
    assert not {"madeloose", "madeown", "json", "sys"} & found.keys()


def test_an_odd_installation_costs_what_it_does_not_tell_and_nothing_else(site: Path) -> None:
    for name, broken in (("one", "direct_url.json"), ("two", "RECORD")):
        install(site, f"made{name}-1", f"madeodd_{name}.py")
        (site / f"made{name}-1.dist-info" / broken).write_bytes(b"\xff{")
        __import__(f"madeodd_{name}")
    (site / "nameless.dist-info").touch()
    found = LoadedPackages().versions()
    assert {name: version for name, version in found.items() if "odd" in name} == {"madeodd_one": "1"}
    assert found["pytest"] == pytest.__version__


def test_a_module_that_loads_lazily_is_not_woken() -> None:
    code = """
import importlib.util, sys
spec = importlib.util.find_spec("msgspec")
spec.loader = importlib.util.LazyLoader(spec.loader)
module = importlib.util.module_from_spec(spec)
sys.modules["lazy"] = module
spec.loader.exec_module(module)
from recorder.packages import LoadedPackages
LoadedPackages().versions()
print(type(module).__name__)
"""
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert told.strip() == "_LazyModule"


async def test_a_process_that_ends_at_once_tells_its_packages_still(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        start(recorder)
        end(recorder)
    async with reading(tmp_path) as reader:
        packages = (await only_run(reader)).worker.packages
    assert packages["pytest"] == pytest.__version__
    assert "msgspec" in packages
