"""OTLP log requests to LOG_EVENTS: only the GenAI events that name their span."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from otel_llmops.errors import DecodeError
from otel_llmops.model.schemas import LOG_EVENTS
from otel_llmops.otlp.attributes import text_of, texts_of
from otel_llmops.otlp.columns import Maps, clamped, times
from otel_llmops.otlp.limits import NO_LIMITS
from otel_llmops.otlp.outline import outline
from otel_llmops.otlp.records import envelopes, parsed
from otel_llmops.otlp.shapes import SHAPES, Message
from otel_llmops.otlp.types import Request, Signal

__all__ = ["decode_logs"]

_SHAPE = SHAPES[Signal.LOGS]
_EVENTS = "gen_ai."


def decode_logs(requests: Sequence[Request]) -> pa.Table:
    """The GenAI events of `requests` that name a trace and a span.

    In:     Bodies that `check` accepted, with the ordinals that it refused.
    Out:    LOG_EVENTS, in the order of `requests` and of the wire within each; of all other log
            records there is no row. `time` is the observed time where the event has none.
    Raises: DecodeError, if a request was never accepted.
    Edge:   The name is `event_name`, or the attribute `event.name` of older senders.
    Cost:   O(bytes).
    """
    plain: dict[str, list[object]] = {name: [] for name in _PLAIN}
    times_ns: list[int] = []
    attributes = Maps()
    for request in requests:
        for service, record in _records(request):
            texts = texts_of(record.attributes)
            name = record.event_name or texts.get("event.name", "")
            if not name.startswith(_EVENTS):
                continue
            if not any(record.trace_id) or not any(record.span_id):
                continue
            row = (
                record.trace_id.hex(),
                record.span_id.hex(),
                name,
                record.severity_number,
                service,
                text_of(record.body),
            )
            for column, value in zip(_PLAIN, row, strict=True):
                plain[column].append(value)
            times_ns.append(clamped(record.time_unix_nano or record.observed_time_unix_nano))
            attributes.append(texts)
    made = {name: pa.array(plain[name], LOG_EVENTS.field(name).type) for name in _PLAIN}
    made |= {"time": times(times_ns), "attributes": attributes.array()}
    return pa.Table.from_arrays([made[name] for name in LOG_EVENTS.names], schema=LOG_EVENTS)


_PLAIN = ("trace_id", "span_id", "event_name", "severity", "service", "body")


def _records(request: Request) -> Iterator[tuple[str, Message]]:
    refused = frozenset(request.rejected)
    ordinal = 0
    groups = outline(
        request.payload, signal=Signal.LOGS, encoding=request.encoding, limits=NO_LIMITS
    )
    for group in groups:
        resource, _ = envelopes(group, _SHAPE, NO_LIMITS)
        service = texts_of(resource.resource.attributes).get("service.name", "")
        for record in parsed(group.records, _SHAPE, NO_LIMITS):
            if ordinal not in refused:
                if isinstance(record, str):
                    raise DecodeError(f"log record {ordinal} was accepted, but is {record}")
                yield service, record
            ordinal += 1
