"""OTLP bytes to Arrow and back; sans-I/O.

check      a request at the door: what is refused, and why
decode     decode_traces, decode_logs: what was accepted, as Arrow
encode     encode_traces: spans back to a request
requests_of  captured files as requests
DECODER    "native" or "reference": who checks and decodes traces here
"""

from otel_llmops.otlp.capture import requests_of
from otel_llmops.otlp.decoder import DECODER, check, decode_traces
from otel_llmops.otlp.encode import as_protobuf, encode_traces, nested
from otel_llmops.otlp.limits import LIMITS, Limits
from otel_llmops.otlp.logs import decode_logs
from otel_llmops.otlp.types import Encoding, Request, Signal, Verdict

__all__ = [
    "DECODER",
    "LIMITS",
    "Encoding",
    "Limits",
    "Request",
    "Signal",
    "Verdict",
    "as_protobuf",
    "check",
    "decode_logs",
    "decode_traces",
    "encode_traces",
    "nested",
    "requests_of",
]
