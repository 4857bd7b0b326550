"""Which recorded text is secret, and how it is taken out: the promise that secrets never reach the disk.

Three kinds of rule. A *key* names a secret (``api_key``, ``password``), wherever a name stands before a value: in a
mapping, in a parameter, or in text as ``key=value``. A *pattern* recognizes the secret itself: a provider's key, a
token, a private key. Either way ``[redacted:RULE]`` is left in its place. A *function* of the user's makes of each text
one without secrets; where it raises, nothing of the text is kept.

Almost all text is clean, so ``suspects`` comes first: it looks for a few literals and for long unbroken runs; only text
that it suspects meets a regular expression. Where it was compiled (``recorder.hot``) that takes 1 µs per KiB of plain
prose, in Python 2 to 4. There it searches from the end (``rfind``), which CPython 3.11 does in a third of the time that
``in`` takes.
"""

import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

from recorder.hot import compiled
from recorder.signals import is_of_signal
from recorder.typenames import type_name_of

__all__ = ["DEFAULT_KEYS", "Redaction"]

DEFAULT_KEYS: Final = (
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "api_key",
    "access_key",
    "private_key",
    "signing_key",
    "encryption_key",
    "credential",
    "authorization",
    "cookie",
    "jwt",
)
"""Names of secrets; ``api_key`` also stands for ``apiKey``, ``X-API-Key``, ``OPENAI_API_KEY`` and ``apikeys``."""

LOOKAHEAD: Final = 1024
"""No secret that the patterns know is unrecognizable until further than this, in characters."""

SHORT_NAME: Final = 15
"""No name up to this length can itself be a secret that the patterns know."""

_REMEMBERED: Final = 4_096
_NAME_CHARS: Final = 256
_LONG_WORD: Final = 20

_AT_THE_END: Final = frozenset({"token"})
"""Keys that a further word makes harmless (``token_count``), and a plural too (``tokens``)."""

_DESCRIBING: Final = frozenset(
    (
        "count",
        "counts",
        "length",
        "len",
        "size",
        "limit",
        "type",
        "kind",
        "name",
        "policy",
        "url",
        "uri",
        "usage",
        "budget",
    )
)
"""Last words of names that describe a secret and hold none: ``password_length``."""

_NONE, _BY_ITSELF, _ASSIGNED = range(3)

_HOLDS_NONE: Final = frozenset({"none", "null", "true", "false", "str", "int", "bool", "bytes", "string", "any"})

_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W_a-zA-Z0-9\u212A]+")
"""U+212A is the one letter beyond ASCII whose lower case is of ASCII; ``suspects`` could not tell."""

_TOKEN_HINT: Final = re.compile(
    rb"(?<![A-Za-z0-9])(?:sk[-_]|rk_|whsec_|gh[pousr]_|github_pat_|glpat-|xox|xapp-|A[KSBC][ICA]A|AIza|GOCSPX-|hf_|gsk_|npm_|pypi-"
    rb"|lsv2_|eyJ)"
)
_STARTS: Final = (
    (b"-", (b"sk-", b"glpat-", b"xox", b"xapp-", b"GOCSPX-", b"pypi-")),
    (b"_", (b"sk_", b"rk_", b"whsec_", b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_")),
    (b"_", (b"hf_", b"gsk_", b"npm_", b"lsv2_")),
    (b".", (b"eyJ", b"ya29.")),
    (b"A", (b"AKIA", b"ASIA", b"ABIA", b"ACCA", b"AIza")),
)
"""The same, by a character that all of a group's tokens hold: most long runs are base64, hashes or identifiers."""
_MANY_RUNS: Final = 6
"""So many take as long to look at, one by one, as the whole text for every start."""
_LONG_RUN: Final = 256
"""So does one of more bytes than this."""
_RUN: Final = b"a" * 18
"""Every token above is an unbroken run of at least this length, in the classes of ``_CLASSES``."""
_CLASSES: Final = bytes(97 if (c < 128 and chr(c).isalnum()) or c in b"-_" else 32 for c in range(256))
"""Maps what tokens are made of to ``a``, and all else to a blank."""

_TOGETHER: Final = 64
"""So many texts are looked at together."""
_BETWEEN: Final = "\n\0\n"
"""Stands between them: it ends what is a secret of theirs, and what would reach over it takes its NUL along."""

_OPTION: Final = re.compile(rb"--([A-Za-z][\w-]{0,63})")
_NEAR: Final = 300
"""A name of at most 64 characters, with quotes and blanks, begins this near to its ``=`` or ``:``, in bytes."""
_HEADERS: Final = ("authorization", "cookie")
_NEAR_TOKENS: Final = ("bearer", "basic", "key")
"""Words before a secret that may be no unbroken run: a header's, a private key."""
_SCHEMES: Final = (b"bearer", b"basic")
_SCHEME: Final = re.compile(rb"(?:bearer|basic)[^!-~]")
_LETTERS: Final = bytes(range(256)).lower().translate(bytes.maketrans(b"wdy", b"ptn"))
"""In lower case, and letters that need not be told apart as one: then fewer searches find all hints."""
_SHARED: Final = tuple(part.translate(_LETTERS) for part in (b"passw", b"cret", b"key"))
"""In these letters ``passphrase``, ``credential`` and ``token`` hold one of them too. More letters as one find nothing
quicker: more of them are where a search has to look twice."""
_SPELLING: Final = b"-_0123456789"
"""What may stand within a key's words, or between them, and does not count."""
_KELVIN: Final = "\u212a".encode()
"""Nor does this, which ``_WORDS`` leaves out."""
_SHORT_WORD: Final = 3
_SHORTEST_TOKEN: Final = 8
"""``a1://:p@``: whatever else is looked for is longer."""


class Redaction:
    """A set of rules; it never changes, ``extended`` makes a larger one.

    Args:
        keys: Names of secrets, in any spelling of words (``api_key``, ``apiKey``).
        patterns: Further regular expressions of secrets; they meet every text.
        functions: Given every text (names too), each returns it without what is secret. One that raises, or returns no
            text, is contained: the whole value is withheld, and a line in the log says so once.
        tokens: Whether the built-in patterns apply.

    Attributes:
        harmless: Short names that were found to name no secret, nor to look like a tag: the hot path's shortcut.
        shortest: Characters of the shortest text that may hold a secret (``jwt=x`` has five); what is shorter is clean,
            where ``meets_all`` is not set.
        names: Names that were looked at, and what is recorded of each.
        meets_all: Whether no text can be passed over: there are patterns or functions that nobody knows the shortest
            secret of.
        withholding: The rules of functions that failed: a value that meets one is withheld.
    """

    __slots__ = (
        "_functions",
        "_hints",
        "_hints_of_keys",
        "_hints_of_tokens",
        "_keys",
        "_memo",
        "_patterns",
        "_scan",
        "_tokens",
        "harmless",
        "meets_all",
        "names",
        "shortest",
        "withholding",
    )

    def __init__(
        self,
        keys: Iterable[str] = DEFAULT_KEYS,
        patterns: Iterable[str | re.Pattern[str]] = (),
        functions: Iterable[Callable[[str], str]] = (),
        *,
        tokens: bool = True,
    ) -> None:
        self._keys = {key: _words_of_key(key) for key in _several("keys", keys)}
        self._patterns = tuple(_searching(pattern) for pattern in _several("patterns", patterns))
        self._tokens = tokens
        words = [parts[-1] if len(parts[-1]) >= _SHORT_WORD else "".join(parts) for parts in self._keys.values()]
        self._hints_of_keys = tuple({*map(_hint, (*words, *_HEADERS) if tokens else words)})
        self._hints_of_tokens = tuple({*map(_hint, _NEAR_TOKENS)}) if tokens else ()
        self._hints = tuple({*self._hints_of_keys, *self._hints_of_tokens})
        self._functions = tuple(_called(function) for function in functions)
        self._memo: dict[str, str | None] = {}
        self.names: dict[str, str] = {}
        self.harmless: set[str] = set()
        self.meets_all = bool(self._patterns or self._functions)
        self.withholding: set[str] = set()
        self._scan = self._scanner()
        self.shortest = min((_SHORTEST_TOKEN, *(len("".join(parts)) + 2 for parts in self._keys.values())))

    def __reduce__(self) -> tuple[Any, ...]:
        """Copied and pickled by its rules."""
        return partial(Redaction, tokens=self._tokens), (tuple(self._keys), self._patterns, self._functions)

    def extended(
        self,
        keys: Iterable[str] = (),
        patterns: Iterable[str | re.Pattern[str]] = (),
        functions: Iterable[Callable[[str], str]] = (),
    ) -> "Redaction":
        """These rules and more; raises ValueError for a pattern that finds the empty text, or a key without a word."""
        return Redaction(
            (*self._keys, *_several("keys", keys)),
            (*self._patterns, *_several("patterns", patterns)),
            (*self._functions, *functions),
            tokens=self._tokens,
        )

    def key(self, name: str) -> str | None:
        """The rule by which ``name`` names a secret, or None."""
        try:
            return self._memo[name]
        except KeyError:
            return self._judged(name[:256])

    def may_name_one(self, names: list[str]) -> bool:
        """Whether any of these names may name a secret; False is certain, and cheap for many at once."""
        return _holds_one(_letters("\n".join(names).encode("utf-8", "surrogatepass")), self._hints_of_keys)

    def _judged(self, name: str) -> str | None:
        if len(self._memo) > _REMEMBERED:
            self._memo.clear()
            self.harmless.clear()
        rule = self._memo[name] = self._rule_of(name)
        if rule is None and len(name) <= SHORT_NAME and name[:1] != "$" and not self.meets_all:
            self.harmless.add(name)
        return rule

    def _rule_of(self, name: str) -> str | None:
        if not _holds_one(_letters(name.encode("utf-8", "surrogatepass")), self._hints_of_keys):
            return None
        words = _words(name)
        if len(words) > 1 and words[-1] in _DESCRIBING:
            return None
        together = "".join(words)
        return next(
            (key for key, parts in self._keys.items() if "".join(parts) in together and _names(words, parts)), None
        )

    def suspects(self, text: str) -> bool:
        """Whether ``text`` may hold a secret; False is certain, and cheap."""
        return self._suspicion(text) != _NONE

    def _suspicion(self, text: str) -> int:
        """What ``text`` may hold: nothing, a secret that is known by itself, or one that is assigned to a name, too."""
        if self.meets_all:
            return _ASSIGNED
        if self._scan is not None and not self._scan(text):
            return _NONE
        data = text.encode("utf-8", "surrogatepass")
        has_names = b":" in data or b"=" in data or (b"--" in data and _OPTION.search(data) is not None)
        if _holds_one(_letters(data), self._hints if has_names else self._hints_of_tokens):
            if has_names and self._assigns(data):
                return _ASSIGNED
            if self._tokens and (data.rfind(b"PRIVATE KEY") >= 0 or _names_scheme(data.lower())):
                return _BY_ITSELF
        return _BY_ITSELF if self._tokens and _looks_secret(data) else _NONE

    def _scanner(self) -> Callable[[str], bool] | None:
        """What was compiled of ``suspects``: it may find more, and never less."""
        hot = compiled()
        keys = tuple(set(self._hints_of_keys) - set(self._hints_of_tokens))
        words = (*keys, *self._hints_of_tokens)
        if hot is None or not all(words):
            return None
        run = bytes(c for c in range(128) if _CLASSES[c] == _RUN[0])
        try:
            return hot.Scanner(words, len(keys), _LETTERS, _SPELLING, run, len(_RUN) if self._tokens else 0)
        except ValueError:  # more words than it has room for
            return None

    def _assigns(self, data: bytes) -> bool:
        """Whether a word of a key is near before a ``=`` or ``:``, or names an option of a command."""
        if b"--" in data and _holds_one(_letters(b" ".join(_OPTION.findall(data))), self._hints_of_keys):
            return True
        parts = data.replace(b"=", b":").replace("\xa0".encode(), b" ").split(b":")
        names = b" ".join([word for part in parts for word in part[-_NEAR:].rsplit(None, 1)[-1:]])
        return _holds_one(_letters(names), self._hints_of_keys)

    def text(self, text: str, found: set[str] | None = None) -> str:
        """``text`` with each secret replaced by ``[redacted:RULE]``; the rules are added to ``found``."""
        if not (suspicion := self._suspicion(text)):
            return text
        from recorder.patterns import mark, without_tokens  # lazy: most text is clean, and they take 2 ms to compile

        rules: set[str] = set() if found is None else found
        if self._tokens:
            holds_start = _holds_start(text.encode("utf-8", "surrogatepass"))
            text = without_tokens(text, rules, holds_start=holds_start)
        if suspicion == _ASSIGNED:
            text = self._without_values(text, rules)
        for pattern in self._patterns:
            text = pattern.sub(lambda _: mark("pattern", rules), text)
        for function in self._functions:
            text = self._answer(function, text, rules)
        return text

    def texts(self, texts: Iterable[str], found: set[str]) -> dict[str, str]:
        """``text`` of each, by itself; many short ones are looked at together, which takes a fifth of the time."""
        distinct = list(dict.fromkeys(texts))
        clean: dict[str, str] = {}
        for at in range(0, len(distinct), _TOGETHER):
            some = distinct[at : at + _TOGETHER]
            parts = None if self.meets_all else self._texts_together(some, found)
            clean.update(zip(some, parts or [self.text(text, found) for text in some], strict=True))
        return clean

    def _texts_together(self, texts: list[str], found: set[str]) -> list[str] | None:
        """The same of several, None where a secret may reach from one into the next, as after a quote left open."""
        together, rules = _BETWEEN.join(texts), set[str]()
        if together.count("\0") >= len(texts):
            return None
        parts = self.text(together, rules).split(_BETWEEN)
        if len(parts) != len(texts):
            return None
        found |= rules
        return parts

    def _answer(self, function: Callable[[str], str], text: str, rules: set[str]) -> str:
        """What a function of the user's leaves of a text; nothing, where it fails."""
        from recorder.patterns import mark  # lazy, as above

        rule = type_name_of(function) if (name := getattr(function, "__name__", None)) is None else str(name)
        try:
            clean: Any = function(text)
            if isinstance(clean, str):
                rules.update([rule] if clean != text else [])
                return clean
            problem = f"returned {type_name_of(clean)}, not str"
        except Exception as error:
            if is_of_signal(error):
                raise
            problem = f"raised {type_name_of(error)}"
        failed = f"{rule} failed"
        if failed not in self.withholding:
            self.withholding.add(failed)
            _say(
                f"hg-mcp: the redaction function {rule} {problem}; what it fails on is withheld. "
                "Your run is not affected."
            )
        return mark(failed, rules)

    def name(self, name: str) -> str:
        """A name that is recorded over and over, without secrets, at most 256 characters of it."""
        try:
            return self.names[name]
        except KeyError:
            if len(self.names) > _REMEMBERED:
                self.names.clear()
            clean = self.names[name] = (
                self.head(name, _NAME_CHARS) if len(name) > SHORT_NAME or self.meets_all else name
            )
            return clean

    def _without_values(self, text: str, rules: set[str]) -> str:
        """``text`` without what is assigned to names of secrets, and without the arguments of options so named."""
        from recorder.patterns import NAME, OPTION  # lazy, as above

        if "--" in text:
            text = self._without_those_after(OPTION, text, rules)
        return self._without_those_after(NAME, text, rules)

    def _without_those_after(self, names: re.Pattern[str], text: str, rules: set[str]) -> str:
        """Without values behind these; a harmless name's value may hold such names itself."""
        from recorder.patterns import OPTION, VALUE, mark  # lazy, as above

        parts: list[str] = []
        done, name = 0, names.search(text)
        while name is not None:
            after, rule = name.end(1), self.key(name[1])
            value = VALUE.match(text, name.end()) if rule else None
            if rule and value and _may_be_secret(value[0]) and not (names is OPTION and _is_plain_word(value[0])):
                quote = value["escaped"] or value["quote"] or ""
                parts += text[done : value.start()], quote, mark(rule, rules), quote
                done = after = value.end()
            name = names.search(text, after)
        return "".join(parts) + text[done:]

    def entry(self, name: str, value: str) -> str:
        """``value`` as it may be written beside its ``name``."""
        rule = self.key(name)
        return self.text(value) if rule is None or not value else f"[redacted:{rule}]"

    def head(self, text: str, limit: int, found: set[str] | None = None) -> str:
        """At most the first ``limit`` characters, redacted; of a secret across the cut nothing is there."""
        if len(text) <= limit:
            return self.text(text, found)[:limit]
        window = text[: limit + LOOKAHEAD]
        clean = self.text(window, found)
        kept = clean if len(window) == len(text) else clean[: max(0, len(clean) - LOOKAHEAD)]
        return kept[:limit]


def _hint(word: str) -> bytes:
    """What ``_letters`` of each text with this word hold; where case is not ASCII's the empty text, as all texts do."""
    letters = _letters(word.encode()) if word.isascii() else b""
    return next((part for part in _SHARED if part in letters), letters)


def _letters(data: bytes) -> bytes:
    """What the words of a text, or of a name, are made of: their letters, however they are spelled."""
    return (data if data.isascii() else data.replace(_KELVIN, b"")).translate(_LETTERS, _SPELLING)


def _holds_one(letters: bytes, hints: tuple[bytes, ...]) -> bool:
    return max(map(letters.rfind, hints), default=-1) >= 0  # quicker than a loop that stops: most text holds none


def _words(name: str) -> tuple[str, ...]:
    """``OPENAI_apiKey2`` -> ``("openai", "api", "key")``."""
    return tuple(word.lower() for word in _WORDS.findall(name))


def _names(words: tuple[str, ...], key: tuple[str, ...]) -> bool:
    """Whether the words of a name hold those of a key; the last may be a plural, or run together with others."""
    together = "".join(key)
    if together in _AT_THE_END:
        return bool(words) and words[-1].endswith(together)
    if any(word.endswith((together, together + "s")) for word in words):
        return True
    if len(key) == 1:
        return False
    plural = (*key[:-1], key[-1] + "s")
    spelled = any(words[i : i + len(key)] in (key, plural) for i in range(len(words)))
    return spelled or "".join(words).endswith((together, together + "s"))


def _may_be_secret(value: str) -> bool:
    """Not ``None``, nor the type of a parameter, nor nothing between quotes."""
    bare = value.strip("\\\"'").rstrip("),;:]}").lower()
    return bool(bare) and bare not in _HOLDS_NONE


def _is_plain_word(value: str) -> bool:
    """``the --token option`` is English: what stands without quotes behind an option may be its argument, or prose."""
    return len(value) < _LONG_WORD and value.isalpha() and value.islower()


def _called(function: Callable[[str], str]) -> Callable[[str], str]:
    given: Any = function
    if not callable(given):
        raise TypeError(f"functions must be callables from text to text, not {type_name_of(given)}")
    return function


def _words_of_key(given: Any) -> tuple[str, ...]:
    if not isinstance(given, str):
        raise TypeError(f"keys must be names, not {type_name_of(given)}")
    if not (words := _words(given)):
        raise ValueError(f"key {given!r} holds no word, and would name nothing")
    return words


def _several(name: str, given: Any) -> Iterable[Any]:
    if isinstance(given, str):
        raise TypeError(f"{name} must be a list: {name}=[{given!r}]")
    return given


def _say(line: str) -> None:
    import logging  # lazy: 3 ms at import, needed only when something went wrong

    logging.getLogger("recorder").warning(line)


def _searching(pattern: str | re.Pattern[str]) -> re.Pattern[str]:
    compiled = re.compile(pattern)
    if compiled.search(""):
        raise ValueError(f"pattern {compiled.pattern!r} finds the empty text; it must match the secret itself")
    return compiled


def _looks_secret(data: bytes) -> bool:
    """Whether there may be credentials in a URL, or a token."""
    if b"@" in data and b"://" in data:
        return True
    classes = data.translate(_CLASSES)
    return classes.rfind(_RUN) >= 0 and _holds_token(data, classes)


def _names_scheme(lower: bytes) -> bool:
    """Whether a word may be the scheme of the token behind it."""
    return _holds_one(lower, _SCHEMES) and _SCHEME.search(lower) is not None


def _holds_start(data: bytes) -> bool:
    return any(sign in data and _holds_one(data, starts) for sign, starts in _STARTS)


def _holds_token(data: bytes, classes: bytes) -> bool:
    """Whether a run begins as a token does; of many, or long ones, first whether anything in the text does."""
    start, runs, has_start = classes.find(_RUN), 0, False
    while start >= 0:
        runs += 1
        end = classes.find(b" ", start) % (len(classes) + 1)  # where nothing ends it, its end is the text's
        if not has_start and (runs == _MANY_RUNS or end - start > _LONG_RUN):
            if not _holds_start(data):
                return False
            has_start = True
        if _TOKEN_HINT.search(data, start, end) or data[start - 5 : start] == b"ya29.":
            return True
        start = classes.find(_RUN, end)
    return False
