"""What secrets look like: the regular expressions that text meets once ``recorder.redaction`` suspects it.

A module of its own because compiling them takes longer than everything else that this package does at import. Each is
linear in the text: whatever could be tried again is bounded or possessive.
"""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from typing import Final

__all__ = ["NAME", "OPTION", "VALUE", "mark", "without_tokens"]

_TOKENS: Final = {
    "anthropic_key": r"sk-ant-[\w-]{12,}",
    "openai_key": r"sk-[\w-]{16,}",
    "stripe_key": r"[sr]k_(?:live|test)_\w{10,}|whsec_\w{16,}",
    "github_token": r"gh[pousr]_\w{16,}|github_pat_\w{16,}",
    "gitlab_token": r"glpat-[\w-]{16,}",
    "slack_token": r"xox[a-z]-[\w-]{14,}|xapp-[\w-]{14,}",
    "aws_key": r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16,}",
    "google_key": r"AIza[\w-]{30,}|GOCSPX-[\w-]{16,}|ya29\.[\w-]{18,}",
    "huggingface_token": r"hf_\w{16,}",
    "groq_key": r"gsk_\w{16,}",
    "npm_token": r"npm_\w{20,}",
    "pypi_token": r"pypi-[\w-]{20,}",
    "langsmith_key": r"lsv2_\w{16,}",
    "jwt": r"eyJ[\w-]{15,1024}+\.[\w-]{4,}(?:\.[\w-]*)?",
}
_TOKEN: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:" + "|".join(f"(?P<{n}>{p})" for n, p in _TOKENS.items()) + r")[\w-]*", re.ASCII
)
_PRIVATE_KEY: Final = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY[\s\S]*?(?:-----END [A-Z0-9 ]{0,32}PRIVATE KEY[A-Z ]{0,9}-----|\Z)"
)
_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{1,20}://)[^\s/?#@:\"']{0,256}:[^\s/\"'<>]{1,256}@")
_BEARER: Final = re.compile(r"\b([Bb][Ee][Aa][Rr][Ee][Rr]\s{1,4})([\w.~+/-]{6,}={0,2})")
_BASIC: Final = re.compile(r"\b([Bb][Aa][Ss][Ii][Cc]\s{1,4})([A-Za-z0-9+/]{6,}={0,2})")
_HEADER: Final = re.compile(
    r"(?<![A-Za-z0-9_])((?ai:(?:proxy-)?(authorization)|(?:set-)?(cookie))\s{0,4}:\s{0,4})(?!\[redacted)[^\s\"'\\{\[][^\r\n\"'\\]*"
)
NAME: Final = re.compile(  # a name, and then = or : or => or a type annotation and =
    r"""(?<!\w)([A-Za-z_][\w-]{0,63}+)\\{0,3}["']?[ \t-\r\xa0]{0,4}"""
    r"""(?::\s{0,4}[A-Za-z_][\w.|\[\]]{0,40}\s{0,4}=|={1,3}>?|:=?)\s{0,4}"""
)
OPTION: Final = re.compile(  # an option of a command, and then its argument, in a shell's line or in a list of texts
    r"""(?<![\w-])--([A-Za-z][\w-]{0,63}+)(?:\\{0,3}["'],[ \t]{0,4}|[ \t]{1,4})(?!-|\\{0,3}["']--)"""
)
VALUE: Final = re.compile(
    r"""(?!\[redacted:)(?:
    (?P<escaped>\\{1,8}["'])(?:(?!\\{1,8}["'])[^\n])*+(?:\\{1,8}["'])?   # quoted, inside a quoted string
    |(?P<quote>["'])(?:(?!(?P=quote))[^\\\n]|\\.)*+(?:(?P=quote))?
    |\{[^{}]*+\}?|\[[^\[\]]*+\]?
    |[^\s,;&"'\\(<$][^\s,;&"'\\]*+)""",
    re.VERBOSE,
)


def without_tokens(text: str, rules: set[str], *, holds_start: bool) -> str:
    """``text`` without what is itself a secret; the rules are added to ``rules``.

    Each expression takes a hundred times as long as looking for the word without which it finds nothing.

    Args:
        text: What may hold secrets.
        rules: Where to note those that found one.
        holds_start: Whether anything in it begins as a token does.
    """
    lower = text.lower()
    if "PRIVATE KEY" in text:
        text = _PRIVATE_KEY.sub(lambda _: mark("private_key", rules), text)
    if holds_start:
        text = _TOKEN.sub(lambda match: mark(match.lastgroup or "token", rules), text)
    if "@" in text and "://" in text:
        text = _URL.sub(lambda match: f"{match[1]}{mark('url_credentials', rules)}@", text)
    if "authorization" in lower or "cookie" in lower:
        text = _HEADER.sub(lambda match: match[1] + mark((match[2] or match[3]).lower(), rules), text)
    if "bearer" in lower:
        text = _BEARER.sub(lambda match: _bearer(match, rules), text)
    return _BASIC.sub(lambda match: _basic(match, rules), text) if "basic" in lower else text


def _bearer(match: re.Match[str], rules: set[str]) -> str:
    """``bearer certificates`` is English; a token has a digit, or length, or a header's capital before it."""
    token = match[2]
    is_token = match[1][0] == "B" or len(token) >= 20 or any(c.isdigit() for c in token)
    return match[1] + mark("bearer", rules) if is_token else match.group()


def _basic(match: re.Match[str], rules: set[str]) -> str:
    """``basic understanding`` is English; credentials are the base64 of ``user:password``."""
    try:
        is_credentials = b":" in a2b_base64(match[2])
    except Base64Error:
        return match.group()
    return match[1] + mark("basic", rules) if is_credentials else match.group()


def mark(rule: str, rules: set[str]) -> str:
    """What stands in place of a secret; the rule is added to ``rules``."""
    rules.add(rule)
    return f"[redacted:{rule}]"
