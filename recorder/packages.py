"""Which installed packages this process has loaded, and their versions, as the installers' own records tell them.

``importlib.metadata`` would tell it too, for 30 ms at import and a parsed file for every package there is; this reads
little more than the records of the packages that are loaded. A package that no installer recorded (a directory on
``PYTHONPATH``) is left out: nothing is guessed. Never called on the hot path.
"""

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

__all__ = ["LoadedPackages"]

_SITES: Final = ("site-packages", "dist-packages")
_MOST: Final = 500
_COMMIT: Final = 12


class _Origin(msgspec.Struct):
    """What ``direct_url.json`` holds."""

    url: str = ""
    vcs_info: dict[str, Any] = {}
    dir_info: dict[str, Any] = {}


class LoadedPackages:
    """The packages of this process, by the names they are imported by (``google.genai``)."""

    def __init__(self) -> None:
        self._asked: set[str] = set()
        self._versions: dict[str, str] = {}
        self._modules = 0

    def versions(self) -> dict[str, str]:
        """Those loaded until now; only what is new since the last call is looked up. Never raises."""
        modules = len(sys.modules)
        if modules != self._modules and len(self._asked) < _MOST:
            self._modules = modules
            try:
                files = {name: file for name, file in _loaded() if name not in self._asked}
                self._asked.update(files)
                self._versions = {**self._versions, **_versions(files)}
            except Exception:  # noqa: S110 - an odd installation: its versions stay unknown
                pass
        return self._versions


def _loaded() -> Iterator[tuple[str, str]]:
    """Packages with the files they begin with: top-level ones, or those within a namespace that packages share."""
    modules = {name: _attributes(module) for name, module in sys.modules.copy().items()}
    for name, attributes in modules.items():
        top, _, rest = name.partition(".")
        if name.startswith("_") or top in sys.stdlib_module_names or "." in rest:
            continue
        file = attributes.get("__file__")
        if type(file) is str and (not rest or modules.get(top, {}).get("__file__") is None):
            yield name, file


def _attributes(module: Any) -> Mapping[str, Any]:
    """What a module holds, looked at without waking one that loads lazily."""
    try:
        return object.__getattribute__(module, "__dict__")
    except AttributeError:
        return {}


def _versions(files: Mapping[str, str]) -> dict[str, str]:
    """Versions of the modules whose files some distribution on ``sys.path`` says are its own."""
    sites = [path for path in dict.fromkeys(sys.path) if os.path.basename(path) in _SITES and os.path.isdir(path)]
    outside = {name: file for name, file in files.items() if not file.startswith(tuple(sites))}
    found: dict[str, str] = {}
    for site in sites:
        below = site + os.sep
        missing = {file.removeprefix(below): name for name, file in files.items() if file.startswith(below)}
        for entry in _distributions(site, missing.values()):
            place = os.path.join(site, entry)
            version = entry.rpartition(".")[0].split("-")[1]
            commit, editable = _origin(place)
            owned = _listed(place, missing) if missing else []
            names = [missing.pop(file) for file in owned]
            names += [name for name, file in outside.items() if editable and file.startswith(editable)]
            found |= dict.fromkeys(names, f"{version} at {commit}" if commit else version)
    return found


def _distributions(site: str, modules: Iterable[str]) -> list[str]:
    """The records in a directory, first those named as a module: mostly the others need not be read."""
    entries = [entry for entry in os.listdir(site) if re.fullmatch(r"[^-]+-.+\.(?:dist|egg)-info", entry)]
    likely = {module.replace(".", "_").lower() for module in modules}
    return sorted(entries, key=lambda entry: entry.partition("-")[0].lower() not in likely)


def _listed(place: str, files: Iterable[str]) -> list[str]:
    """Those of the files that a distribution's record lists."""
    record = b"\n" + _read(os.path.join(place, "RECORD"))
    return [file for file in files if b"\n%b," % file.replace(os.sep, "/").encode() in record]


def _origin(place: str) -> tuple[str, str]:
    """The commit that a distribution was installed from, and the directory if it is an editable one (PEP 610)."""
    text = _read(os.path.join(place, "direct_url.json"))
    if not text:
        return "", ""
    try:
        told = msgspec.json.decode(text, type=_Origin)
    except ValueError:
        return "", ""
    editable = told.dir_info.get("editable") is True and told.url.startswith("file://")
    directory = os.path.join(_unquoted(told.url.removeprefix("file://")), "") if editable else ""
    return str(told.vcs_info.get("commit_id", ""))[:_COMMIT], directory


def _unquoted(path: str) -> str:
    if "%" not in path:
        return path
    from urllib.parse import unquote  # lazy: 4 ms at import, for a directory with blanks in its name

    return unquote(path)


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
