"""What looks like a secret or like personal data, and what does not."""

import json
import time

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_llmops.redaction.cards import without_cards
from otel_llmops.redaction.patterns import BUILT_IN
from otel_llmops.redaction.rules import rules
from otel_llmops.redaction.texts import TextMasking

KEY = "sk-proj-" + "aB3_" * 8
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"
CARD = "4111111111111111"
ALL = TextMasking(rules(["secrets", "pii", "phone"]).values)


def masked(text: str, masking: TextMasking = ALL) -> str:
    found, _ = masking.masked([text.encode()])
    return found.get(0, text.encode()).decode()


FOUND = [
    (KEY, "[redacted:api_key]"),
    (f"key={KEY}, next", "key=[redacted:api_key], next"),
    ("sk-ant-api03-" + "x" * 40, "[redacted:api_key]"),
    ("AKIAIOSFODNN7EXAMPLE", "[redacted:api_key]"),
    ("AIza" + "x" * 35, "[redacted:api_key]"),
    ("ghp_" + "a1" * 18, "[redacted:api_key]"),
    ("hf_" + "a1" * 17, "[redacted:api_key]"),
    ("xoxb-1234567890-abcdefghij", "[redacted:api_key]"),
    ("sk_live_" + "a1" * 12, "[redacted:api_key]"),
    (JWT, "[redacted:jwt]"),
    ("Authorization: Bearer abc.def-ghi_jkl/mno=", "Authorization: Bearer [redacted:bearer]"),
    ("authorization: basic dXNlcjpwYXNz", "authorization: basic [redacted:basic]"),
    ("postgresql://app:hunter2@db:5432/x", "postgresql://app:[redacted:url_password]@db:5432/x"),
    (
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- after",
        "[redacted:private_key] after",
    ),
    ("-----BEGIN PRIVATE KEY-----\nMIIEcut", "[redacted:private_key]"),
    ("mail bob.b+x@mail.example.co.uk.", "mail [redacted:email]."),
    ("jörg@bücher.example", "[redacted:email]"),
    ("to=bob%40example.com&x=1", "to=[redacted:email]&x=1"),
    ("IBAN DE89 3704 0044 0532 0130 00!", "IBAN [redacted:iban]!"),
    ("GB82WEST12345698765432", "[redacted:iban]"),
    (f"card {CARD} 12/26", "card [redacted:card] 12/26"),
    ("4111-1111-1111-1111", "[redacted:card]"),
    ("3782 822463 10005", "[redacted:card]"),
    ("1234 4111 1111 1111 1111 5555", "1234 [redacted:card] 5555"),
    ("call +49 (30) 123 45-67", "call [redacted:phone]"),
    ("call 555-123-4567", "call [redacted:phone]"),
]
LEFT = [
    "task-force-abcdefghijklmnopqrstuvwxyz",
    "sk-short",
    "an e-mail @ home, user@host",
    "4111111111111112",
    "0.4111111111111111",
    "call_4111111111111111",
    "a4111111111111111",
    "1795367949287367168",
    "550e8400-e29b-41d4-a716-446655440000",
    "http://127.0.0.1:8080/v1/x@y",
    "the bearer of news",
    "AB12 is a plate",
    "2026-11-22T12:30:00.123456Z",
    "",
]


@pytest.mark.parametrize(("text", "expected"), FOUND, ids=[text[:20] for text, _ in FOUND])
def test_a_known_form_is_masked_and_says_what_it_was(text: str, expected: str) -> None:
    assert masked(text) == expected


@pytest.mark.parametrize("text", LEFT)
def test_what_only_resembles_one_is_left_alone(text: str) -> None:
    assert masked(text) == text


@pytest.mark.parametrize(
    ("text", "expected"), [pair for pair in FOUND if not pair[0].endswith("cut")]
)
def test_a_secret_in_a_json_document_is_masked_and_the_document_still_reads(
    text: str, expected: str
) -> None:
    document = json.dumps({"content": f"\n{text}\t", "n": 1})
    assert json.loads(masked(document)) == {"content": f"\n{expected}\t", "n": 1}


def escaped(document: str) -> str:
    """The same JSON document with every character that may be escaped escaped."""
    return "".join(
        f"\\u{ord(character):04x}" if character.isalnum() or character in "@-_.+" else character
        for character in document
    )


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("secret", [KEY, JWT, "bob@example.com", CARD, "GB82WEST12345698765432"])
def test_escapes_hide_nothing_however_deep_the_document(secret: str, depth: int) -> None:
    document = '"' + escaped(secret) + '"'
    for _ in range(depth):
        document = json.dumps({"content": document})
    inner = masked(document)
    for _ in range(depth):
        inner = json.loads(inner)["content"]
    assert json.loads(inner).startswith("[redacted:")


def test_half_escaped_is_masked_too() -> None:
    assert masked('{"a":"sk-proj-\\u0061' + "b" * 30 + '"}') == '{"a":"[redacted:api_key]"}'


def test_a_number_of_a_document_becomes_a_text() -> None:
    assert masked('{"card": 4111111111111111, "n": [4111111111111111]}') == (
        '{"card": "[redacted:card]", "n": ["[redacted:card]"]}'
    )


def test_how_many_texts_a_rule_masked_is_counted() -> None:
    texts = [f"{KEY} {KEY} bob@example.com", "bob@example.com", "nothing"]
    _, counts = ALL.masked([text.encode() for text in texts])
    assert counts == {"api_key": 1, "email": 2}


@pytest.mark.parametrize(("text", "expected"), FOUND, ids=[text[:20] for text, _ in FOUND])
def test_the_first_search_misses_nothing_in_raw_bytes(text: str, expected: str) -> None:
    name = expected.split("[redacted:")[1].split("]", maxsplit=1)[0]
    raw = pa.array([b"A" + text.encode() + b"A"], pa.large_binary())
    assert pc.match_substring_regex(raw, BUILT_IN[name].search)[0].as_py()


PIECES = st.sampled_from(
    [KEY, JWT, CARD, "bob@example.com", "GB82WEST12345698765432", "+49 30 1234567", "Bearer ",
     "://u:", "p@", "@", "sk-", "a", "1", " ", "-", ".", "\\", "\\n", "\\u0040", "\\/", "é",
     "4111 1111", "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "\n", "[", "]"]
)  # fmt: skip
MIXED = st.lists(PIECES | st.text(max_size=5), max_size=12).map("".join)


@given(MIXED)
def test_to_mask_twice_is_to_mask_once(text: str) -> None:
    once = masked(text)
    assert masked(once) == once


@given(st.lists(MIXED, max_size=6))
def test_texts_masked_together_are_masked_as_if_alone(texts: list[str]) -> None:
    found, _ = ALL.masked([text.encode() for text in texts])
    together = [found.get(place, text.encode()).decode() for place, text in enumerate(texts)]
    assert together == [masked(text) for text in texts]


def is_card(digits: str) -> bool:
    """Luhn's check as its inventor did it, and a Visa."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return len(digits) in {13, 16, 19} and total % 10 == 0


@given(st.text("0123456789", min_size=11, max_size=18).map("4".__add__))
def test_a_card_is_what_passes_luhns_check(digits: str) -> None:
    expected = b"X" if is_card(digits) else digits.encode()
    assert without_cards([digits.encode()], b"X") == [expected]


@pytest.mark.parametrize(
    "unit", ["1234 ", "4111", "a@", "sk-", "\\", "eyJ", "://a:", "a.a@", "-----BEGIN PRIVATE KEY",
             "DE89 3704 ", "\\u0040", "+1 ", "Bearer "]
)  # fmt: skip
def test_time_grows_no_faster_than_the_text(unit: str) -> None:
    def cost_s(size: int) -> float:
        text = (unit * (size // len(unit) + 1))[:size]
        start = time.thread_time()
        masked(text)
        return time.thread_time() - start

    cost_s(1000)
    small = min(cost_s(20_000) for _ in range(3))
    assert min(cost_s(320_000) for _ in range(2)) < 64 * max(small, 0.001)
