"""What is in memory stays within the budget, and whoever finds no room is told to come back."""

import asyncio
import gzip
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from time import monotonic

import grpc
import httpx
import psutil  # type: ignore[import-untyped]  # its stubs are a package of their own
import pytest
from google.rpc.error_details_pb2 import RetryInfo

from otel_llmops.journal import Reader
from otel_llmops.otlp import LIMITS
from otel_llmops.receiver import ReceiverSettings
from otel_llmops.receiver.memory import Booking, Memory
from otel_llmops.receiver.status import Overloaded
from tests.support.otlp import span, trace_request
from tests.support.receiving import DEADLINE_S, Running, SlowDisk, running
from tests.support.wire import HEAD, wire

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_PROTOBUF = {"Content-Type": "application/x-protobuf"}
_MIB = 1 << 20


# the budget itself


def test_what_does_not_fit_waits_for_what_is_given_back() -> None:
    async def story() -> list[int]:
        memory = Memory(20, 10)
        seen = []
        with memory.booking() as first, memory.booking() as second:
            await first.grow(8)
            waiting = asyncio.create_task(second.grow(8))
            await asyncio.sleep(0)
            seen.append(memory.booked_bytes)
            first.__exit__(None, None, None)
            await waiting
            seen.append(memory.booked_bytes)
        return [*seen, memory.booked_bytes]

    assert asyncio.run(story()) == [8, 8, 0]


def test_who_waits_too_long_is_told_and_leaves_nothing_behind() -> None:
    async def story() -> int:
        memory = Memory(20, 10, wait_s=0.01)
        with memory.booking() as first, memory.booking() as second:
            await first.grow(8)
            with pytest.raises(Overloaded):
                await second.grow(8)
            await second.grow(2)
        return memory.booked_bytes

    assert asyncio.run(story()) == 0


def test_who_comes_first_is_served_first() -> None:
    async def story() -> list[str]:
        memory, served = Memory(20, 10), []

        async def ask(name: str, size: int) -> None:
            with memory.booking() as booking:
                await booking.grow(size)
                served.append(name)

        holder = memory.booking()
        await holder.grow(10)
        asks = [asyncio.create_task(ask(*each)) for each in (("large", 9), ("small", 1))]
        await asyncio.sleep(0)
        holder.__exit__(None, None, None)
        await asyncio.gather(*asks)
        return served

    assert asyncio.run(story()) == ["large", "small"]


def test_a_request_that_alone_is_more_than_the_budget_gets_all_there_is() -> None:
    async def story() -> int:
        memory = Memory(20, 10)
        with memory.booking() as booking:
            await booking.grow(10)
            await booking.grow(80)
            return memory.booked_bytes

    assert asyncio.run(story()) == 10


def test_there_are_as_many_permits_as_the_largest_requests_fit() -> None:
    async def story() -> list[int]:
        memory = Memory(40, 10, wait_s=0.01)
        async with memory.permit(), memory.permit():
            used = memory.bytes_used
            with pytest.raises(Overloaded):
                async with memory.permit():
                    raise AssertionError("there are two")
        async with memory.permit():
            return [used, memory.bytes_used]

    assert asyncio.run(story()) == [20, 10]


def test_what_a_sender_that_left_had_sent_counts_until_it_is_done_with() -> None:
    async def story() -> list[int]:
        memory = Memory(20, 10)
        working: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def answer(booking: Booking) -> None:
            with booking:
                await booking.grow(7)
                await booking.outlived_by(working)

        call = asyncio.create_task(answer(memory.booking()))
        await asyncio.sleep(0.01)
        call.cancel()
        with suppress(asyncio.CancelledError):
            await call
        during = memory.booked_bytes
        working.set_result(None)
        await asyncio.sleep(0.01)
        return [during, memory.booked_bytes]

    assert asyncio.run(story()) == [7, 0]


# over the wire


def _tight(calls_max: int = 1024) -> ReceiverSettings:
    return ReceiverSettings(
        limits=replace(LIMITS, request_bytes=_MIB),
        memory_bytes_max=2 * _MIB,
        read_timeout_s=0.3,
        calls_max=calls_max,
    )


def _large(name: str) -> bytes:
    return trace_request(span(name, attributes={"prompt": os.urandom(400_000).hex()}))


@contextmanager
def _one_on_the_way(receiver: Running, disk: SlowDisk, payload: bytes) -> Iterator[None]:
    """One request waits for the disk inside, and is answered when it leaves."""
    with ThreadPoolExecutor(1) as pool:
        disk.slow = True
        answer = pool.submit(receiver.export, payload)
        assert disk.waiting.wait(DEADLINE_S)
        yield
        disk.released.set()
        assert answer.result(DEADLINE_S) == b""


@pytest.mark.parametrize("settings", [_tight(), _tight(calls_max=1)], ids=["bytes", "calls"])
def test_a_call_that_finds_no_room_is_told_to_retry_and_the_one_inside_is_kept(
    tmp_path: Path, settings: ReceiverSettings
) -> None:
    disk, payload = SlowDisk(), _large("inside")
    with running(tmp_path / "journal", settings=settings, disk=disk) as receiver:
        with _one_on_the_way(receiver, disk, payload):
            error = receiver.refused(_large("outside"))
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        retry = dict(error.trailing_metadata())["google.rpc.retryinfo-bin"]
        assert RetryInfo.FromString(retry).retry_delay.seconds == 1
        assert receiver.payloads() == [payload]


@pytest.mark.parametrize("settings", [_tight(), _tight(calls_max=1)], ids=["bytes", "calls"])
def test_a_post_that_finds_no_room_is_told_to_retry_and_the_one_inside_is_kept(
    tmp_path: Path, settings: ReceiverSettings
) -> None:
    disk, payload = SlowDisk(), _large("inside")
    with running(tmp_path / "journal", settings=settings, disk=disk) as receiver:
        with _one_on_the_way(receiver, disk, payload):
            url = f"{receiver.http_url}/v1/traces"
            answer = httpx.post(
                url, content=_large("outside"), headers=_PROTOBUF, timeout=DEADLINE_S
            )
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
        assert receiver.payloads() == [payload]


def test_calls_that_never_send_their_message_make_room_for_others(tmp_path: Path) -> None:
    with (
        running(tmp_path / "journal", settings=_tight()) as receiver,
        grpc.insecure_channel(receiver.grpc_target) as channel,
    ):
        end = threading.Event()

        def never() -> Iterator[bytes]:
            end.wait(DEADLINE_S)
            yield from ()

        stalled = [channel.stream_unary(EXPORT).future(never()) for _ in range(3)]
        assert receiver.export(trace_request(span())) == b""
        assert [call.code() for call in stalled] == [grpc.StatusCode.RESOURCE_EXHAUSTED] * 3
        end.set()


def test_calls_that_stall_keep_nobody_out(tmp_path: Path) -> None:
    settings = replace(_tight(), read_timeout_s=2 * DEADLINE_S)
    with (
        running(tmp_path / "journal", settings=settings) as receiver,
        grpc.insecure_channel(receiver.grpc_target) as channel,
    ):
        end = threading.Event()

        def never() -> Iterator[bytes]:
            end.wait(DEADLINE_S)
            yield from ()

        stalled = channel.stream_unary(EXPORT).future(never())
        while "otel_llmops_inflight_bytes 0\n" in httpx.get(f"{receiver.http_url}/metrics").text:
            assert not stalled.done()
        assert receiver.export(trace_request(span())) == b""
        assert stalled.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        end.set()


def test_a_call_without_a_message_is_an_invalid_argument(receiver: Running) -> None:
    with (
        grpc.insecure_channel(receiver.grpc_target) as channel,
        pytest.raises(grpc.RpcError) as caught,
    ):
        channel.stream_unary(EXPORT)(iter(()), timeout=DEADLINE_S)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_senders_that_leave_half_way_leave_no_booking(tmp_path: Path) -> None:
    with running(tmp_path / "journal", settings=_tight()) as receiver:
        for _ in range(10):
            with wire(receiver.endpoints.http_port) as opened:
                opened.say(HEAD + b"Content-Length: 1000000\r\n\r\n" + b"x" * 500_000)
        end = monotonic() + DEADLINE_S
        while (
            "otel_llmops_inflight_bytes 0\n" not in httpx.get(f"{receiver.http_url}/metrics").text
        ):
            assert monotonic() < end


@pytest.mark.parametrize("transport", ["grpc", "http"])
def test_while_nobody_reads_all_is_taken_until_the_budget_and_then_nothing_is_lost(
    tmp_path: Path, transport: str
) -> None:
    budget = 2 * _MIB
    with (
        running(tmp_path / "journal", budget_bytes=budget) as receiver,
        grpc.insecure_channel(receiver.grpc_target) as channel,
        httpx.Client(base_url=receiver.http_url, headers=_PROTOBUF) as client,
    ):

        def is_taken(payload: bytes) -> bool:
            if transport == "http":
                return client.post("/v1/traces", content=payload).status_code == 200
            with suppress(grpc.RpcError):
                channel.unary_unary(EXPORT)(payload, timeout=DEADLINE_S)
                return True
            return False

        acknowledged: list[bytes] = []
        while is_taken(payload := _large(f"request {len(acknowledged)}")):
            acknowledged.append(payload)
        assert budget - 2 * len(payload) < sum(map(len, acknowledged)) <= budget
        assert receiver.payloads() == acknowledged


# a flood

_FLOODED = """
import sys
from dataclasses import replace
from pathlib import Path
from otel_llmops.journal import Journal, JournalSettings
from otel_llmops.otlp import LIMITS
from otel_llmops.receiver import Receiver, ReceiverSettings

budget = JournalSettings(budget_bytes=int(sys.argv[2]))
settings = ReceiverSettings(
    limits=replace(LIMITS, request_bytes=8 << 20), memory_bytes_max=int(sys.argv[3])
)
with Journal.open(Path(sys.argv[1]), budget, required_consumers=["test"]) as journal:
    receiver = Receiver(journal, grpc_port=0, http_port=0, settings=settings)
    endpoints = receiver.start()
    print(endpoints.grpc_port, endpoints.http_port, flush=True)
    sys.stdin.read()
    receiver.stop(grace_s=5)
"""
_MEMORY = 64 * _MIB
_COPIES_BYTES = 128 * _MIB
"""Buffers of grpc and asyncio, a second copy while one is made, and what malloc keeps.

Without a budget (4 GiB in place of 64 MiB) the same flood takes 350 MiB.
"""
_BOMB = gzip.compress(b"\0" * (64 * _MIB))
_FLOOD = trace_request(span(trace_id=b"\xee" * 16, attributes={"blob": os.urandom(3 * _MIB).hex()}))


def _peak_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024


class _Flood:
    """Many senders, each as fast as it can, with requests near the limit."""

    def __init__(self, grpc_port: int, http_port: int) -> None:
        self.grpc_target, self.url = f"127.0.0.1:{grpc_port}", f"http://127.0.0.1:{http_port}"
        self.acknowledged: list[str] = []
        self.told_to_retry = 0
        self.others: list[str] = []

    def run(self, seconds: float) -> None:
        end = monotonic() + seconds
        senders = [self._call] * 16 + [self._post] * 12 + [self._bomb] * 8
        with ThreadPoolExecutor(len(senders)) as pool:
            for done in [pool.submit(self._until, end, sender) for sender in senders]:
                done.result()

    def _until(self, end: float, sender: Callable[[], None]) -> None:
        while monotonic() < end:
            sender()

    def _call(self) -> None:
        payload = self._payload()
        with grpc.insecure_channel(self.grpc_target) as channel:
            try:
                channel.unary_unary(EXPORT)(payload, timeout=DEADLINE_S)
            except grpc.RpcError as error:
                self._note(str(error.code()), retry=error.code().value[0] in {8, 14})
            else:
                self.acknowledged.append(hashlib.sha256(payload).hexdigest())

    def _post(self) -> None:
        payload = self._payload()
        pieces = (payload[at : at + 65_536] for at in range(0, len(payload), 65_536))
        self._ask(payload, httpx.Request("POST", f"{self.url}/v1/traces", content=pieces))

    def _bomb(self) -> None:
        headers = {"Content-Encoding": "gzip"}
        request = httpx.Request("POST", f"{self.url}/v1/traces", content=_BOMB, headers=headers)
        self._ask(b"", request)

    def _ask(self, payload: bytes, request: httpx.Request) -> None:
        request.headers.update(_PROTOBUF)
        try:
            with httpx.Client(timeout=DEADLINE_S) as client:
                answer = client.send(request)
        except httpx.TransportError as error:
            self._note(repr(error), retry=True)
            return
        if answer.status_code == 200:
            self.acknowledged.append(hashlib.sha256(payload).hexdigest())
        else:
            self._note(f"{answer.status_code} {answer.content!r}", retry=answer.status_code != 413)

    def _note(self, what: str, *, retry: bool) -> None:
        if retry:
            self.told_to_retry += 1
        else:
            self.others.append(what)

    def _payload(self) -> bytes:
        return _FLOOD.replace(b"\xee" * 16, os.urandom(16), 1)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_flood_of_large_requests_stays_within_the_budget_and_loses_nothing(
    tmp_path: Path,
) -> None:
    argv = [sys.executable, "-c", _FLOODED, str(tmp_path), str(256 * _MIB), str(_MEMORY)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        flood = _Flood(*map(int, process.stdout.readline().split()))
        before = psutil.Process(process.pid).memory_info().rss
        flood.run(2.0)
        grown = _peak_bytes(process.pid) - before
        process.communicate(timeout=DEADLINE_S)
    with Reader.open(tmp_path, "test") as reader:
        stored = {hashlib.sha256(each.payload).hexdigest() for each in reader.read(2**30)}
    assert set(flood.acknowledged) <= stored
    assert flood.acknowledged
    assert flood.told_to_retry
    assert grown < _MEMORY + _COPIES_BYTES
