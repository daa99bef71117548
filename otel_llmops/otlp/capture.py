"""Captured OTLP as requests: raw bodies, and what the Collector's file exporter writes.

Source: opentelemetry-collector-contrib, exporter/fileexporter: one TracesData JSON object a line.
"""

import orjson

from otel_llmops.errors import DecodeError
from otel_llmops.otlp.decoder import check
from otel_llmops.otlp.types import Encoding, Request, Signal

__all__ = ["requests_of"]


def requests_of(data: bytes, name: str, *, signal: Signal = Signal.TRACES) -> list[Request]:
    """The requests in a file called `name`, checked, with the ordinals that are refused.

    In:     `.binpb`: one protobuf request body. `.json` or `.jsonl`: JSON documents, either one
            for the whole file or one a line; blank lines do not count.
    Raises: DecodeError, if the name ends otherwise or the content is not OTLP; it names the line.
    Edge:   Documents of another signal hold no records of this one, and give an empty request.
    """
    if name.endswith(".binpb"):
        return [_request(data, signal, Encoding.PROTOBUF, name)]
    if not name.endswith((".json", ".jsonl")):
        raise DecodeError(
            f"{name} is no capture that can be read", hint="expected .binpb, .json or .jsonl"
        )
    if _is_one_document(data):
        return [_request(data, signal, Encoding.JSON, name)]
    return [
        _request(line, signal, Encoding.JSON, f"{name}, line {number}")
        for number, line in enumerate(data.splitlines(), 1)
        if line.strip()
    ]


def _is_one_document(data: bytes) -> bool:
    # a file of lines ends a document at its first line break, so a valid first line settles it
    first = data.lstrip().partition(b"\n")[0]
    return not _is_json(first) and _is_json(data)


def _is_json(data: bytes) -> bool:
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError:
        return False
    return True


def _request(payload: bytes, signal: Signal, encoding: Encoding, place: str) -> Request:
    try:
        verdict = check(payload, signal=signal, encoding=encoding)
    except DecodeError as error:
        raise DecodeError(f"{place}: {error.message}", hint=error.hint) from error
    return Request(payload, encoding, verdict.rejected)
