"""Which code a node runs: file, line, qualified name, and a hash of its source; for readers, the hash on disk now.

The promise kept here: what is known, never guessed. A hash is taken only if compiling the file gives the very code that
is loaded, so a file edited since its import has none; a lambda, a notebook's cell and what ``exec`` made have a place
but no hash. No text of a file leaves this module.
"""

import os
import stat
from collections.abc import Iterator
from functools import lru_cache, partial
from types import CodeType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from recorder.hashing import blake2b

if TYPE_CHECKING:
    import ast

__all__ = ["CodeReader", "Place", "code_of", "function_of", "line_of", "source_hash_on_disk"]

_MOST_BYTES: Final = 4 << 20
_WRAPPERS: Final = 100
_UNREADABLE: Final = (OSError, SyntaxError, ValueError, RecursionError, MemoryError)

_Hashes = dict[str, list[tuple[int, str]]]
_LOCALS: Final = ".<locals>."


class Place(Struct, frozen=True, gc=False):
    """Where a function stands. Empty texts and line 0 are unknown; ``line`` is that of its first decorator."""

    file: str = ""
    line: int = 0
    qualname: str = ""
    source_hash: str = ""


class CodeReader:
    """Places of functions; each file is read and compiled once."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[_Hashes, CodeType] | None] = {}

    def place(self, function: Any) -> Place:
        """Where a callable's own code stands, under partials, methods and wrappers. Never raises."""
        try:
            code = code_of(function)
            if code is None:
                return Place(qualname=_text(getattr(function, "__qualname__", "")))
            return self.place_of(code)
        except Exception:
            return Place()

    def place_of(self, code: CodeType) -> Place:
        """Where a function's code stands. Never raises."""
        try:
            return Place(code.co_filename, code.co_firstlineno, code.co_qualname, self._hash(code))
        except Exception:
            return Place()

    def _hash(self, code: CodeType) -> str:
        if code.co_filename not in self._files:
            self._files[code.co_filename] = _compiled(code.co_filename)
        known = self._files[code.co_filename]
        if known is None:
            return ""
        hashes, whole = known
        return _nearest(hashes, code.co_qualname, code.co_firstlineno) if code in _codes(whole) else ""


def code_of(function: Any) -> CodeType | None:
    """The code of the function that in the end runs when the callable is called; None for what has none."""
    code = getattr(function_of(function), "__code__", None)
    return code if isinstance(code, CodeType) else None


def function_of(function: Any) -> Any:
    """The function that in the end runs when the callable is called; an object's is its class's ``__call__``."""
    for _ in range(_WRAPPERS):  # a __wrapped__ may lead back to itself
        if isinstance(function, partial):
            function = function.func
        elif isinstance(function, MethodType):
            function = function.__func__
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        else:
            break
    if not hasattr(function, "__code__") and not isinstance(function, type):
        method = type(function).__dict__.get("__call__")
        return method if isinstance(method, FunctionType) else function
    return function


def source_hash_on_disk(file: str, qualname: str, line: int) -> str | None:
    """The hash that the function's source has on disk now: empty if it is gone, None if that cannot be told.

    Args:
        file: An absolute path.
        qualname: Its qualified name.
        line: Where it stood; of several with that name the nearest is meant.
    """
    try:
        found = os.stat(file)
        hashes = _hashes_on_disk(file, found.st_ino, found.st_mtime_ns, found.st_size)
    except _UNREADABLE:
        return None
    return None if hashes is None else _nearest(hashes, qualname, line)


def line_of(code: CodeType, line: int, since: float) -> str:
    """The text of a line that runs, from its file; empty where that cannot be told any more. Never raises.

    What was changed after ``since``, the beginning of this process, need not be what was loaded: it is compiled to see.
    """
    import linecache  # lazy: most runs never fail

    try:
        linecache.checkcache(code.co_filename)
        text = linecache.getline(code.co_filename, line).strip()
        return text if text and _is_as_loaded(code, since) else ""
    except Exception:
        return ""


def _is_as_loaded(code: CodeType, since: float) -> bool:
    """Whether the file of a code, if it is one, still holds it."""
    try:
        found = os.stat(code.co_filename)
    except OSError:
        return True  # a notebook's cell, of which linecache keeps the text
    if found.st_mtime < since:
        return True
    return code in _codes_on_disk(code.co_filename, found.st_ino, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=16)
def _codes_on_disk(file: str, *version: int) -> frozenset[CodeType]:
    del version  # as below
    source = _read(file)
    return frozenset() if source is None else frozenset(_codes(compile(source, file, "exec", dont_inherit=True)))


@lru_cache(maxsize=64)
def _hashes_on_disk(file: str, *version: int) -> _Hashes | None:
    del version  # only says which content is meant
    source = _read(file)
    return None if source is None else _hashes(source)


def _compiled(file: str) -> tuple[_Hashes, CodeType] | None:
    try:
        source = _read(file)
        return None if source is None else (_hashes(source), compile(source, file, "exec", dont_inherit=True))
    except _UNREADABLE:
        return None


def _read(file: str) -> bytes | None:
    """The bytes of a Python file of reasonable size; None for anything else, which is not even opened to be read."""
    if not file.endswith(".py"):
        return None
    fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(fd, "rb") as opened:
        found = os.fstat(fd)
        return opened.read() if stat.S_ISREG(found.st_mode) and found.st_size <= _MOST_BYTES else None


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _nearest(hashes: _Hashes, qualname: str, line: int) -> str:
    """Of the functions with that name, the hash of the nearest; empty if there is none."""
    found = hashes.get(qualname)
    return min(found, key=lambda one: abs(one[0] - line))[1] if found else ""


def _hashes(source: bytes) -> _Hashes:
    """The first line and the hash of every function, by qualified name."""
    import ast  # lazy: a parser is needed only by who attaches a graph, or asks for changes

    lines = source.splitlines()
    found: _Hashes = {}
    for qualname, (first, last) in _functions(ast.parse(source), ""):
        found.setdefault(qualname, []).append((first, _hash(lines[first - 1 : last])))
    return found


def _hash(lines: list[bytes]) -> str:
    """The hash of a function's lines, from its first decorator on, indentation apart."""
    indent = len(lines[0]) - len(lines[0].lstrip())
    text = b"\n".join(one[indent:].rstrip() if not one[:indent].strip() else one.rstrip() for one in lines)
    return blake2b(text, digest_size=16, person=b"hg-mcp").hexdigest()


def _functions(node: "ast.AST", prefix: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """Every named function of a tree: its qualified name, first line (of its decorators) and last line."""
    import ast  # lazy: as above

    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([child.lineno, *(decorator.lineno for decorator in child.decorator_list)])
            yield prefix + child.name, (first, child.end_lineno or child.lineno)
            yield from _functions(child, prefix + child.name + _LOCALS)
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")
        else:
            yield from _functions(child, prefix)


def _text(name: Any) -> str:
    return name if type(name) is str else ""
