"""Redaction in the receiver: before the journal, over real sockets."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from otel_llmops.app.receiver_child import redactor_of
from otel_llmops.config import serve_config
from otel_llmops.errors import ConfigError
from otel_llmops.otlp import Encoding, Request, Signal, decode_traces
from otel_llmops.receiver import ReceiverSettings
from otel_llmops.redaction import Redacted, Redactor, rules
from tests.support.otlp import as_json, span, trace_request
from tests.support.receiving import DEADLINE_S, Running, running

SAID = trace_request(span(attributes={"gen_ai.prompt": "hi", "to": "bob@example.com"}))
KEPT = trace_request(span(attributes={"to": "[redacted:email]"}))


@pytest.fixture
def redacting(tmp_path: Path) -> Iterator[Running]:
    settings = ReceiverSettings(redactor=Redactor(rules(["pii", "content"])))
    with running(tmp_path / "journal", settings=settings) as found:
        yield found


def test_the_journal_never_has_what_the_rules_forbid(redacting: Running, tmp_path: Path) -> None:
    redacting.export(SAID)
    assert redacting.payloads() == [KEPT]
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"bob@example.com" not in written


def test_json_stays_json(redacting: Running) -> None:
    answer = httpx.post(
        f"{redacting.http_url}/v1/traces",
        content=as_json(SAID),
        headers={"content-type": "application/json"},
        timeout=DEADLINE_S,
    )
    assert (answer.status_code, redacting.payloads()) == (200, [as_json(KEPT)])


def test_a_retry_is_known_although_it_was_redacted(redacting: Running) -> None:
    redacting.export(SAID)
    redacting.export(SAID)
    assert (redacting.payloads(), redacting.receiver.stats().duplicates) == (
        [KEPT],
        {Signal.TRACES: 1},
    )


def test_what_was_masked_or_dropped_is_told_by_rule(redacting: Running) -> None:
    redacting.export(SAID)
    page = httpx.get(f"{redacting.http_url}/metrics", timeout=DEADLINE_S).text
    told = [line for line in page.splitlines() if line.startswith("otel_llmops_redacted_values")]
    assert told == [
        'otel_llmops_redacted_values_total{signal="traces",rule="content"} 1',
        'otel_llmops_redacted_values_total{signal="traces",rule="email"} 1',
    ]


def test_a_refused_record_leaves_the_verdict_as_it_was(redacting: Running) -> None:
    bad = span(trace_id=b"short", attributes={"to": "bob@example.com"})
    redacting.export(trace_request(bad, span()))
    record = redacting.journalled()[0]
    request = Request(record.payload, Encoding.PROTOBUF, record.rejected)
    assert (record.rejected, decode_traces([request]).num_rows) == ((0,), 1)
    assert b"bob@example.com" not in record.payload


class Failing(Redactor):
    """A redactor with a bug."""

    def redact(self, payload: bytes, **_given: Any) -> Redacted:
        raise ZeroDivisionError(payload.decode("latin-1"))


def test_what_cannot_be_redacted_is_refused_and_counted(tmp_path: Path) -> None:
    settings = ReceiverSettings(redactor=Failing(rules(["pii"])))
    with running(tmp_path, settings=settings) as receiver:
        error = receiver.refused(SAID)
        assert (error.code(), error.details()) == (
            grpc.StatusCode.INTERNAL,
            "the request could not be redacted, so nothing of it was kept",
        )
        assert receiver.payloads() == []
        assert receiver.receiver.stats().refused == {(Signal.TRACES, "redaction_failed"): 1}


def test_the_log_of_a_failure_quotes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = ReceiverSettings(redactor=Failing(rules(["pii"])))
    with running(tmp_path, settings=settings) as receiver:
        receiver.refused(SAID)
    assert "bob@example.com" not in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_serve_reads_presets_and_a_file(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text("[[rule]]\nname = 'to'\nkeys = ['to']\naction = 'drop'\n")
    config = serve_config({"data": tmp_path, "redact": "secrets, pii", "redact_file": str(file)})
    redactor = redactor_of(serve_config(config.as_mapping()))
    assert redactor is not None
    done = redactor.redact(SAID, signal=Signal.TRACES, encoding=Encoding.PROTOBUF)
    assert done.payload == trace_request(span(attributes={"gen_ai.prompt": "hi"}))


def test_serve_redacts_nothing_unless_told(tmp_path: Path) -> None:
    assert redactor_of(serve_config({"data": tmp_path})) is None


@pytest.mark.parametrize(
    ("settings", "problem"),
    [({"redact": "secret"}, "redact: 'secret' is no preset"),
     ({"redact_file": "missing.toml"}, r".*missing\.toml cannot be read: .*No such file")],
    ids=["preset", "file"],
)  # fmt: skip
def test_serve_does_not_start_with_rules_that_cannot_be(
    tmp_path: Path, settings: dict[str, str], problem: str
) -> None:
    with pytest.raises(ConfigError, match=f"^{problem}"):
        redactor_of(serve_config({"data": tmp_path} | settings))
