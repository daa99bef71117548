"""What an HTTP client may do to the receiver, over raw sockets.

Each case was tried on uvicorn with h11, httptools and zttp, on hypercorn and on granian first:
docs/design.md, "HTTP server".
"""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from time import monotonic

import pytest
from google.rpc.status_pb2 import Status

from otel_llmops.receiver import ReceiverSettings
from otel_llmops.receiver.guard import GuardSettings
from tests.support.otlp import span, trace_request
from tests.support.receiving import DEADLINE_S, Running, SlowDisk, running
from tests.support.wire import HEAD, Heard, chunked, request, seconds_until_closed, wire

ANSWERED = Heard([200], closed=False)
HIDDEN = request(trace_request(span("smuggled")))
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
_QUICK = GuardSettings(
    head_timeout_s=0.4, body_timeout_s=0.4, linger_s=0.4, write_timeout_s=0.4, connections_max=8
)


def _sent(receiver: Running, data: bytes, *, answers: int = 10_000) -> Heard:
    with wire(receiver.endpoints.http_port) as opened:
        opened.say(data)
        return opened.hear(answers)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """For requests of which nothing may ever be journalled."""
    with running(tmp_path_factory.mktemp("untouched") / "journal") as found:
        yield found


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[Running]:
    """A receiver that has little patience."""
    with running(tmp_path / "journal", settings=ReceiverSettings(guard=_QUICK)) as found:
        yield found


_TWO_LENGTHS = HEAD + b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n"
_BODY = b"0\r\n\r\n" + HIDDEN


@pytest.mark.parametrize(
    ("data", "status"),
    {
        "length and chunks": (_TWO_LENGTHS % len(_BODY) + _BODY, 400),
        "chunks and length": (
            HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + _BODY,
            400,
        ),
        "two lengths": (HEAD + b"Content-Length: 0\r\nContent-Length: 5\r\n\r\n" + HIDDEN, 400),
        "the same length twice": (
            HEAD + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n" + HIDDEN,
            400,
        ),
        "a list of lengths": (HEAD + b"Content-Length: 0, 0\r\n\r\n" + HIDDEN, 400),
        "a signed length": (HEAD + b"Content-Length: +0\r\n\r\n" + HIDDEN, 400),
        "a negative length": (HEAD + b"Content-Length: -1\r\n\r\n" + HIDDEN, 400),
        "a length beyond 64 bits": (HEAD + b"Content-Length: %d\r\n\r\n" % 2**70 + HIDDEN, 400),
        "chunked is not last": (
            HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n" + _BODY,
            400,
        ),
        "gzip, chunked": (HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + _BODY, 501),
        "another coding": (HEAD + b"Transfer-Encoding: xchunked\r\n\r\n" + _BODY, 501),
        "chunked twice": (
            HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + _BODY,
            400,
        ),
        "chunked behind a control": (HEAD + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + _BODY, 400),
        "chunks in HTTP/1.0": (
            HEAD.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n" + _BODY,
            400,
        ),
        "space before the colon": (HEAD + b"Content-Length : 0\r\n\r\n" + HIDDEN, 400),
        "folded header": (HEAD + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n" + HIDDEN, 400),
        "folded coding": (HEAD + b"Transfer-Encoding:\r\n chunked\r\n\r\n" + _BODY, 400),
        "bare line feeds": (HEAD.replace(b"\r", b"") + b"Content-Length: 0\n\n" + HIDDEN, 400),
        "one bare line feed": (HEAD + b"X: a\nContent-Length: 0\r\n\r\n" + HIDDEN, 400),
        "bare carriage return": (HEAD + b"X: a\rb\r\nContent-Length: 0\r\n\r\n" + HIDDEN, 400),
        "NUL": (HEAD + b"X: a\x00b\r\nContent-Length: 0\r\n\r\n" + HIDDEN, 400),
        "a chunk longer than it says": (CHUNKED + b"2\r\nhiXX0\r\n\r\n" + HIDDEN, 400),
        "chunks with line feeds": (CHUNKED + b"2\nhi\n0\n\n" + HIDDEN, 400),
        "chunk size 0x2": (CHUNKED + b"0x2\r\nhi\r\n0\r\n\r\n" + HIDDEN, 400),
        "chunk size -1": (CHUNKED + b"-1\r\nhi\r\n0\r\n\r\n" + HIDDEN, 400),
        "chunk size beyond 64 bits": (CHUNKED + b"10000000000000002\r\nhi\r\n0\r\n\r\n", 400),
        "line feed in a chunk's extension": (CHUNKED + b"2;\nxx\r\nhi\r\n0\r\n\r\n", 400),
        "a length as trailer": (CHUNKED + b"0\r\nContent-Length: 5\r\n\r\n" + HIDDEN, 400),
        "no host": (HEAD.replace(b"Host: a\r\n", b"") + b"Content-Length: 0\r\n\r\n", 400),
        "two hosts": (HEAD + b"Host: b\r\nContent-Length: 0\r\n\r\n", 400),
        "a host that is none": (
            HEAD.replace(b"Host: a", b"Host: a/b?c@d") + b"Content-Length: 0\r\n\r\n",
            400,
        ),
        "CONNECT": (b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n" + HIDDEN, 501),
        "HTTP/0.9": (b"POST /v1/traces\r\n\r\n", 505),
        "HTTP/2.0 by name": (HEAD.replace(b"1.1", b"2.0") + b"Content-Length: 0\r\n\r\n", 505),
        "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    }.values(),
    ids=lambda value: str(value) if isinstance(value, int) else None,
)
def test_what_can_be_read_in_two_ways_is_refused_and_nothing_after_it_is_read(
    untouched: Running, data: bytes, status: int
) -> None:
    heard = _sent(untouched, data)
    assert (heard.statuses, heard.closed, untouched.payloads()) == ([status], True, [])


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (HEAD + b"X: " + b"y" * 70_000 + b"\r\nContent-Length: 0\r\n\r\n", 431),
        (HEAD + b"X: " + b"y" * 1_000_000, 431),
        (HEAD + b"X: y\r\n" * 200 + b"Content-Length: 0\r\n\r\n", 431),
        (b"POST /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 431),
        (CHUNKED + b"2;a=" + b"b" * 1_000_000 + b"\r\nhi\r\n0\r\n\r\n", 400),
        (CHUNKED + b"0\r\n" + b"X: y\r\n" * 200_000 + b"\r\n", 400),
    ],
    ids=["a header", "half a header", "200 headers", "target", "chunk extension", "trailers"],
)
def test_what_is_no_body_has_limits(untouched: Running, data: bytes, status: int) -> None:
    heard = _sent(untouched, data)
    assert (heard.statuses, heard.closed, untouched.payloads()) == ([status], True, [])


def test_a_refused_request_is_told_in_its_own_encoding(receiver: Running) -> None:
    raw = _sent(receiver, HEAD + b"Content-Length: x\r\n\r\n").raw
    head, _, body = raw.partition(b"\r\n\r\n")
    assert b"\r\nContent-Type: application/x-protobuf\r\n" in head
    assert Status.FromString(body).message == (
        "the request cannot be read: Invalid character in Content-Length"
    )


def test_what_is_refused_is_counted(receiver: Running) -> None:
    _sent(receiver, HEAD + b"Content-Length: x\r\n\r\n")
    _sent(receiver, HEAD + b"X: y\r\n" * 200)
    assert receiver.receiver.stats().refused == {(None, "http"): 1, (None, "head"): 1}


@pytest.mark.parametrize(
    "data",
    [
        chunked(b""),
        CHUNKED + b"0;a=b\r\n\r\n",
        CHUNKED + b"0\r\nExpires: never\r\n\r\n",
        b"\r\n" + request(),
        request().replace(b"Host: a", b"Host: [::1]:4318"),
        request().replace(b"POST /v1", b"POST http://a/v1"),
        request(b"", b"X: " + b"y" * 10_000),
        request(b"", b"Expect: 100-continue"),
    ],
    ids=["empty", "extension", "trailer", "blank line", "IPv6", "absolute", "10 KB", "expect"],
)
def test_what_is_unusual_and_clear_is_answered(receiver: Running, data: bytes) -> None:
    heard = _sent(receiver, data, answers=1)
    assert (heard.statuses[-1:], heard.closed) == ([200], False)


def test_a_trailer_is_no_header(receiver: Running) -> None:
    payload = trace_request(span())
    body = b"%x\r\n%s\r\n0\r\nContent-Encoding: gzip\r\n\r\n" % (len(payload), payload)
    assert _sent(receiver, CHUNKED + body, answers=1).statuses == [200]
    assert receiver.payloads() == [payload]


def test_a_body_in_chunks_of_one_byte_is_taken(receiver: Running) -> None:
    payload = trace_request(span("x" * 20_000))
    pieces = [payload[at : at + 1] for at in range(len(payload))]
    assert _sent(receiver, chunked(*pieces), answers=1).statuses == [200]
    assert receiver.payloads() == [payload]


def test_a_sender_that_asks_before_it_sends_is_told_to_go_on(receiver: Running) -> None:
    payload = trace_request(span())
    data = request(payload, b"Expect: 100-continue")
    with wire(receiver.endpoints.http_port) as opened:
        opened.say(data.removesuffix(payload))
        while not opened.heard.endswith(b"\r\n\r\n"):
            opened.heard += opened.socket.recv(4096)
        assert opened.heard == b"HTTP/1.1 100 Continue\r\n\r\n"
        opened.say(payload)
        assert opened.hear(1).statuses == [100, 200]


def test_a_sender_that_asks_before_it_sends_too_much_is_not_told_to_go_on(
    receiver: Running,
) -> None:
    head = HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % 2**30
    assert _sent(receiver, head).statuses == [413]


@pytest.mark.parametrize("upgrade", [b"h2c", b"websocket"])
@pytest.mark.parametrize("framed", ["length", "chunks"])
def test_a_request_that_asks_for_another_protocol_is_taken_whole(
    receiver: Running, upgrade: bytes, framed: str
) -> None:
    payload = trace_request(span("from Java"))
    data = request(payload) if framed == "length" else chunked(payload)
    asking = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: " + upgrade + b"\r\n"
    with wire(receiver.endpoints.http_port) as opened:
        opened.say(data.replace(HEAD, HEAD + asking) + request())
        assert opened.hear(2).statuses == [200, 200]
    assert receiver.payloads() == [payload]


def test_pipelined_requests_are_answered_in_order(receiver: Running) -> None:
    payload = trace_request(span())
    data = request(payload) + request(b"\xff") + request()
    assert _sent(receiver, data, answers=3).statuses == [200, 400, 200]


def test_a_request_between_two_half_heads_does_not_count_as_a_head(receiver: Running) -> None:
    data = request(b"") + request(trace_request(span("x" * 100_000))) + request(b"")
    first, second = len(request(b"")) + 20, len(data) - 20
    with wire(receiver.endpoints.http_port) as opened:
        opened.say(data[:first])
        assert opened.hear(1).statuses == [200]
        opened.say(data[first:second])
        assert opened.hear(2).statuses == [200, 200]
        opened.say(data[second:])
        assert opened.hear(3).statuses == [200, 200, 200]


def test_a_refusal_never_takes_the_place_of_an_earlier_answer(tmp_path: Path) -> None:
    disk, payload = SlowDisk(), trace_request(span("first"))
    with (
        running(tmp_path / "journal", disk=disk) as receiver,
        wire(receiver.endpoints.http_port) as opened,
    ):
        disk.slow = True
        opened.say(request(payload) + b"garbage\r\n\r\n")
        assert disk.waiting.wait(DEADLINE_S)
        disk.released.set()
        heard = opened.hear_all()
        assert (heard.statuses, heard.closed, receiver.payloads()) == ([200], True, [payload])


def test_a_connection_may_not_pipeline_without_end(tmp_path: Path) -> None:
    disk = SlowDisk()
    with (
        running(tmp_path / "journal", disk=disk) as receiver,
        wire(receiver.endpoints.http_port) as opened,
    ):
        disk.slow = True
        opened.say(request(trace_request(span("first"))))
        assert disk.waiting.wait(DEADLINE_S)
        opened.say(request() * 1000)
        until_refused(receiver, "busy")
        disk.released.set()
        assert opened.hear_all().statuses == [200]


def until_refused(receiver: Running, reason: str) -> None:
    with wire(receiver.endpoints.http_port) as opened:
        while receiver.receiver.stats().refused[None, reason] == 0:
            opened.heard = b""
            opened.say(request())
            opened.hear(1)


def test_a_head_that_drips_in_is_cut_off(quick: Running) -> None:
    with wire(quick.endpoints.http_port) as opened:
        opened.say(HEAD)
        assert seconds_until_closed(opened, b"X: y\r\n", 0.05) < DEADLINE_S / 2
        assert opened.hear_all().statuses == [408]


def test_a_body_that_drips_in_is_cut_off_and_may_be_sent_again(quick: Running) -> None:
    with wire(quick.endpoints.http_port) as opened:
        opened.say(HEAD + b"Content-Length: 1000000\r\n\r\n")
        assert seconds_until_closed(opened, b"x", 0.05) < DEADLINE_S / 2
        heard = opened.hear_all()
    assert (heard.statuses, b"Retry-After: 1\r\n" in heard.raw) == ([503], True)


def test_a_body_that_keeps_coming_may_take_its_time(tmp_path: Path) -> None:
    guard = GuardSettings(body_timeout_s=0.2, body_bytes_s_min=1)
    payload = trace_request(span("x" * 200))
    with (
        running(tmp_path / "journal", settings=ReceiverSettings(guard=guard)) as receiver,
        wire(receiver.endpoints.http_port) as opened,
    ):
        opened.say(request(payload)[:-10])
        opened.socket.settimeout(0.6)
        with pytest.raises(TimeoutError):
            opened.socket.recv(1)
        opened.socket.settimeout(DEADLINE_S)
        opened.say(payload[-10:])
        assert opened.hear(1).statuses == [200]


@pytest.mark.parametrize("piece", [b"", b"\r\n"], ids=["silent", "blank lines"])
def test_a_connection_without_a_request_is_closed(quick: Running, piece: bytes) -> None:
    with wire(quick.endpoints.http_port) as opened:
        assert seconds_until_closed(opened, piece, 0.05) < DEADLINE_S / 2
        assert opened.heard == b""


def test_blank_lines_after_an_answer_do_not_keep_a_connection(quick: Running) -> None:
    with wire(quick.endpoints.http_port) as opened:
        opened.say(request())
        assert opened.hear(1).statuses == [200]
        assert seconds_until_closed(opened, b"\r\n", 0.05) < DEADLINE_S / 2


def test_a_client_that_reads_no_answers_is_cut_off(tmp_path: Path) -> None:
    settings = ReceiverSettings(guard=GuardSettings(write_timeout_s=0.3), origins=("*",))
    names = b",".join([b"x"] * 30_000)  # which the answer repeats
    asked = (
        b"OPTIONS /v1/traces HTTP/1.1\r\nHost: a\r\nOrigin: https://a.example\r\n"
        b"Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: %s\r\n\r\n"
    ) % names
    with (
        running(tmp_path / "journal", settings=settings) as receiver,
        wire(receiver.endpoints.http_port, 0.2, receive_bytes=4096) as opened,
        wire(receiver.endpoints.http_port) as other,
    ):
        end, rest = monotonic() + DEADLINE_S, asked
        while not receiver.receiver.stats().refused[None, "unread_answer"]:
            assert monotonic() < end
            with suppress(TimeoutError, ConnectionError):
                rest = rest[opened.socket.send(rest) :] or asked
            # one at a time: by the time this is answered, so is that
            other.heard = b""
            other.say(request())
            assert other.hear(1).statuses == [200]


def test_connections_beyond_the_cap_are_told_to_come_back(quick: Running) -> None:
    port = quick.endpoints.http_port
    with ExitStack() as held:
        opened = [held.enter_context(wire(port)) for _ in range(_QUICK.connections_max)]
        for each in opened:
            each.say(request())
            assert each.hear(1).statuses == [200]
        with wire(port) as one_more:
            heard = one_more.hear_all()
        assert (heard.statuses, b"Retry-After: 1\r\n" in heard.raw) == ([503], True)
        opened[0].heard = b""
        opened[0].say(request())
        assert opened[0].hear(1).statuses == [200]


def test_the_sender_of_too_much_hears_so_although_it_sends_on(tmp_path: Path) -> None:
    with running(tmp_path / "journal") as receiver, wire(receiver.endpoints.http_port) as opened:
        opened.say(HEAD + b"Content-Length: %d\r\n\r\n" % 2**27 + b"x" * 2**23)
        heard = opened.hear_all()
    assert (heard.statuses, heard.closed) == ([413], True)
