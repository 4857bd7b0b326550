"""What was compiled of the first look for secrets suspects the same texts as the rule in Python does."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.hot import compiled
from recorder.redaction import Redaction
from tests.recorder.conftest import InPython

if compiled() is None:
    pytest.skip("the recorder was not compiled here", allow_module_level=True)

WORDS = st.sampled_from(
    [
        "password",
        "pass-word",
        "PASSWD",
        "wa55d",
        "api_key",
        "apikey",
        "apiKey",
        "k_e-y",
        "jwt",
        "cookie",
        "credential",
        "Bearer",
        "basic",
        "token",
        "ke",
        "ey",
        "secre",
        "cret",
        ":",
        "=",
        "@",
        "://",
        "\u212a",
        "\u212aey",
        "é",
        "中",
        "🔑",
        "sk-abcdefghijklmnopqrstu",
        "abcdefghijklmnopq",
        "abcdefghijklmnopqr",
        "-_0",
    ]
)
TEXTS = st.lists(WORDS | st.text(max_size=12), max_size=12).flatmap(
    lambda parts: st.sampled_from(("", " ", "\n")).map(lambda between: between.join(parts))
)


@settings(max_examples=2_000)
@given(TEXTS)
def test_the_same_texts_are_suspected_of_a_secret(rules: tuple[Redaction, Redaction], text: str) -> None:
    scanning, reading = rules
    assert scanning.suspects(text) == reading.suspects(text)


@settings(max_examples=300)
@given(st.lists(st.from_regex("[abckeypw_]{0,8}[abckeypw]", fullmatch=True), max_size=40), st.booleans(), TEXTS)
def test_keys_of_ones_own_are_suspected_alike(in_python: InPython, keys: list[str], tokens: bool, text: str) -> None:
    with in_python():
        reading = Redaction(keys, tokens=tokens)
    scanning = Redaction(keys, tokens=tokens)
    for assigned in (text, *(f"{text} {key}=x" for key in keys)):
        assert scanning.suspects(assigned) == reading.suspects(assigned)


@pytest.fixture(scope="module")
def rules(in_python: InPython) -> tuple[Redaction, Redaction]:
    with in_python():
        reading = Redaction()
    assert reading._scan is None
    scanning = Redaction()
    assert scanning._scan is not None
    assert not scanning._scan("nothing of that kind"), "it is no scanner that suspects all"
    return scanning, reading
