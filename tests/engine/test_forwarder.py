"""Requests passed on, over real gRPC, to a real receiver of our own or to one that refuses."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from otel_llmops.engine.forwarder import Forwarder
from otel_llmops.exporters.otlp import OtlpSender
from otel_llmops.journal import Journal, JournalSettings, Reader
from otel_llmops.otlp import Encoding, Signal
from tests.support.otlp import as_json, span, trace_request
from tests.support.serving import free_ports, until

SMALL = JournalSettings(
    segment_bytes_max=4096, retained_bytes=0, durability="os", budget_bytes=1 << 30
)
_EXPORT = "opentelemetry.proto.collector.trace.v1.TraceService"


class Destination:
    """Takes what it gets, or says what it was told to say first."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.answers: list[tuple[grpc.StatusCode, float | None]] = []
        self.refuses = 0

    def export(self, payload: bytes, context: Any) -> bytes:
        if self.answers:
            code, delay_s = self.answers.pop(0)
            if delay_s is not None:
                status = Status(code=code.value[0])
                delay = Duration(nanos=int(delay_s * 1e9))
                status.details.add().Pack(RetryInfo(retry_delay=delay))
                told = status.SerializeToString()
                context.set_trailing_metadata((("grpc-status-details-bin", told),))
            context.abort(code, "not now")
        self.taken.append(payload)
        answer = ExportTraceServiceResponse()
        answer.partial_success.rejected_spans = self.refuses
        wire: bytes = answer.SerializeToString()
        return wire

    def names(self) -> list[str]:
        found = []
        for payload in self.taken:
            for of_resource in ExportTraceServiceRequest.FromString(payload).resource_spans:
                found += [each.name for sc in of_resource.scope_spans for each in sc.spans]
        return found


@contextmanager
def listening(destination: Destination, port: int) -> Iterator[None]:
    handler = grpc.unary_unary_rpc_method_handler(destination.export)
    server = grpc.server(ThreadPoolExecutor(2), options=(("grpc.so_reuseport", 0),))
    service = grpc.method_handlers_generic_handler(_EXPORT, {"Export": handler})
    server.add_generic_rpc_handlers((service,))
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    yield
    server.stop(0).wait()


class House:
    """A journal, and somebody who passes on what is in it."""

    def __init__(self, folder: Path, *, quota_bytes: int = 1 << 30) -> None:
        self.folder = folder
        (self.port,) = free_ports(1)
        quotas = {"forward-x": quota_bytes}
        self.journal = Journal.open(
            folder / "journal", SMALL, required_consumers=(), optional_consumers=quotas
        )
        self.destination = Destination()

    @contextmanager
    def forwarding(self) -> Iterator[Forwarder]:
        reader = Reader.open(self.folder / "journal", "forward-x")
        sender = OtlpSender(f"127.0.0.1:{self.port}", tls=False)
        forwarder = Forwarder("otlp://there", reader, sender, self.folder / "forward")
        stop = threading.Event()
        thread = threading.Thread(target=forwarder.run, args=(stop,))
        thread.start()
        try:
            yield forwarder
        finally:
            stop.set()
            thread.join()
            reader.close()

    def put(self, *names: str, signal: Signal = Signal.TRACES, **more: Any) -> None:
        for name in names:
            self.journal.append(
                trace_request(span(name)), signal=signal, encoding=Encoding.PROTOBUF, **more
            )

    def has(self, *names: str) -> None:
        until(lambda: set(self.destination.names()) >= set(names), what=f"{names} arrive")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.journal.close()


def test_requests_arrive_in_order_and_to_the_byte(house: House) -> None:
    names = [f"span-{number}" for number in range(50)]
    with listening(house.destination, house.port), house.forwarding() as forwarder:
        house.put(*names)
        house.has(*names)
        until(lambda: forwarder.figures()["requests"] == 50)
    assert house.destination.taken == [trace_request(span(name)) for name in names]


def test_what_was_passed_on_is_not_passed_on_again_after_a_restart(house: House) -> None:
    with listening(house.destination, house.port):
        with house.forwarding():
            house.put("first")
            house.has("first")
            until(lambda: Reader.open(house.folder / "journal", "forward-x").lag_bytes() == 0)
        house.put("second")
        with house.forwarding():
            house.has("second")
    assert house.destination.names() == ["first", "second"]


def test_a_destination_that_is_down_catches_up(house: House) -> None:
    with house.forwarding() as forwarder:
        house.put("early")
        until(lambda: forwarder.figures()["up"] == 0)
        assert any("otlp://there" in note for note in forwarder.notes())
        with listening(house.destination, house.port):
            house.put("late")
            house.has("early", "late")
            until(lambda: forwarder.notes() == [])
    assert house.destination.names() == ["early", "late"]


def test_a_destination_that_asks_for_time_gets_it(house: House) -> None:
    house.destination.answers = [
        (grpc.StatusCode.RESOURCE_EXHAUSTED, 0.5),
        (grpc.StatusCode.UNAVAILABLE, None),
    ]
    with listening(house.destination, house.port), house.forwarding() as forwarder:
        house.put("one")
        house.has("one")
        until(lambda: forwarder.figures()["requests"] == 1)
        assert forwarder.figures()["retries"] == 2


def test_what_is_refused_for_ever_is_put_aside_and_the_rest_goes_on(house: House) -> None:
    house.destination.answers = [(grpc.StatusCode.INVALID_ARGUMENT, None)]
    with listening(house.destination, house.port), house.forwarding() as forwarder:
        house.put("bad", "good")
        house.has("good")
        figures = forwarder.figures()
    assert (house.destination.names(), figures["quarantined"]) == (["good"], 1)


def test_a_signal_that_a_destination_does_not_take_is_counted(house: House) -> None:
    with listening(house.destination, house.port), house.forwarding() as forwarder:
        house.put("metrics", signal=Signal.METRICS)
        house.put("traces")
        house.has("traces")
        figures = forwarder.figures()
    assert (figures["requests_unsupported"], figures["quarantined"]) == (1, 0)


def test_what_a_destination_refuses_in_part_is_counted(house: House) -> None:
    house.destination.refuses = 3
    with listening(house.destination, house.port), house.forwarding() as forwarder:
        house.put("one")
        until(lambda: forwarder.figures()["records_refused"] == 3)


def test_spans_that_were_refused_at_the_door_are_not_passed_on(house: House) -> None:
    payload = trace_request(span("good"), span("bad", span_id=b""))
    with listening(house.destination, house.port), house.forwarding():
        house.journal.append(
            payload, signal=Signal.TRACES, encoding=Encoding.PROTOBUF, rejected=(1,)
        )
        house.has("good")
    assert house.destination.names() == ["good"]


def test_json_is_passed_on_as_protobuf(house: House) -> None:
    body = as_json(trace_request(span("from json")))
    with listening(house.destination, house.port), house.forwarding():
        house.journal.append(body, signal=Signal.TRACES, encoding=Encoding.JSON)
        house.has("from json")
    assert house.destination.taken == [trace_request(span("from json"))]


def test_what_left_the_journal_is_told_and_written_down(tmp_path: Path) -> None:
    house = House(tmp_path, quota_bytes=20_000)
    with listening(house.destination, house.port), house.forwarding() as forwarder:
        house.put("first")
        until(lambda: forwarder.figures()["requests"] == 1)
    names = [f"span-{number}" for number in range(400)]
    house.put(*names)
    until(lambda: house.journal.stats().deleted_segments > 0)
    with listening(house.destination, house.port), house.forwarding() as forwarder:
        house.has(names[-1])
        until(lambda: forwarder.figures()["missed_ranges"] == 1)
        assert any("missed what had left the journal" in note for note in forwarder.notes())
    with house.forwarding() as again:
        assert again.figures()["missed_ranges"] == 1
    house.journal.close()
    first, *arrived = house.destination.names()
    assert (first, arrived) == ("first", names[-len(arrived) :])
    assert len(arrived) > 50
