"""Rules of the operator's own, and what is said of rules that cannot be."""

from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from otel_llmops.errors import ConfigError
from otel_llmops.otlp import Encoding, Signal
from otel_llmops.redaction import PRESETS, Redactor, rules
from otel_llmops.redaction.patterns import BUILT_IN
from tests.support.otlp import (
    any_value,
    as_json,
    key_values,
    log_record,
    log_request,
    span,
    trace_request,
)


def redacted(payload: bytes, document: str, *presets: str, signal: Signal = Signal.TRACES) -> bytes:
    redactor = Redactor(rules(presets, document))
    return redactor.redact(payload, signal=signal, encoding=Encoding.PROTOBUF).payload


def redacted_json(payload: bytes, document: str) -> bytes:
    redactor = Redactor(rules((), document))
    return redactor.redact(payload, signal=Signal.TRACES, encoding=Encoding.JSON).payload


CUSTOMER = '[[rule]]\nname = "customer"\nkeys = ["app.Customer.*", "who?"]\n'


def test_an_attribute_is_masked_by_its_name_whatever_it_holds() -> None:
    before = {"app.customer.id": 7, "APP.CUSTOMER.tags": ["a"], "whom": None, "app.customer": "b"}
    mask = "[redacted:customer]"
    after = before | dict.fromkeys(["app.customer.id", "APP.CUSTOMER.tags", "whom"], mask)
    expected = trace_request(span(attributes=after), resource=after)
    payload = trace_request(span(attributes=before), resource=before)
    in_json = redacted_json(as_json(payload), CUSTOMER)
    assert (redacted(payload, CUSTOMER), in_json) == (expected, as_json(expected))


def test_an_attribute_is_dropped_by_its_name() -> None:
    payload = trace_request(span(attributes={"a": 1, "who1": {"b": 2}, "m": {"who2": 3, "c": 4}}))
    expected = trace_request(span(attributes={"a": 1, "m": {"c": 4}}))
    assert redacted(payload, CUSTOMER + 'action = "drop"') == expected


def test_the_first_rule_that_fits_a_name_counts() -> None:
    document = '[[rule]]\nname="a"\nkeys=["x*"]\n[[rule]]\nname="b"\nkeys=["*"]\naction="drop"\n'
    payload = trace_request(span(attributes={"x1": 1, "y": 2}), resource={"x2": 1})
    expected = {"x1": "[redacted:a]"}
    assert redacted(payload, document) == trace_request(
        span(attributes=expected), resource={"x2": "[redacted:a]"}
    )


def test_a_rule_may_hold_for_events_of_a_name_alone() -> None:
    document = '[[rule]]\nname = "said"\nevent = "chat.*"\nkeys = ["text"]\naction = "drop"\n'

    def made(chat: dict[str, object]) -> bytes:
        said = {"text": "t", "n": 1}
        return trace_request(
            span(attributes=said, events=[
                Span.Event(name="chat.user", attributes=key_values(chat)),
                Span.Event(name="other", attributes=key_values(said)),
            ])
        )  # fmt: skip

    payload, expected = made({"text": "t", "n": 1}), made({"n": 1})
    in_json = redacted_json(as_json(payload), document)
    assert (redacted(payload, document), in_json) == (expected, as_json(expected))


def test_the_status_message_and_the_body_have_names() -> None:
    payload = trace_request(span(status=Status(message="why")))
    expected = trace_request(span(status=Status(message="[redacted:why]")))
    document = '[[rule]]\nname = "why"\nkeys = ["status.message"]\n'
    in_json = redacted_json(as_json(payload), document)
    assert (redacted(payload, document), in_json) == (expected, as_json(expected))


@pytest.mark.parametrize(
    "named",
    [{"event_name": "gen_ai.user.message"},
     {"event_name": "", "attributes": key_values({"event.name": "gen_ai.choice"})}],
    ids=["by name", "by attribute"],
)  # fmt: skip
def test_the_body_of_a_genai_event_is_content(named: dict[str, Any]) -> None:
    said = log_record(**{**named, "body": any_value({"content": "hi"})})
    other = log_record("app.event", body=any_value("kept"))
    expected = log_request(log_record(**named), other)
    assert redacted(log_request(said, other), "", "content", signal=Signal.LOGS) == expected


ORDER = """[[rule]]\nname = "order"\nvalues = ['ORD-[0-9]{4}', '(a)(b)c']\n"""


def test_a_pattern_of_ones_own_is_masked() -> None:
    payload = trace_request(span(attributes={"a": "see ORD-1234, abc and ORD-12"}))
    expected = trace_request(
        span(attributes={"a": "see [redacted:order], [redacted:order] and ORD-12"})
    )
    assert redacted(payload, ORDER) == expected


def test_a_single_built_in_pattern_may_be_named() -> None:
    payload = trace_request(span(attributes={"a": "+49 30 1234567 bob@example.com"}))
    expected = trace_request(span(attributes={"a": "[redacted:phone] bob@example.com"}))
    assert redacted(payload, "", "phone") == expected


PAGE = (Path(__file__).parents[2] / "docs" / "redaction.md").read_text()


def test_the_rules_of_the_manual_are_rules() -> None:
    example = PAGE.split("```toml\n")[1].split("```", maxsplit=1)[0]
    assert [rule.name for rule in rules((), example).keys] == ["customer", "chat"]


def test_the_manual_names_every_preset_and_pattern() -> None:
    assert [name for name in [*PRESETS, *BUILT_IN] if f"`{name}`" not in PAGE] == []


WRONG = [
    ("rule = ", "not TOML"),
    ("rules = 1", "there is no setting 'rules'"),
    ("rule = 1", r"rules are written as \[\[rule\]\] tables"),
    ('bytes = "drop"', "bytes must be 'keep' or 'mask', not 'drop'"),
    ("[[rule]]\nkeys = ['a']", "rule 1: needs a name"),
    ("[[rule]]\nname = 'A B'\nkeys = ['a']", "rule A B: needs a name of a-z"),
    ("[[rule]]\nname = 'a'", "rule a: needs either keys or values"),
    ("[[rule]]\nname = 'a'\nkeys = ['a']\nvalues = ['b']", "rule a: needs either keys or values"),
    ("[[rule]]\nname = 'a'\nkeys = 'a'", "rule a: keys must be a list of texts"),
    ("[[rule]]\nname = 'a'\nvalues = []", "rule a: values must be a list of texts"),
    ("[[rule]]\nname = 'a'\nkeys = ['a']\naction = 'hide'", "rule a: action must be 'mask'"),
    ("[[rule]]\nname = 'a'\nvalues = ['b']\naction = 'drop'", "rule a: action and event go with"),
    ("[[rule]]\nname = 'a'\nkeys = ['a']\nkey = 1", "rule a: there is no setting 'key'"),
    ("[[rule]]\nname = 'a'\nvalues = ['(b']", r"rule a: '\(b' is not RE2: missing \)"),
    ("[[rule]]\nname = 'a'\nvalues = ['(?=b)']", "rule a: .* is not RE2: invalid perl operator"),
    ("[[rule]]\nname = 'a'\nvalues = ['b*']", r"rule a: 'b\*' matches the empty text"),
    ("[[rule]]\nname = 'a'\nvalues = ['red.*']", "rule a: its pattern matches what stands"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "problem"), WRONG, ids=[document for document, _ in WRONG])
def test_what_is_wrong_with_a_rule_is_said_in_one_line(document: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=f"^rules.toml: {problem}") as refusal:
        rules((), document, source="rules.toml")
    assert "\n" not in str(refusal.value)


def test_an_unknown_preset_is_refused_with_those_that_exist() -> None:
    with pytest.raises(
        ConfigError, match="'secret' is no preset; there are secrets, pii, content,"
    ):
        rules(["secret"])


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ConfigError, match=r"rule a: .*; rule b: .*; 'x' is no preset"):
        rules(["x"], "[[rule]]\nname='a'\n[[rule]]\nname='b'\n")


def test_attributes_that_are_named_like_secrets_are_masked() -> None:
    names = ["http.request.header.authorization", "openai_api_key", "db.password", "x-api-key"]
    payload = trace_request(span(attributes=dict.fromkeys([*names, "token_count"], "v")))
    after = dict.fromkeys(names, "[redacted:secret]") | {"token_count": "v"}
    assert redacted(payload, "", "secrets") == trace_request(span(attributes=after))
