"""Which failures are alike: a short hash of an error's type, normalized message, node and the project's own frames.

The promise kept here: the same fault has the same fingerprint in every process, on every machine, after lines moved and
under every supported Python. So nothing enters that differs between those: no line number, no directory, no module of
a type, and of a message only its words. ``RULES`` is the whole normalization; docs/fingerprints.md shows it.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from recorder.hashing import blake2b
from recorder.journal.frames import ErrorRecord

__all__ = ["REWORDINGS", "RULES", "Rule", "file_of_project", "fingerprint", "normalized", "own_frames"]

_READ: Final = 600
"""Characters of a message that are looked at."""
_KEPT: Final = 240
_LINES: Final = 2
_NAMERS: Final = frozenset(
    {"AttributeError", "ImportError", "KeyError", "ModuleNotFoundError", "NameError", "TypeError", "UnboundLocalError"}
)
"""Exceptions about a name in the program: what they quote is the fault, not the data."""

_INSTALLED: Final = re.compile(
    r"/(?:site-packages|dist-packages|\.?venv)/|/[Ll]ib(?:64)?/python3[^/]*/|/hypergraph/runners/"
)
_CELL: Final = re.compile(r"^<(?:ipython-input|stdin)|/ipykernel_\d+/")
_INLINED: Final = ("<listcomp>", "<dictcomp>", "<setcomp>")
"""Frames of their own before Python 3.12 only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What of a message is data. ``mark`` takes its place, or nothing does where it is None: then it is kept.

    ``examples`` are messages before and after; they are tested, and shown in docs/fingerprints.md.
    """

    name: str
    pattern: str
    mark: str | None
    examples: tuple[tuple[str, str], ...]


RULES: Final = (
    Rule(
        name="HTTP status",
        pattern=(
            r"""\b(?:HTTP(?:/\d(?:\.\d)?| Error)?|[Ss]tatus(?:[ _-]?[Cc]ode)?|[Cc]ode)[ :=]{0,3}[1-5]\d\d\b"""
            r"""|['"]?\b[45]\d\d [A-Z][a-z]+(?:[ -][A-Za-z][a-z]+)*['"]?"""
            r"""|\A[1-5]\d\d\b(?=:|\Z)"""
        ),
        mark=None,
        examples=(
            ("504 Gateway Timeout", "504 Gateway Timeout"),
            ("Error code: 429 - retry in 20s", "Error code: 429 - retry in <duration>"),
            ("429", "429"),
            ("error '504 Gateway Time-out' after 3 s", "error 504 Gateway Time-out after <duration>"),
            ("503 rows left over", "<number> rows left over"),
        ),
    ),
    Rule(
        name="URL",
        pattern=r"""\b[a-z][a-z0-9+.-]{1,15}://[^\s'"<>)\]},;]+""",
        mark="<url>",
        examples=(("no answer from https://api.example.com/v1/x?id=7", "no answer from <url>"),),
    ),
    Rule(
        name="mail address",
        pattern=r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+",
        mark="<email>",
        examples=(("unknown user ann@example.com", "unknown user <email>"),),
    ),
    Rule(
        name="moment",
        pattern=(
            r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
            r"|\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b"
        ),
        mark="<time>",
        examples=(("expired at 2026-11-20T09:30:00.123Z", "expired at <time>"), ("at 09:30:12", "at <time>")),
    ),
    Rule(
        name="UUID",
        pattern=r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b",
        mark="<id>",
        examples=(("no job 6fa459ea-ee8a-3ca4-894e-db77e160355e", "no job <id>"),),
    ),
    Rule(
        name="memory address",
        pattern=r"\b0x[0-9a-fA-F]+",
        mark="<address>",
        examples=(("<Client object at 0x7f3a5c> is closed", "<Client object at <address>> is closed"),),
    ),
    Rule(
        name="path object",
        pattern=r"""\b(?:Pure)?(?:Posix|Windows)Path\((?:'[^'\n]*'|"[^"\n]*")\)""",
        mark="<path>",
        examples=(("cannot read PosixPath('/srv/a.txt')", "cannot read <path>"),),
    ),
    Rule(
        name="quoted text",
        pattern=r"""(?<!\w)[bBrRuU]{0,2}(?:'(?:[^'\\\n]|\\.){1,300}'|"(?:[^"\\\n]|\\.){1,300}")(?!\w)""",
        mark="<text>",
        examples=(
            ("could not convert string to float: 'abc'", "could not convert string to float: <text>"),
            ("can't parse \"50,3\" or b'\\xff'", "can't parse <text> or <text>"),
        ),
    ),
    Rule(
        name="path",
        pattern=(
            r"(?<![\w.<])~?(?:/[\w.@%+=~-]+){2,}/?(?::\d+)?"
            r"|\b[A-Za-z]:\\[^\s'\"]+"
            r"|(?<![\w./-])(?:[\w.-]{1,64}/){0,9}[\w.-]{1,64}\.(?:py|jsonl?|csv|tsv|txt|md|ya?ml|toml|xml|html|pdf|parquet"
            r"|log|db|sqlite|png|jpe?g|zip|gz|bin|pkl)\b(?::\d+)?"
        ),
        mark="<path>",
        examples=(
            ("cannot open /srv/data/7.csv", "cannot open <path>"),
            ("cannot open reports/q3.csv:12", "cannot open <path>"),
            ("C:\\data\\7.csv is locked", "<path> is locked"),
            ("neither input and/or output", "neither input and/or output"),
        ),
    ),
    Rule(
        name="host",
        pattern=(
            r"\b(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?\b"
            r"|\[[0-9a-fA-F:]*:[0-9a-fA-F:]+\](?::\d{1,5})?"
            r"|\blocalhost\b(?::\d{1,5})?"
            r"|(?<![\w.-])[A-Za-z](?:[\w-]|\.(?=\w)){0,99}\.(?:com|net|org|io|ai|dev|cloud|local|internal|lan)\b(?::\d{1,5})?"
            r"|(?<![\w.-])[A-Za-z](?:[\w-]|\.(?=\w)){0,99}:\d{2,5}\b"
        ),
        mark="<host>",
        examples=(
            ("refused by 10.0.0.7:8080", "refused by <host>"),
            ("refused by db-3.internal", "refused by <host>"),
            ("refused by worker-7:5432", "refused by <host>"),
        ),
    ),
    Rule(
        name="duration",
        pattern=r"\b\d+(?:\.\d+)? ?(?:ns|us|\u00b5s|ms|s|secs?|seconds?|m|mins?|minutes?|h|hours?|days?)\b",
        mark="<duration>",
        examples=(("gave up after 30.5 seconds", "gave up after <duration>"), ("took 900ms", "took <duration>")),
    ),
    Rule(
        name="size",
        pattern=r"\b\d+(?:[.,]\d+)* ?(?:[kKMGT]i?B|[Bb]ytes?|B)\b",
        mark="<size>",
        examples=(("8,192 bytes over 64 KiB", "<size> over <size>"),),
    ),
    Rule(
        name="id",
        pattern=(
            r"\b(?=[0-9a-fA-F]*\d)(?=[0-9a-fA-F]*[a-fA-F])[0-9a-fA-F]{6,}\b"
            r"|\b[A-Za-z]{2,12}[_-](?=[A-Za-z]*\d)[0-9A-Za-z]{6,}\b"
            r"|\b(?=[A-Za-z]*\d+[A-Za-z]+\d)[0-9A-Za-z]{12,}\b"
        ),
        mark="<id>",
        examples=(
            ("commit 9f8a7b6c is unknown", "commit <id> is unknown"),
            ("504 Gateway Timeout (request 55805e2)", "504 Gateway Timeout (request <id>)"),
            ("request req_8fj3kd93 failed", "request <id> failed"),
        ),
    ),
    Rule(
        name="number",
        pattern=r"(?:(?<![\w.])[-+])?\d+(?:[.,_]\d+)*(?:[eE][-+]?\d+)?",
        mark="<number>",
        examples=(
            ("row 17 is -3.5e-9", "row <number> is <number>"),
            ("no page7 in [1, 2, 3]", "no page<number> in [<number>]"),
        ),
    ),
)
"""What is data in a message. Of those that fit at a place the first wins; nothing is read twice."""

REWORDINGS: Final = (
    (r"(?<=\w)\._[a-z]\w*(?=\.[A-Za-z])", "", "pathlib._local.Path", "pathlib.Path"),
    (r" \(\d+ sub-exceptions?\)$", "", "tasks failed (2 sub-exceptions)", "tasks failed"),
    (r"[.?]? Did you mean:? .{1,200}\?$", "", "got an argument x. Did you mean y?", "got an argument x"),
    (r"(?<=expected )(\d+), got \d+", r"\1", "too many values (expected 2, got 3)", "too many values (expected 2)"),
)
"""What Python versions say differently: pattern, replacement, and an example before and after."""

_DATA: Final = re.compile("|".join(f"(?P<rule{n}>{rule.pattern})" for n, rule in enumerate(RULES)))
_REPEATED: Final = re.compile(r"(<[a-z]+>)(?:, \1)+")
_QUOTED: Final = next(f"rule{n}" for n, rule in enumerate(RULES) if rule.name == "quoted text")
_NAME: Final = re.compile(r"'([A-Za-z_][A-Za-z_.]*(?:\(\))?)'|\"([A-Za-z_][A-Za-z_.]*(?:\(\))?)\"")


@lru_cache(maxsize=4096)  # the items of a map fail alike
def fingerprint(error: ErrorRecord, node: str) -> str:
    """Twelve hex digits that name what failed how and where.

    Args:
        error: The error.
        node: The name of the node that raised it; empty for an item or a run.
    """
    kind = _class_name(error.type)
    members = sorted({(_class_name(one), normalized(one, text)) for one, text, *_ in error.causes})
    parts = [
        kind,
        normalized(error.type, error.message),
        node,
        *(f"{file}:{function}" for file, function in own_frames(error)),
        *(f"{one}: {text}" for one, text in (members if _is_group(error) else ())),
    ]
    text = "\x1f".join(parts).replace("<id>", "<number>").encode("utf-8", "surrogatepass")  # an id may be all digits
    return blake2b(text, digest_size=6, person=b"hg-mcp").hexdigest()


@lru_cache(maxsize=256)  # a fault that is new is asked twice: for its fingerprint, and for its words
def normalized(error_type: str, message: str) -> str:
    """The words of a message: the first two lines that hold any, data replaced by marks."""
    kind = _class_name(error_type)
    lines = [line.strip() for line in message[:_READ].splitlines() if line.strip()][:_LINES]
    text = re.sub(r"\s+", " ", " ".join(lines))
    text = re.sub(rf"\A(?:[\w.]*\b{re.escape(kind)}: )+", "", text)
    for pattern, replacement, *_ in REWORDINGS:
        text = re.sub(pattern, replacement, text)
    names = kind in _NAMERS
    text = _DATA.sub(lambda found: _mark(found, names=names), text)
    return _REPEATED.sub(r"\1", text)[:_KEPT]


def own_frames(error: ErrorRecord) -> list[tuple[str, str]]:
    """File and function of the frames in the project's own code, outermost first, each once, however deep it went."""
    found = ((file_of_project(file), function.replace("<locals>.", "")) for file, _, function, _ in error.frames)
    return list(dict.fromkeys(frame for frame in found if frame[0] and not frame[1].endswith(_INLINED)))


@lru_cache(maxsize=1024)
def file_of_project(file: str) -> str:
    """The name of a file of the user's own code, without its directory; empty for what is installed or generated.

    The directory says where a project lies on one machine; notebooks name a cell anew in each process. hypergraph's
    runners are the framework's, from wherever it is imported.
    """
    path = file.replace("\\", "/")
    if _CELL.search(path):
        return "<cell>"
    return "" if path.startswith(("<", "…")) or _INSTALLED.search(path) else path.rpartition("/")[2]


def _class_name(error_type: str) -> str:
    return error_type.rpartition(".")[2]


def _is_group(error: ErrorRecord) -> bool:
    """Whether it is an exception group: Python ends their messages alike, and their members stand first in causes."""
    return bool(re.search(r"\(\d+ sub-exceptions?\)$", error.message))


def _mark(found: re.Match[str], *, names: bool) -> str:
    rule = RULES[int((found.lastgroup or "")[len("rule") :])]
    if rule.mark is None:
        return found[0].strip("'\"")
    if names and found.lastgroup == _QUOTED and (name := _NAME.fullmatch(found[0])):
        return f"'{name[1] or name[2]}'"
    return rule.mark
