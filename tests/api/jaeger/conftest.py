"""An embedded store with recorded traces and made-up ones in it, and Jaeger's two APIs over it."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llmops.api.application import application
from otel_llmops.api.doors import Keys
from otel_llmops.api.jaeger.messages import PACKAGE, message
from otel_llmops.api.jaeger.remote import remote_storage
from otel_llmops.exporters.clickhouse import ClickHouse
from otel_llmops.otlp import Request, decode_traces
from otel_llmops.storage.queries import Queries
from otel_llmops.tokens import Tokens
from tests.support.jaeger_spans import every_level, generated
from tests.support.otlp import TRACES

TOKEN = "a-token-that-may-read-0"  # noqa: S105 - of this test alone
CORPUS = [each.read_bytes() for each in sorted(TRACES.glob("*/*/request-*.binpb"))]
MADE = [generated(number).SerializeToString() for number in range(20)]
REQUESTS = [*CORPUS, *MADE, every_level().SerializeToString()]

Call = Callable[..., Any]


def sent() -> Iterator[tuple[Any, Any, Any]]:
    """(resource, scope, span) of every span that was sent."""
    for body in REQUESTS:
        for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for of_scope in of_resource.scope_spans:
                for span in of_scope.spans:
                    yield of_resource, of_scope, span


@pytest.fixture(scope="module")
def queries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Queries]:
    folder: Path = tmp_path_factory.mktemp("jaeger") / "store"
    store = ClickHouse.embedded(folder)
    store.export_spans(decode_traces([Request(body) for body in REQUESTS]), batch_id="all")
    yield Queries(store)
    store.close()


@pytest.fixture(scope="module")
def target(queries: Queries) -> Iterator[str]:
    """Where the remote storage listens, which asks for TOKEN."""
    started: Future[tuple[int, Any]] = Future()

    async def serve() -> None:
        server = remote_storage(queries.spans, Keys(read=Tokens([TOKEN])))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        started.set_result((port, lambda: loop.call_soon_threadsafe(stop.set)))
        await stop.wait()
        await server.stop(0)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    port, stop = started.result(10)
    yield f"127.0.0.1:{port}"
    stop()
    thread.join()


@pytest.fixture
def call(target: str) -> Iterator[Call]:
    """call(service, method, request, answer=name of the message, or bytes where empty)."""
    with grpc.insecure_channel(target) as channel:

        def made(service: str, method: str, request: Any, answer: str = "", **more: Any) -> Any:
            path = f"/{PACKAGE}.{service}/{method}"
            stream = not answer or method == "FindTraceSummaries"
            make = channel.unary_stream if stream else channel.unary_unary
            read = message(answer).FromString if answer else bytes
            found = make(path, type(request).SerializeToString, read)
            options = {"metadata": (("authorization", f"Bearer {TOKEN}"),), "timeout": 20} | more
            told = found(request, **options)
            return list(told) if stream else told

        yield made


@pytest.fixture
def get(queries: Queries) -> Callable[..., httpx.Response]:
    """get(path, **parameters) over HTTP."""

    def ask(path: str, **parameters: Any) -> httpx.Response:
        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(app=application(queries))
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                return await client.get(path, params=parameters)

        return asyncio.run(asked())

    return ask
