import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_llmops.otlp import DECODER, Encoding, Limits, Request, Signal
from otel_llmops.otlp.check import check as reference_check
from otel_llmops.otlp.limits import LIMITS
from otel_llmops.otlp.spans import decode_traces as reference_decode
from otel_llmops.otlp.wire import framed
from tests.otlp.differential import NARROW, difference, fuzz, fuzz_json
from tests.otlp.mutants import rich_request, small_requests
from tests.support.otlp import any_value, as_json, recorded_requests, span, spans, trace_request

native = pytest.importorskip(
    "otel_llmops.otlp.native", reason="the extension is not built", exc_type=ImportError
)

_ROOT = Path(__file__).parents[2]
_SEEDS = small_requests()


def _differs(payload: bytes, limits: Limits = LIMITS) -> str:
    return difference(native, payload, Encoding.PROTOBUF, limits)


def test_where_it_is_built_it_runs() -> None:
    assert DECODER == "native"


def test_where_it_is_not_built_the_reference_runs() -> None:
    program = (
        "import tests.otlp.reference_only\n"
        "from otel_llmops.otlp import DECODER, Request, decode_traces\n"
        "print(DECODER, decode_traces([Request(b'')]).num_rows)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=_ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["reference", "0"]


def test_the_reference_passes_the_tests_of_both() -> None:
    names = ("check", "decode_traces", "json")
    files = [f"tests/otlp/test_otlp_{name}.py" for name in names]
    options = [
        "-q",
        "-p",
        "tests.otlp.reference_only",
        "-p",
        "no:cacheprovider",
        "-k",
        "not recorded and not chunks",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *files],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("encoding", Encoding)
def test_all_recorded_requests_at_once_give_one_table(encoding: Encoding) -> None:
    bodies = [path.read_bytes() for path in recorded_requests()]
    if encoding == Encoding.JSON:
        bodies = [as_json(body) for body in bodies]
    requests = [Request(body, encoding) for body in bodies]
    table = native.decode_traces(requests)
    table.validate(full=True)
    assert table.equals(reference_decode(requests))


@pytest.mark.parametrize("encoding", Encoding)
def test_recorded_requests_get_the_same_verdict(encoding: Encoding) -> None:
    for path in recorded_requests("*/*/request-000.binpb"):
        body = path.read_bytes()
        payload = body if encoding == Encoding.PROTOBUF else as_json(body)
        assert difference(native, payload, encoding) == ""


@given(st.data())
def test_any_spans_may_be_refused(data: st.DataObject) -> None:
    payload = recorded_requests("crewai--openinference/*/request-*")[0].read_bytes()
    count = native.check(payload).records
    requests = [
        Request(payload, rejected=tuple(data.draw(st.lists(st.integers(-1, count + 1)))))
        for _ in range(2)
    ]
    assert native.decode_traces(requests).equals(reference_decode(requests))


_BODIES = [rich_request(), *_SEEDS[1:3]]


def _truncations(body: bytes) -> Iterator[bytes]:
    """Every prefix of the request, and of its first span in a request of its own."""
    yield from (body[:end] for end in range(len(body)))
    wire = reference_decode([Request(body)])["span_wire"][0].as_py()
    yield from (framed(1, [framed(2, [framed(2, [wire[:end]])])]) for end in range(len(wire)))


@pytest.mark.parametrize("body", _BODIES, ids=range(len(_BODIES)))
def test_every_truncation_reads_the_same(body: bytes) -> None:
    assert [found for found in map(_differs, _truncations(body)) if found] == []


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("body", _SEEDS, ids=range(len(_SEEDS)))
def test_every_truncation_of_recorded_requests_reads_the_same(body: bytes) -> None:
    assert [found for found in map(_differs, _truncations(body)) if found] == []


def test_mutants_read_the_same() -> None:
    ends = fuzz(native, 2000, seed=7)
    assert min(ends["accepted"], ends["accepted in part"], ends["refused"]) > 30


def test_json_mutants_read_the_same() -> None:
    fuzz_json(native, 1000, seed=7)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_million_mutants_read_the_same() -> None:
    assert fuzz(native, 1_000_000, seed=1).total() == 1_000_000


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_hundred_thousand_json_mutants_read_the_same() -> None:
    fuzz_json(native, 100_000, seed=1)


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text()
    | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner),
)
# few keys, so that they repeat, and as many as make a map large
_PAIRS = st.lists(st.tuples(st.integers(0, 90).map(str), _VALUES), max_size=100)


@given(_VALUES)
@example({'\x7f\x1f\x00"\\/': ["\u2028", "\U0001f600", -0.0, 5e-324, 2**53 + 0.0]})
def test_any_value_has_the_same_text(value: object) -> None:
    assert _differs(trace_request(span(attributes={"key": value}))) == ""


@given(_PAIRS)
def test_keys_that_repeat_keep_their_first_place_and_last_value(
    pairs: list[tuple[str, object]],
) -> None:
    made = [KeyValue(key=key, value=any_value(value)) for key, value in pairs]
    member = span(events=[Span.Event(attributes=made)], links=[Span.Link(attributes=made)])
    member.attributes.extend(made)
    request = ExportTraceServiceRequest.FromString(trace_request(member))
    request.resource_spans[0].resource.attributes.extend(made)
    assert _differs(request.SerializeToString()) == ""


def test_keys_alike_at_both_ends_are_not_mistaken_for_each_other() -> None:
    keys = [f"llm.input_messages.{number}.message.tool_calls" for number in range(200)]
    table = native.decode_traces([Request(trace_request(span(attributes=dict.fromkeys(keys, 1))))])
    assert [key for key, _ in table["attributes"][0].as_py()] == keys


@given(st.lists(st.sampled_from([b"\x2a\x04\x0a\x02\x18\x01", b"\x32\x00", b"\x0a\x01s",
                                 b"\x32\x07\x0a\x05\x0a\x01k\x12\x00", b"\x18\x05"])),
       st.booleans())  # fmt: skip
def test_a_value_in_pieces_is_merged(pieces: list[bytes], together: bool) -> None:
    values = [b"".join(pieces)] if together else pieces
    attribute = framed(1, [b"key"]) + framed(2, values)
    wire = span().SerializeToString() + framed(9, [attribute])
    assert _differs(framed(1, [framed(2, [framed(2, [wire])])])) == ""


def test_a_value_of_profiles_is_empty() -> None:
    member = span()
    member.attributes.append(KeyValue(key="key", value=AnyValue(string_value_strindex=3)))
    assert _differs(trace_request(member)) == ""


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(2.0**-44)
@example(9007199254740993.0)
@example(2.2250738585072014e-308)
@example(1e23)
def test_a_double_is_written_as_python_writes_it(number: float) -> None:
    assert native._native.text_of_double(number) == repr(number)


def test_powers_of_two_are_written_as_python_writes_them() -> None:
    numbers = [2.0**power for power in range(-1074, 1024)]
    assert [native._native.text_of_double(number) for number in numbers] == list(map(repr, numbers))


@pytest.mark.parametrize("limits", NARROW, ids=range(len(NARROW)))
def test_limits_are_the_same(limits: Limits) -> None:
    payload = rich_request() + trace_request(*spans(3, attributes={"a": 1, "b": [2]}))
    assert _differs(payload, limits) == ""


def test_large_envelopes_around_nothing_are_refused_by_both() -> None:
    resource = trace_request(resource={"large": "x" * 1000})[3:]
    payload = framed(1, [resource + b"\x12\x00" * 300])
    limits = Limits(spread_bytes=200_000)
    assert _differs(payload, limits) == ""
    with pytest.raises(Exception, match="too large for so many spans"):
        reference_check(payload, signal=Signal.TRACES, encoding=Encoding.PROTOBUF, limits=limits)


def test_large_records_are_counted_in_the_same_order() -> None:
    wire = span(attributes={"list": [[1] * 50, [2] * 50]}).SerializeToString()
    for tail in (b"", b"\x4a\x01\x0a", b"\x5a\x02\x0a\x05"):
        payload = framed(1, [framed(2, [framed(2, [wire + tail])])])
        for most in (20, 100, 105, 205, 206, 207, 208, 209, 210, 211, 300):
            assert _differs(payload, Limits(record_fields=most)) == ""


def test_rows_that_repeat_a_large_resource_come_in_the_same_chunks() -> None:
    requests = [Request(trace_request(*spans(10), resource={"service.name": "x" * 2**24}))]
    rows = [batch.num_rows for batch in native.decode_traces(requests).to_batches()]
    assert rows == [4, 4, 2]


def test_a_table_keeps_its_memory_while_others_come_and_go() -> None:
    bodies = [trace_request(*spans(900, attributes={"text": text * 700})) for text in "abc"]
    kept = native.decode_traces([Request(bodies[0])])
    for body in bodies * 3:
        native.decode_traces([Request(body)])
    assert kept.equals(reference_decode([Request(bodies[0])]))


def test_threads_decode_side_by_side() -> None:
    bodies = [trace_request(*spans(600, attributes={"text": text * 900})) for text in "abcd"]
    expected = [reference_decode([Request(body)]) for body in bodies]
    wrong: list[int] = []

    def work(number: int) -> None:
        found = [native.decode_traces([Request(bodies[number])]) for _ in range(20)]
        wrong.extend(number for table in found if not table.equals(expected[number]))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.fixture
def _no_forced_switch() -> Any:
    before = sys.getswitchinterval()
    sys.setswitchinterval(60)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_no_forced_switch")
@pytest.mark.parametrize("work", ["check", "decode"])
def test_others_run_while_a_large_request_is_read(work: str) -> None:
    payload = trace_request(*spans(20_000, attributes={"a": 1, "text": "x" * 900}))
    assert any(_overlaps(work, payload) for _ in range(5))


def _overlaps(work: str, payload: bytes) -> bool:
    started, ended = threading.Event(), threading.Event()

    def run() -> None:
        started.set()
        for _ in range(10):
            if work == "check":
                native.check(payload)
            else:
                native.decode_traces([Request(payload)])
        ended.set()

    thread = threading.Thread(target=run)
    thread.start()
    started.wait()
    # with a switch interval of a minute, we only get here in between if the GIL was let go
    between = not ended.is_set()
    thread.join()
    return between


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_the_sanitizers_find_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("sanitized.py"), tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no difference" in done.stdout
