"""What a request's Content-Type says of its encoding, and refusals in that encoding.

Source: OTLP specification, "OTLP/HTTP Response": whatever is answered, an error too, is in the
encoding of the request.
"""

from collections.abc import Mapping

import orjson

from otel_llmops.otlp import Encoding
from otel_llmops.receiver.status import Refusal, status_json, status_message

__all__ = ["CONTENT_TYPES", "encoding_of", "refusal_body"]

_ENCODINGS: Mapping[str, Encoding] = {
    "application/x-protobuf": Encoding.PROTOBUF,
    "application/json": Encoding.JSON,
}
CONTENT_TYPES: Mapping[Encoding, str] = {encoding: name for name, encoding in _ENCODINGS.items()}


def encoding_of(content_type: str) -> Encoding | None:
    """The encoding that a Content-Type names, None where it is none of OTLP's."""
    return _ENCODINGS.get(content_type.partition(";")[0].strip().lower())


def refusal_body(refusal: Refusal, encoding: Encoding) -> bytes:
    """The google.rpc.Status of `refusal` as the body of an answer."""
    if encoding == Encoding.JSON:
        return orjson.dumps(status_json(refusal))
    payload: bytes = status_message(refusal).SerializeToString()
    return payload
