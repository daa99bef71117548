"""What redaction does to the bytes of a request, in both encodings and all signals."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from otel_llmops.otlp import Encoding, Request, Signal, check, decode_traces
from otel_llmops.otlp.wire import framed
from otel_llmops.redaction import Redacted, Redactor, rules
from tests.support.otlp import (
    any_value,
    as_json,
    key_values,
    log_record,
    log_request,
    recorded_requests,
    span,
    spans,
    trace_request,
)

SECRET = "sk-proj-" + "aB3x" * 8
MASKED = "[redacted:api_key]"
EVERYTHING = Redactor(rules(["secrets", "pii", "content"]))
BY_NAME = Redactor(rules(["content"]))
BY_LOOK = Redactor(rules(["secrets", "pii"]))
KINDS: dict[Signal, Any] = {
    Signal.TRACES: ExportTraceServiceRequest,
    Signal.LOGS: ExportLogsServiceRequest,
    Signal.METRICS: ExportMetricsServiceRequest,
}


def redact(
    payload: bytes,
    redactor: Redactor = BY_LOOK,
    signal: Signal = Signal.TRACES,
    encoding: Encoding = Encoding.PROTOBUF,
) -> Redacted:
    verdict = check(payload, signal=signal, encoding=encoding)
    done = redactor.redact(payload, signal=signal, encoding=encoding, refused=verdict.rejected)
    again = check(done.payload, signal=signal, encoding=encoding)
    assert (again.records, set(again.rejected)) == (verdict.records, set(verdict.rejected))
    return done


def message(payload: bytes, signal: Signal = Signal.TRACES) -> Any:
    return KINDS[signal].FromString(payload)


def everywhere(text: str, *, of_bytes: bytes = b"") -> bytes:
    """A trace request with `text` in every place that holds one."""
    attributes = {
        "plain": text,
        "list": ["a", text, [text]],
        "map": {"inner": text, text: {"deep": [text]}},
        "bytes": of_bytes,
        text: 1,
    }
    made = ExportTraceServiceRequest()
    envelope = made.resource_spans.add(schema_url=text)
    envelope.resource.attributes.extend(key_values(attributes))
    scope = envelope.scope_spans.add()
    scope.scope.name = text
    scope.scope.attributes.extend(key_values(attributes))
    scope.spans.append(
        span(
            text,
            attributes=attributes,
            events=[Span.Event(name=text, attributes=key_values(attributes))],
            links=[Span.Link(trace_state=text, attributes=key_values(attributes))],
            status=Status(message=text),
            trace_state=text,
        )
    )
    payload: bytes = made.SerializeToString()
    return payload


def in_logs(text: str) -> bytes:
    return log_request(
        log_record("app.event", severity_text=text, body=any_value({"said": [text]}),
                   attributes=key_values({"a": text}))
    )  # fmt: skip


def in_metrics(text: str) -> bytes:
    made = ExportMetricsServiceRequest()
    scope = made.resource_metrics.add().scope_metrics.add()
    metric = scope.metrics.add(name=text, description=text)
    point = metric.sum.data_points.add(as_int=1, attributes=key_values({"a": text}))
    point.exemplars.add(as_int=1, filtered_attributes=key_values({"a": text}))
    payload: bytes = made.SerializeToString()
    return payload


PLACES: list[tuple[Signal, Callable[[str], bytes]]] = [
    (Signal.TRACES, everywhere),
    (Signal.LOGS, in_logs),
    (Signal.METRICS, in_metrics),
]


@pytest.mark.parametrize(("signal", "made"), PLACES)
def test_a_secret_is_masked_wherever_a_request_holds_text(
    signal: Signal, made: Callable[[str], bytes]
) -> None:
    done = redact(made(f"x {SECRET} y"), signal=signal)
    assert message(done.payload, signal) == message(made(f"x {MASKED} y"), signal)


@pytest.mark.parametrize(("signal", "made"), PLACES)
def test_json_is_masked_like_protobuf(signal: Signal, made: Callable[[str], bytes]) -> None:
    kind = KINDS[signal]
    done = redact(as_json(made(SECRET), kind), signal=signal, encoding=Encoding.JSON)
    assert orjson.loads(done.payload) == orjson.loads(as_json(made(MASKED), kind))


@pytest.mark.parametrize(("signal", "made"), PLACES)
@pytest.mark.parametrize("encoding", Encoding)
def test_without_a_match_the_very_bytes_come_out(
    encoding: Encoding, signal: Signal, made: Callable[[str], bytes]
) -> None:
    payload = made("nothing to hide, but 1234567890123 digits, \\u0040 and a@b")
    if encoding == Encoding.JSON:
        payload = orjson.dumps(
            orjson.loads(as_json(payload, KINDS[signal])), option=orjson.OPT_INDENT_2
        )
    done = redact(payload, signal=signal, encoding=encoding)
    assert (done.payload, done.counts) == (payload, {})


LEAVES = st.sampled_from([SECRET, "bob@example.com", "plain", "é" * 50, ""]) | st.text(max_size=5)
VALUES = st.recursive(
    LEAVES | st.integers(-9, 9) | st.booleans() | st.none() | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(LEAVES, inner, max_size=3),
    max_leaves=12,
)
KEYS = st.sampled_from(["gen_ai.prompt", "input.value", "model", "x" * 130]) | LEAVES
ATTRIBUTES = st.dictionaries(KEYS, VALUES, max_size=6)
REQUESTS = st.builds(
    lambda members, resource: trace_request(
        *(span(name, attributes=attributes, events=[Span.Event(name=name)])
          for name, attributes in members),
        resource=resource,
    ),
    st.lists(st.tuples(LEAVES, ATTRIBUTES), max_size=5),
    ATTRIBUTES,
)  # fmt: skip
DIALECT_KEYS = {"gen_ai.prompt", "input.value"}


def expected_text(text: str) -> str:
    return text.replace(SECRET, MASKED).replace("bob@example.com", "[redacted:email]")


def expect(made: Any, text: Callable[[str], str]) -> None:
    """The same on parsed messages: attributes of content go, `text` replaces all others."""
    for field, value in made.ListFields():
        if field.is_repeated and field.message_type:
            if field.message_type.name == "KeyValue":
                kept = [each for each in value if each.key not in DIALECT_KEYS]
                del value[:]
                value.extend(kept)
            for each in value:
                expect(each, text)
        elif field.message_type:
            expect(value, text)
        elif field.type == field.TYPE_STRING:
            setattr(made, field.name, text(value))


@given(REQUESTS)
def test_the_rest_of_a_request_is_what_it_was(payload: bytes) -> None:
    made = message(payload)
    expect(made, expected_text)
    assert message(redact(payload, EVERYTHING).payload) == made


@given(REQUESTS)
def test_what_is_dropped_by_name_leaves_every_text_as_it_was(payload: bytes) -> None:
    made = message(payload)
    expect(made, str)
    assert message(redact(payload, BY_NAME).payload) == made


@settings(max_examples=15)
@given(st.lists(REQUESTS, min_size=8, max_size=12))
def test_large_requests_are_redacted_like_small_ones(payloads: list[bytes]) -> None:
    large = b"".join(payloads) + trace_request(span(attributes={"a": "x" * 5000}))
    parts = [redact(payload, EVERYTHING).payload for payload in payloads]
    expected = b"".join(parts) + trace_request(span(attributes={"a": "x" * 5000}))
    assert redact(large, EVERYTHING).payload == expected


@settings(max_examples=60)
@given(REQUESTS, st.sampled_from(Encoding))
def test_to_redact_twice_is_to_redact_once(payload: bytes, encoding: Encoding) -> None:
    if encoding == Encoding.JSON:
        payload = as_json(payload)
    once = redact(payload, EVERYTHING, encoding=encoding).payload
    assert redact(once, EVERYTHING, encoding=encoding) == Redacted(once, redact(b"").counts)


def decoded(payload: bytes, encoding: Encoding) -> Any:
    table = decode_traces([Request(payload, encoding)])
    return table.select([name for name in table.column_names if not name.endswith("_wire")])


def are_alike(payload: bytes) -> bool:
    """Whether `payload` and its JSON are redacted to the same spans, with the same counts."""
    in_json = redact(as_json(payload), EVERYTHING, encoding=Encoding.JSON)
    done = redact(payload, EVERYTHING)
    same = decoded(in_json.payload, Encoding.JSON).equals(decoded(done.payload, Encoding.PROTOBUF))
    return same and in_json.counts == done.counts


@settings(max_examples=60)
@given(REQUESTS)
def test_both_encodings_are_redacted_alike(payload: bytes) -> None:
    assert are_alike(payload)


def test_recorded_requests_are_redacted_alike_in_both_encodings() -> None:
    recorded = recorded_requests()[::9]
    assert [str(path) for path in recorded if not are_alike(path.read_bytes())] == []


UNKNOWN = b"\xa2\x06\x05hello"  # field 100
LONG_SIZE = b"\x8a\x00"  # the tag of field 1, in two bytes


def test_fields_that_nobody_knows_and_odd_numbers_stay_beside_what_changes() -> None:
    any_of = UNKNOWN + framed(1, [SECRET.encode()]) + UNKNOWN
    other = UNKNOWN + LONG_SIZE + b"\x81\x00k"
    body = framed(9, [framed(1, [b"k"]) + framed(2, [any_of]) + UNKNOWN, other])
    ids = framed(1, [bytes(range(1, 17))]) + framed(2, [bytes(range(1, 9))])
    payload = framed(1, [UNKNOWN + framed(2, [framed(2, [ids + body + UNKNOWN])])]) + UNKNOWN
    masked = UNKNOWN + framed(1, [MASKED.encode()]) + UNKNOWN
    body = framed(9, [framed(1, [b"k"]) + framed(2, [masked]) + UNKNOWN, other])
    expected = framed(1, [UNKNOWN + framed(2, [framed(2, [ids + body + UNKNOWN])])]) + UNKNOWN
    assert redact(payload).payload == expected


def test_json_that_is_not_touched_is_not_written_anew() -> None:
    payload = as_json(trace_request(span(attributes={"a": 1, "b": SECRET, "c": "\u20ac"})))
    odd = payload.replace(b'{"key":"a"', b'{ "nobody" : [1.50, {"x":"y"}],\n"key":"a"')
    expected = odd.replace(SECRET.encode(), MASKED.encode())
    assert redact(odd, encoding=Encoding.JSON).payload == expected


def test_a_name_that_comes_twice_in_json_hides_nothing() -> None:
    payload = as_json(trace_request(span(attributes={"a": "b"})))
    doubled = payload.replace(
        b'"stringValue":"b"', f'"stringValue":"{SECRET}","stringValue":"b"'.encode()
    )
    assert SECRET.encode() not in redact(doubled, encoding=Encoding.JSON).payload


def test_an_escaped_character_of_the_json_body_hides_nothing() -> None:
    payload = as_json(trace_request(span(attributes={"a": SECRET, "gen_ai.prompt": "hi"})))
    escaped = payload.replace(b"sk-", b"\\u0073k-").replace(b"gen_ai.p", b"gen\\u005fai.p")
    done = redact(escaped, EVERYTHING, encoding=Encoding.JSON)
    assert done.counts == {"api_key": 1, "content": 1}


@pytest.mark.parametrize("redactor", [EVERYTHING, BY_NAME])
def test_a_key_said_twice_hides_nothing(redactor: Redactor) -> None:
    value = framed(2, [framed(1, [b"hi"])])
    twice = framed(1, [b"gen_ai.prompt"]) + value + framed(1, [b"other"])
    late = framed(1, [b"other"]) + value + framed(1, [b"gen_ai.prompt"])
    ids = framed(1, [bytes(range(1, 17))]) + framed(2, [bytes(range(1, 9))])
    payload = framed(1, [framed(2, [framed(2, [ids + framed(9, [twice, late])])])])
    assert redact(payload, redactor).counts == {"content": 2}


@pytest.mark.parametrize("redactor", [EVERYTHING, BY_NAME])
def test_a_value_said_twice_hides_nothing(redactor: Redactor) -> None:
    said = framed(6, [framed(1, [framed(1, [b"gen_ai.prompt"]) + framed(2, [framed(1, [b"hi"])])])])
    text = framed(1, [b"some text"])
    values = [text + said, said + text, framed(1, [b"x" * 200]) + said, b"\x10\x01" + said]
    attributes = [framed(1, [b"k"]) + framed(2, [value]) for value in values]
    ids = framed(1, [bytes(range(1, 17))]) + framed(2, [bytes(range(1, 9))])
    payload = framed(1, [framed(2, [framed(2, [ids + framed(9, attributes)])])])
    assert redact(payload, redactor).counts == {"content": 4}


@pytest.mark.parametrize("encoding", Encoding)
def test_attributes_are_dropped_wherever_they_stand(encoding: Encoding) -> None:
    said = {"input.value": "a", "model": "m", "output.value": "b"}
    names = ["input.value", "model", "output.value"]
    orders = [names, names[::-1], [names[0], names[2]], [names[1], names[0], names[2]], [names[0]]]
    members = spans(len(orders))
    for member, order in zip(members, orders, strict=True):
        member.attributes.extend(key_values({name: said[name] for name in order}))
    payload = trace_request(*members)
    payload = as_json(payload) if encoding == Encoding.JSON else payload
    done = redact(payload, EVERYTHING, encoding=encoding)
    kept = decode_traces([Request(done.payload, encoding)]).column("attributes").to_pylist()
    assert kept == [[("model", "m")] if "model" in order else [] for order in orders]


@pytest.mark.parametrize("encoding", Encoding)
def test_a_refused_record_is_emptied_and_stays_the_refused_one(encoding: Encoding) -> None:
    bad = span(trace_id=b"short", attributes={"a": SECRET})
    payload = trace_request(span(), bad, span())
    payload = as_json(payload) if encoding == Encoding.JSON else payload
    verdict = check(payload, signal=Signal.TRACES, encoding=encoding)
    done = BY_LOOK.redact(
        payload, signal=Signal.TRACES, encoding=encoding, refused=verdict.rejected
    )
    rows = decode_traces([Request(done.payload, encoding, verdict.rejected)]).num_rows
    assert (verdict.rejected, rows, SECRET.encode() in done.payload, done.counts) == (
        (1,), 2, False, {"refused": 1},
    )  # fmt: skip


@pytest.mark.parametrize("encoding", Encoding)
def test_bytes_are_left_alone_unless_rules_say_otherwise(encoding: Encoding) -> None:
    payload = trace_request(span(attributes={"a": b"raw", "b": [b"raw"]}))
    expected = trace_request(span(attributes={"a": "[redacted:bytes]", "b": ["[redacted:bytes]"]}))
    if encoding == Encoding.JSON:
        payload, expected = as_json(payload), as_json(expected)
    strict = Redactor(rules([], 'bytes = "mask"'))
    left, gone = redact(payload, encoding=encoding), redact(payload, strict, encoding=encoding)
    assert (left.payload, gone.payload, gone.counts) == (payload, expected, {"bytes": 2})


def test_ids_and_numbers_are_no_text() -> None:
    digits = int("4111111111111111")
    payload = as_json(
        trace_request(
            span(
                trace_id=bytes.fromhex("41111111111111114111111111111111"),
                span_id=bytes.fromhex("4111111111111111"),
                start_time_unix_nano=digits,
                attributes={"n": digits, "email": "bob@example.com"},
            )
        )
    )
    expected = payload.replace(b"bob@example.com", b"[redacted:email]")
    assert redact(payload, encoding=Encoding.JSON).payload == expected


def test_deep_values_are_reached() -> None:
    value: object = SECRET
    for _ in range(40):
        value = [value]
    payload = trace_request(span(attributes={"deep": value}))
    assert redact(payload).counts == {"api_key": 1}


def test_a_request_cut_short_is_an_error_and_not_let_through() -> None:
    with pytest.raises(Exception, match="runs past the end"):
        BY_LOOK.redact(everywhere(SECRET)[:-3], signal=Signal.TRACES, encoding=Encoding.PROTOBUF)


def test_what_is_no_record_in_json_is_counted_as_one() -> None:
    bad = span(trace_id=b"short", attributes={"a": SECRET})
    payload = as_json(trace_request(span(), bad)).replace(b'"spans":[', b'"spans":[5,"",null,')
    verdict = check(payload, signal=Signal.TRACES, encoding=Encoding.JSON)
    done = BY_LOOK.redact(
        payload, signal=Signal.TRACES, encoding=Encoding.JSON, refused=verdict.rejected
    )
    again = check(done.payload, signal=Signal.TRACES, encoding=Encoding.JSON)
    assert (verdict.rejected, again.records, SECRET.encode() in done.payload) == (
        (0, 1, 2, 4), 5, False,
    )  # fmt: skip
