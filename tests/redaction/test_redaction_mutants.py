"""Requests that are almost right: whatever is let in leaves nothing that a rule knows."""

import json
import random
import sys
import time
from collections.abc import Iterator
from itertools import islice, takewhile
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from otel_llmops.errors import DecodeError
from otel_llmops.otlp import Encoding, Request, Signal, check, decode_traces
from otel_llmops.redaction import Redactor, rules
from otel_llmops.redaction.texts import TextMasking
from tests.otlp.mutants import documents, mutants
from tests.support.otlp import key_values, span, trace_request

SECRET = "sk-proj-" + "aB3x" * 8
RULES = rules(["secrets", "content"])
REDACTOR = Redactor(RULES)
MASKING = TextMasking(RULES.values)
FUZZED_S = 60.0


def seed() -> bytes:
    """Secrets and content in every kind of place."""
    said = {
        "plain": f"x {SECRET}",
        "gen_ai.prompt": "said",
        "list": [SECRET, {"gen_ai.prompt": "said", "k": SECRET}],
        "map": {SECRET: 1},
        "number": 3,
    }
    event = Span.Event(
        name="gen_ai.choice", attributes=key_values({"content": "said", "a": SECRET})
    )
    members = [
        span(SECRET, attributes=said, events=[event], status=Status(message=SECRET),
             span_id=number.to_bytes(8, "big"))
        for number in (1, 2, 3)
    ]  # fmt: skip
    return trace_request(*members, resource=said)


def large(body: bytes) -> bytes:
    """A request that is searched before it is read."""
    return body + trace_request(span(attributes={"pad": "y" * 5000}))


def holds(payload: bytes, encoding: Encoding, rejected: tuple[int, ...]) -> list[str]:
    """What a reader of the journal would find that the rules forbid."""
    table = decode_traces([Request(payload, encoding, rejected)])
    names = [name for name in table.column_names if not name.endswith("_wire")]
    found: list[str] = []
    texts: list[str] = []
    waiting: list[Any] = table.select(names).to_pylist()
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            texts.append(item)
            if item.startswith(("[", "{")):
                waiting.append(json.loads(item) if item[1:2] in {'"', "{", "["} else None)
        elif isinstance(item, dict):
            waiting += [*item.keys(), *item.values()]
            found += [key for key in item if key == "gen_ai.prompt"]
        elif isinstance(item, tuple | list):
            if len(item) == 2 and item[0] == "gen_ai.prompt":
                found.append(item[0])
            waiting += item
    masked, _ = MASKING.masked([text.encode() for text in texts])
    return [*found, *(texts[place] for place in masked)]


def faults(bodies: Iterator[bytes], encoding: Encoding) -> tuple[int, list[str]]:
    """How many of `bodies` were let in, and what was wrong with what came of them."""
    accepted = 0
    wrong: list[str] = []
    for body in bodies:
        try:
            verdict = check(body, signal=Signal.TRACES, encoding=encoding)
        except DecodeError:
            continue
        accepted += 1
        done = REDACTOR.redact(
            body, signal=Signal.TRACES, encoding=encoding, refused=verdict.rejected
        )
        again = check(done.payload, signal=Signal.TRACES, encoding=encoding)
        if again.records != verdict.records or not set(again.rejected) <= set(verdict.rejected):
            wrong.append(f"another verdict: {body!r}")
        wrong += [f"{text}: {body!r}" for text in holds(done.payload, encoding, verdict.rejected)]
    return accepted, wrong


def bodies(encoding: Encoding, rng: random.Random) -> Iterator[bytes]:
    if encoding == Encoding.JSON:
        return documents(large(seed()), rng)
    return mutants([seed(), large(seed())], rng)


@pytest.mark.parametrize("encoding", Encoding)
def test_nothing_is_left_of_almost_right_requests(encoding: Encoding) -> None:
    rng = random.Random(4)  # noqa: S311 - no secret comes of it
    accepted, wrong = faults(islice(bodies(encoding, rng), 150), encoding)
    assert (wrong, accepted > 30) == ([], True)


def until(end: float, endless: Iterator[bytes]) -> Iterator[bytes]:
    return takewhile(lambda _: time.monotonic() < end, endless)


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("encoding", Encoding)
def test_nothing_is_left_of_many_almost_right_requests(encoding: Encoding) -> None:
    rng = random.Random(time.time_ns())  # noqa: S311 - no secret comes of it
    end = time.monotonic() + FUZZED_S
    accepted, wrong = faults(until(end, bodies(encoding, rng)), encoding)
    sys.stdout.write(f"{accepted} requests that were let in\n")
    assert wrong == []
