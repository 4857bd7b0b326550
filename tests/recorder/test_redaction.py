"""What counts as a secret, what does not, and that no part of one is left."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.redaction import Redaction
from recorder.values import Capture

REDACTION = Redaction()

SECRETS = {
    "openai_key": "sk-proj-abcdefghijklmnop0123456789",
    "anthropic_key": "sk-ant-api03-abcdefghijklmnop0123",
    "github_token": "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "slack_token": "xoxb-123456789012-abcdefghijkl",
    "aws_key": "AKIAABCDEFGHIJKLMNOP",
    "google_key": "AIzaSyA0123456789abcdefghijklmnopqrstuv",
    "stripe_key": "sk_live_abcdefghij0123456789",
    "huggingface_token": "hf_abcdefghijklmnopqrstuvwxyz",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTYifQ.c2lnbmF0dXJlLXRleHQ",
    "private_key": "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n-----END RSA PRIVATE KEY-----",
}


@pytest.mark.parametrize("rule", SECRETS)
def test_a_known_secret_is_replaced_wherever_it_stands(rule):
    secret = SECRETS[rule]
    assert REDACTION.text(f"before {secret} after") == f"before [redacted:{rule}] after"
    assert secret not in REDACTION.text(f'{{"note": "{secret}", "n": 1}}')
    assert secret not in REDACTION.text(f"https://example.com/?a=1&b={secret}&c=2")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("password=hunter2&x=1", "password=[redacted:password]&x=1"),
        ("MY_DB_PASSWORD=hunter2", "MY_DB_PASSWORD=[redacted:password]"),
        ("--client-secret=hunter2 -v", "--client-secret=[redacted:secret] -v"),
        ('{"password": "hun\\"ter2", "user": "bob"}', '{"password": "[redacted:password]", "user": "bob"}'),
        ("{'api_key': 'hunter2'}", "{'api_key': '[redacted:api_key]'}"),
        ("X-API-Key: hunter2", "X-API-Key: [redacted:api_key]"),
        ("ap\u212aik\u212aey: hunter2", "ap\u212aik\u212aey: [redacted:api_key]"),
        ("password: str = 'hunter2'", "password: str = '[redacted:password]'"),
        ('{"a": {"password": "hunter2"}}', '{"a": {"password": "[redacted:password]"}}'),
        ("note='password=hunter2'", "note='password=[redacted:password]'"),
        ("a: password = 'hunter2'", "a: password = '[redacted:password]'"),
        ('"credentials": {"user": "hunter2"}', '"credentials": [redacted:credential]'),
        ("curl --token hunter2 -v", "curl --token [redacted:token] -v"),
        ("--db-password\t'hun ter2'", "--db-password\t'[redacted:password]'"),
        (
            "Command '['curl', '--password', 'hunter', '-x']'",
            "Command '['curl', '--password', '[redacted:password]', '-x']'",
        ),
        ('["--api-key", "hunter"]', '["--api-key", "[redacted:api_key]"]'),
        ('"[\\"--api-key\\", \\"hunter\\"]"', '"[\\"--api-key\\", \\"[redacted:api_key]\\"]"'),
        ("Authorization: Digest hunter2, x=y\nHost: a", "Authorization: [redacted:authorization]\nHost: a"),
        ("Cookie: a=b; c=hunter2\nHost: a", "Cookie: [redacted:cookie]\nHost: a"),
        ("send Bearer hunter2 there", "send Bearer [redacted:bearer] there"),
        ("send Basic dXNlcjpodW50ZXIy there", "send Basic [redacted:basic] there"),
        ("postgres://bob:hunt@er2@db/x", "postgres://[redacted:url_credentials]@db/x"),
    ],
)
def test_a_value_after_a_secret_name_is_replaced(text, clean):
    assert REDACTION.text(text) == clean
    assert REDACTION.text(clean) == clean


def test_json_inside_json_is_searched():
    nested = json.dumps(json.dumps({"api_key": "hunter2", "n": 1}))
    assert json.loads(json.loads(REDACTION.text(nested))) == {"api_key": "[redacted:api_key]", "n": 1}


@pytest.mark.parametrize(
    "text",
    [
        "max_tokens=5, token_count: 3, tokens: 5, secretary=bob, author: me, passwordless=1, tokenizer: gpt-4o",
        "a basic understanding of the bearer certificates",
        "the token is ok; the password was wrong",
        "api_key=None, password: str, token=",
        "https://user@host/path?q=1 at 12:30:22",
        "550e8400-e29b-41d4-a716-446655440000 da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "risk-assessment-of-the-year asking-for-a-long-word",
        "\udc80 lone surrogates, and \0",
        "the --token option, --password-stdin, --token --verbose, -- token, --max-tokens 5, a---password of ours",
        "['--token', '--verbose']",
    ],
)
def test_harmless_text_stays(text):
    assert REDACTION.text(text) == text


def test_a_name_of_a_secret_is_known_in_any_spelling():
    names = """password PASSWORD userPassword db_passwd password2 api_key apiKey APIkey apikey X-Api-Key OPENAI_API_KEY
        access_token token id-token secret secrets client_secret AWS_SECRET_ACCESS_KEY accessKeyId private_key
        credentials cookie Set-Cookie authorization"""
    assert [name for name in names.split() if REDACTION.key(name) is None] == []


def test_a_name_that_only_looks_like_one_is_not():
    names = """max_tokens token_count tokens total_tokens tokenizer token_ids secretary author authors passwordless
        password_length key keys monkey cooking accesses name $type 日本"""
    assert [name for name in ("", *names.split()) if REDACTION.key(name)] == []


def test_more_keys_and_patterns_can_be_added_and_the_defaults_stay():
    more = REDACTION.extended(keys=["ssn"], patterns=[r"\d{3}-\d{2}-\d{4}", re.compile("(?i)voldemort")])
    assert more.key("customerSSN") == "ssn"
    assert more.text("123-45-6789 met VOLDEMORT, password=x") == (
        "[redacted:pattern] met [redacted:pattern], password=[redacted:password]"
    )
    assert REDACTION.text("123-45-6789") == "123-45-6789"


def test_a_pattern_that_finds_nothing_everywhere_is_refused():
    with pytest.raises(ValueError, match="finds the empty text"):
        Redaction(patterns=["x*"])


def test_nothing_is_a_secret_to_empty_rules():
    text = f"password=x {SECRETS['openai_key']}"
    assert Redaction(keys=(), tokens=False).text(text) == text


def test_rules_that_were_used_are_told():
    found = set()
    REDACTION.text(f"password=x {SECRETS['aws_key']}", found)
    assert found == {"password", "aws_key"}


@given(st.integers(0, 400), st.sampled_from(sorted(SECRETS)), st.sampled_from(["", "x ", "é\n"]))
def test_a_cut_leaves_no_part_of_a_secret(limit, rule, filler):
    secret = SECRETS[rule]
    text = filler * 60 + secret + " and more" * 300
    assert secret[:12] not in REDACTION.head(text, limit)
    assert len(REDACTION.head(text, limit)) <= limit


@given(
    st.text()
    | st.lists(st.sampled_from([*SECRETS.values(), "password", "=", ":", '"', "\\", " ", "x", "'"])).map("".join)
)
def test_redacting_twice_is_redacting_once(text):
    clean = REDACTION.text(text)
    assert REDACTION.text(clean) == clean


FRAGMENTS = [
    *SECRETS.values(),
    *("password", "PassWord", "api_key", "a-p1i_key", "token", "cookie", "Authorization", "X-Api-Key", "jwt", "s3cret"),
    *("api\u212akey", "ap_ik\u212aey", "credentials", "db_passwd", "to", "ken"),
    *("Bearer hunter2hunter2", "BEARER\thunter2hunter2", "basic\u00a0dXNlcjpodW50ZXIy", "https://bob:hunter2@host/"),
    *("ya29.abcdefghijklmnopqrstu", "x" * 40, "é", "\u0663", "\u212a", "\udc80", "\n", "\x1c", " ", "  ", "\u00a0"),
    *(
        "--",
        "--password ",
        "--token', '",
        "=",
        ":",
        ":=",
        "=>",
        ": str =",
        '"',
        "'",
        "\\",
        '\\"',
        "{",
        "[",
        ",",
        ".",
        "-",
        "_",
        "7",
        "x",
        "hunter2",
    ),
]


EVERY_WORD = "\n\0\nPRIVATE KEY. sk-. ://. @. authorization. cookie=, bearer . basic . --"
"""No secret, and what each expression looks for before it is tried."""


@settings(max_examples=1000)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join), st.integers(0, 200))
def test_whatever_the_patterns_would_find_is_suspected(text, padding):
    text = "x: " * padding + text
    unfiltered = Redaction(patterns=["(?!)"]).text(text + EVERY_WORD)  # a pattern of the user's meets every text
    if unfiltered != text + EVERY_WORD:
        assert REDACTION.suspects(text)
    if unfiltered.endswith(EVERY_WORD):
        assert REDACTION.text(text) == unfiltered.removesuffix(EVERY_WORD)


def without_names(text):
    if "crash" in text:
        raise RuntimeError(text)
    return None if "odd" in text else text.replace("Alice", "[name]")


@given(st.lists(st.lists(st.sampled_from([*FRAGMENTS, "\0", "\n", "{", "\\"]), max_size=6).map("".join), max_size=80))
def test_texts_are_redacted_together_as_they_are_one_by_one(texts):
    together, one_by_one = set(), set()
    assert REDACTION.texts(texts, together) == {text: REDACTION.text(text, one_by_one) for text in texts}
    assert together == one_by_one


def test_a_function_of_the_users_meets_every_text_and_the_rules_stay(caplog):
    mine = REDACTION.extended(functions=[without_names])
    found = set()
    assert mine.text("Alice has password=x", found) == "[name] has password=[redacted:password]"
    assert found == {"without_names", "password"}
    assert mine.name("Alice") == "[name]"
    assert not caplog.records


def test_a_function_that_fails_withholds_the_text_and_is_told_of_once(caplog):
    mine = REDACTION.extended(functions=[without_names])
    assert [mine.text(text) for text in ("crash 1", "odd", "Alice")] == [
        *["[redacted:without_names failed]"] * 2,
        "[name]",
    ]
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith("hg-mcp: the redaction function without_names raised RuntimeError; what it fails on is")


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"keys": "ssn"}, r"keys must be a list: keys=\['ssn'\]"),
        ({"patterns": r"\d"}, "patterns must be a list"),
        ({"keys": [5]}, "keys must be names, not int"),
        ({"functions": ["x"]}, "functions must be callables from text to text, not str"),
    ],
)
def test_rules_of_a_wrong_type_are_refused(rules, message):
    with pytest.raises(TypeError, match=message):
        Redaction(**rules)
    with pytest.raises(TypeError, match=message):
        REDACTION.extended(**rules)


def test_the_argument_of_an_option_is_secret_in_a_list_of_arguments_too():
    given = [
        "curl",
        "--token",
        "hunter",
        "--verbose",
        "--password",
        "--hunter",
        "--token=hunter",
        "--password",
        b"hunter",
    ]
    (entry,) = Capture(redaction=REDACTION).entries({"values": [given, ("--verbose", 1), ["--token"]]})
    kept = ["--token=[redacted:token]", "--password", "[redacted:password]"]
    assert json.loads(entry.data) == [
        ["curl", "--token", "[redacted:token]", "--verbose", "--password", "[redacted:password]", *kept],
        ["--verbose", 1],
        ["--token"],
    ]


@pytest.mark.parametrize("key", ["", " ", "--"])
def test_a_key_without_a_word_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="holds no word, and would name nothing"):
        REDACTION.extended(keys=[key])


@pytest.mark.parametrize("keys", [(), ("pw",), ("k",)], ids=repr)
@pytest.mark.parametrize("sign", "=:")
def test_the_shortest_text_that_can_hold_a_secret_is_looked_at_inside_a_value(keys: tuple[str, ...], sign: str) -> None:
    redaction = Redaction().extended(keys=keys)
    for key in ("jwt", *keys):
        text = f"{key}{sign}x"
        assert redaction.text(text) == f"{key}{sign}[redacted:{key}]"
        (entry,) = Capture(redaction=redaction).entries({"values": [text, {"inside": text}]})
        assert entry.data is not None
        assert b"x" not in entry.data
        assert len(text) >= redaction.shortest


@given(st.text(alphabet=":/@=.jwtcookiebasr _-k1", max_size=7))
def test_a_text_shorter_than_the_shortest_is_clean(text: str) -> None:
    redaction = Redaction()
    short = text[: redaction.shortest - 1]
    assert redaction.text(short) == short
