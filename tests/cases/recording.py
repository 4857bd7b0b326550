"""Recording a program as life does: a few good runs, then the one that somebody asks about."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from types import ModuleType

from recorder import Recorder

__all__ = ["PROGRAMS", "Edit", "record"]

PROGRAMS = Path(__file__).parent / "programs"
Edit = tuple[str, str]
"""What somebody changed in the program's file before the last run: text, and what stands there now."""


def record(
    directory: Path, program: str, variants: Sequence[str], *, edit: Edit | None = None, vatrates: Sequence[str] = ()
) -> Path:
    """The store of the runs of a program, in order. Each run has its module loaded anew, as a process of its own has.

    ``vatrates`` are the releases of a package of that name that are installed for each of the runs.
    """
    file = directory / "app" / f"{program}.py"
    file.parent.mkdir(parents=True, exist_ok=True)
    source = (PROGRAMS / file.name).read_text(encoding="utf-8")
    store = directory / "store"
    for number, variant in enumerate(variants, 1):
        if edit is not None and number == len(variants):
            assert source.count(edit[0]) == 1, f"{edit[0]!r} stands once in {program}"
            source = source.replace(*edit)
        file.write_text(source, encoding="utf-8")
        with installed(directory, vatrates[number - 1 : number]), Recorder(str(store), values=True) as rec:
            module = _loaded(program, file, source)
            with suppress(Exception) if number == len(variants) else nullcontext():
                module.run(rec, variant)
            del sys.modules[program]
    return store


def _loaded(program: str, file: Path, source: str) -> ModuleType:
    """The module, without bytecode files: two versions within a second look alike to the import system."""
    module = ModuleType(program)
    module.__file__ = str(file)
    sys.modules[program] = module
    exec(compile(source, str(file), "exec"), vars(module))
    return module


@contextmanager
def installed(directory: Path, releases: Sequence[str]) -> Iterator[None]:
    """A package as an installer leaves it, in a directory of packages that is there for the while."""
    if not releases:
        yield
        return
    (release,) = releases
    site = directory / f"python-with-{release}" / "site-packages"
    package, record = site / "vatrates", site / f"vatrates-{release}.dist-info"
    package.mkdir(parents=True)
    record.mkdir()
    rate = 0.19 if release.startswith("2") else 0.16
    (package / "__init__.py").write_text(f"RATES = {{'DE': {rate}}}\n", encoding="utf-8")
    (record / "RECORD").write_text("vatrates/__init__.py,,\n", encoding="utf-8")
    sys.path.insert(0, str(site))
    try:
        yield
    finally:
        sys.path.remove(str(site))
        sys.modules.pop("vatrates", None)
