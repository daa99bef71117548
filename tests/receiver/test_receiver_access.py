"""Who comes in: tokens, certificates, and pages of other origins."""

import shutil
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
import requests
from google.rpc.status_pb2 import Status
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_llmops.errors import ConfigError
from otel_llmops.receiver import ReceiverSettings
from otel_llmops.receiver.access import Access
from otel_llmops.receiver.tls import Tls
from otel_llmops.tokens import read_tokens
from tests.support.certificates import Certificates, certificates
from tests.support.otlp import span, trace_request
from tests.support.receiving import DEADLINE_S, Running, running

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
TOKEN, OTHER = "0123456789abcdef", "fedcba9876543210"
_PROTOBUF = {"Content-Type": "application/x-protobuf"}
_NEEDS_OPENSSL = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here")
_WRONG = [None, "", "Bearer", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", TOKEN,
          f"Basic {TOKEN}", f"Bearer {TOKEN}, Bearer {OTHER}", "Bearer " + "a" * 8000]  # fmt: skip


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("guarded") / "journal"
    with running(folder, settings=ReceiverSettings(tokens=(TOKEN, OTHER))) as found:
        yield found


def _call(receiver: Running, *metadata: tuple[str, str]) -> Any:
    with grpc.insecure_channel(receiver.grpc_target) as channel:
        call = channel.unary_unary(EXPORT)
        return call(trace_request(span()), timeout=DEADLINE_S, metadata=metadata)


def _spans() -> tuple[ReadableSpan, ...]:
    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    provider.get_tracer("test").start_span("one").end()
    return memory.get_finished_spans()


@pytest.mark.parametrize("wrong", _WRONG)
def test_a_call_without_a_known_token_is_unauthenticated(
    guarded: Running, wrong: str | None
) -> None:
    metadata = [("authorization", wrong)] if wrong is not None else []
    with pytest.raises(grpc.RpcError) as caught:
        _call(guarded, *metadata)
    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/traces"),
        ("POST", "/v1/logs"),
        ("POST", "/v1/metrics"),
        ("GET", "/metrics"),
        ("GET", "/v1/traces"),
        ("GET", "/nothing"),
        ("OPTIONS", "/v1/traces"),
    ],
)
def test_no_path_is_open_without_a_token(guarded: Running, method: str, path: str) -> None:
    answer = httpx.request(method, f"{guarded.http_url}{path}", headers=_PROTOBUF)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert Status.FromString(answer.content).code == 16


@pytest.mark.parametrize("wrong", _WRONG)
def test_a_post_without_a_known_token_is_refused(guarded: Running, wrong: str | None) -> None:
    headers = _PROTOBUF | ({"Authorization": wrong} if wrong is not None else {})
    answer = httpx.post(f"{guarded.http_url}/v1/traces", content=b"", headers=headers)
    assert answer.status_code == 401


def test_two_authorizations_are_none(guarded: Running) -> None:
    twice = [("Authorization", f"Bearer {TOKEN}")] * 2
    answer = httpx.post(f"{guarded.http_url}/v1/traces", headers=[*_PROTOBUF.items(), *twice])
    assert answer.status_code == 401
    with pytest.raises(grpc.RpcError):
        _call(guarded, *[("authorization", f"Bearer {TOKEN}")] * 2)


@pytest.mark.parametrize("token", [TOKEN, OTHER])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_any_known_token_opens_both_doors(guarded: Running, token: str, scheme: str) -> None:
    headers = {"authorization": f"{scheme} {token}"}
    grpc_exporter = GrpcExporter(guarded.grpc_target, insecure=True, headers=headers)
    http_exporter = HttpExporter(f"{guarded.http_url}/v1/traces", headers=headers)
    for exporter in (grpc_exporter, http_exporter):
        assert exporter.export(_spans()) == SpanExportResult.SUCCESS
        exporter.shutdown()


def test_who_is_turned_away_is_counted(tmp_path: Path) -> None:
    with running(tmp_path, settings=ReceiverSettings(tokens=(TOKEN,))) as receiver:
        with pytest.raises(grpc.RpcError):
            _call(receiver)
        httpx.post(f"{receiver.http_url}/v1/logs")
        found = {(key[0] and key[0].name, key[1]): count
                 for key, count in receiver.receiver.stats().refused.items()}  # fmt: skip
    assert found == {("TRACES", "unauthenticated"): 1, ("LOGS", "unauthenticated"): 1}


@given(st.text() | st.binary())
def test_no_other_text_is_a_token(given_: str | bytes) -> None:
    refusal = Access((TOKEN,)).refusal(given_)
    assert refusal is not None
    assert refusal.reason == "unauthenticated"


def test_without_tokens_everybody_comes_in() -> None:
    assert Access().refusal(None) is None


def test_a_token_file_has_one_a_line(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text(f"# for the shop\n{TOKEN}\n\n  {OTHER}  \n")
    assert read_tokens(path) == (TOKEN, OTHER)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"# none\n", "holds no token"),
        (b"short\n", "shorter than 16 characters"),
        (b"two words are no token\n", "or has a space"),
    ],
)
def test_tokens_that_guard_nothing_are_refused_at_the_start(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "tokens"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        read_tokens(path)
    assert "short\n" not in str(caught.value)


# TLS


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("pem"))


@pytest.fixture(scope="module")
def mutual(tmp_path_factory: pytest.TempPathFactory, pem: Certificates) -> Iterator[Running]:
    tls = Tls(pem.server, pem.server_key, pem.authority)
    folder = tmp_path_factory.mktemp("mutual") / "journal"
    with running(folder, settings=ReceiverSettings(tls=tls)) as found:
        yield found


@_NEEDS_OPENSSL
@pytest.mark.parametrize("transport", ["grpc", "http"])
def test_the_stock_exporters_speak_tls(tmp_path: Path, pem: Certificates, transport: str) -> None:
    tls = Tls(pem.server, pem.server_key)
    with running(tmp_path, settings=ReceiverSettings(tls=tls)) as receiver:
        exporter: GrpcExporter | HttpExporter
        if transport == "grpc":
            trust = grpc.ssl_channel_credentials(pem.authority.read_bytes())
            exporter = GrpcExporter(receiver.grpc_target, credentials=trust)
        else:
            url = f"https://127.0.0.1:{receiver.endpoints.http_port}/v1/traces"
            session = requests.Session()
            session.trust_env = False  # REQUESTS_CA_BUNDLE would count for more than the file
            exporter = HttpExporter(url, certificate_file=str(pem.authority), session=session)
        assert exporter.export(_spans()) == SpanExportResult.SUCCESS
        exporter.shutdown()
        assert len(receiver.payloads()) == 1


@_NEEDS_OPENSSL
@pytest.mark.parametrize("transport", ["grpc", "http"])
def test_a_certificate_of_our_authority_opens_both_doors(
    mutual: Running, pem: Certificates, transport: str
) -> None:
    assert _mutual(mutual, pem, transport, pem.client, pem.client_key) == b""


@_NEEDS_OPENSSL
@pytest.mark.parametrize("who", ["nobody", "stranger"])
@pytest.mark.parametrize("transport", ["grpc", "http"])
def test_no_other_certificate_does(
    mutual: Running, pem: Certificates, transport: str, who: str
) -> None:
    pair = (pem.stranger, pem.stranger_key) if who == "stranger" else (None, None)
    with pytest.raises((grpc.RpcError, httpx.TransportError)):
        _mutual(mutual, pem, transport, *pair)


def _mutual(
    receiver: Running, pem: Certificates, transport: str, chain: Path | None, key: Path | None
) -> bytes:
    if transport == "grpc":
        trust = grpc.ssl_channel_credentials(
            pem.authority.read_bytes(),
            key.read_bytes() if key else None,
            chain.read_bytes() if chain else None,
        )
        with grpc.secure_channel(receiver.grpc_target, trust) as channel:
            answer: bytes = channel.unary_unary(EXPORT)(b"", timeout=3)
            return answer
    context = ssl.create_default_context(cafile=pem.authority)
    if chain and key:
        context.load_cert_chain(chain, key)
    url = f"https://127.0.0.1:{receiver.endpoints.http_port}/v1/traces"
    return httpx.post(url, headers=_PROTOBUF, verify=context, timeout=3).content


@_NEEDS_OPENSSL
@pytest.mark.parametrize("broken", ["missing", "no PEM", "another's key"])
def test_tls_that_cannot_be_is_told_at_the_start(
    tmp_path: Path, pem: Certificates, broken: str
) -> None:
    key = {
        "missing": tmp_path / "none",
        "no PEM": tmp_path / "text",
        "another's key": pem.client_key,
    }
    (tmp_path / "text").write_text("no key")
    with pytest.raises(ConfigError, match="TLS cannot be used"):
        Tls(pem.server, key[broken]).context()


# other origins

_PREFLIGHT = {
    "Origin": "https://shop.example",
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type,x-tenant",
}


def _allowed(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-")}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    settings = ReceiverSettings(origins=("https://shop.example",), tokens=(TOKEN,))
    with running(tmp_path_factory.mktemp("shop") / "journal", settings=settings) as found:
        yield found


def test_a_page_of_a_named_origin_may_ask_and_send(shop: Running) -> None:
    answer = httpx.options(f"{shop.http_url}/v1/traces", headers=_PREFLIGHT)
    assert (answer.status_code, answer.headers["vary"], _allowed(answer)) == (
        204,
        "Origin",
        {
            "access-control-allow-origin": "https://shop.example",
            "access-control-allow-methods": "POST",
            "access-control-allow-headers": "content-type,x-tenant",
            "access-control-max-age": "7200",
        },
    )
    headers = _PROTOBUF | {"Origin": "https://shop.example", "Authorization": f"Bearer {TOKEN}"}
    sent = httpx.post(f"{shop.http_url}/v1/traces", headers=headers)
    assert (sent.status_code, _allowed(sent)) == (
        200,
        {"access-control-allow-origin": "https://shop.example"},
    )


def test_a_page_may_read_why_it_was_refused(shop: Running) -> None:
    answer = httpx.post(f"{shop.http_url}/v1/traces", headers={"Origin": "https://shop.example"})
    assert (answer.status_code, _allowed(answer)) == (
        401,
        {"access-control-allow-origin": "https://shop.example"},
    )


@pytest.mark.parametrize("origin", ["https://shop.example.evil", "http://shop.example", "null"])
def test_a_page_of_another_origin_may_not(shop: Running, origin: str) -> None:
    answer = httpx.options(f"{shop.http_url}/v1/traces", headers=_PREFLIGHT | {"Origin": origin})
    assert (answer.status_code, _allowed(answer)) == (401, {})


def test_no_page_may_unless_the_operator_says_so(receiver: Running) -> None:
    answer = httpx.options(f"{receiver.http_url}/v1/traces", headers=_PREFLIGHT)
    assert (answer.status_code, _allowed(answer)) == (405, {})


def test_a_star_allows_every_page(tmp_path: Path) -> None:
    with running(tmp_path, settings=ReceiverSettings(origins=("*",))) as receiver:
        answer = httpx.options(f"{receiver.http_url}/v1/traces", headers=_PREFLIGHT)
    assert answer.headers["access-control-allow-origin"] == "*"
