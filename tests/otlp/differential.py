"""Holds the native decoder to the reference, on requests that are almost right.

    python -m tests.otlp.differential [--count 1000000] [--seed 1] [--extension _native.so]

`--extension` takes a build of its own, such as one with a sanitizer.
"""

import argparse
import importlib.util
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from itertools import islice
from types import ModuleType

import pyarrow as pa

from otel_llmops.errors import DecodeError
from otel_llmops.otlp.check import check as reference_check
from otel_llmops.otlp.limits import LIMITS, Limits
from otel_llmops.otlp.spans import decode_traces as reference_decode
from otel_llmops.otlp.types import Encoding, Request, Signal, Verdict
from tests.otlp.mutants import documents, mutants, rich_request, small_requests

_NAME = "otel_llmops.otlp._native"

NARROW = [
    Limits(records=2),
    Limits(attributes=3),
    Limits(events=1, links=1),
    Limits(record_fields=20),
    Limits(record_fields=60),
    Limits(request_attributes=5),
    Limits(spread_bytes=200),
    Limits(request_bytes=1000),
]


def difference(
    native: ModuleType, payload: bytes, encoding: Encoding, limits: Limits = LIMITS
) -> str:
    """In what the decoders differ on `payload`; empty if in nothing."""
    own = native.check if encoding == Encoding.PROTOBUF else native.check_json
    expected = _outcome(
        lambda: reference_check(payload, signal=Signal.TRACES, encoding=encoding, limits=limits)
    )
    found = _outcome(lambda: own(payload, limits=limits))
    if found != expected:
        return f"check: {found}, not {expected}"
    rejected = expected.rejected if isinstance(expected, Verdict) else ()
    request = Request(payload, encoding, rejected)
    return _decode_difference(native, [request])


def _decode_difference(native: ModuleType, requests: list[Request]) -> str:
    expected = _outcome(lambda: reference_decode(requests))
    found = _outcome(lambda: native.decode_traces(requests))
    if isinstance(found, pa.Table) and isinstance(expected, pa.Table):
        found.validate(full=True)
        return "" if found.equals(expected) else f"decode: {found}, not {expected}"
    return "" if found == expected else f"decode: {found}, not {expected}"


def _outcome(work: Callable[[], object]) -> object:
    try:
        return work()
    except DecodeError as error:
        return error.message, error.hint


def fuzz(native: ModuleType, count: int, seed: int) -> Counter[str]:
    """Compare on `count` mutants; how many were accepted whole, in part, or not at all."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    seeds = small_requests()
    ends: Counter[str] = Counter()
    for payload in islice(mutants(seeds, rng), count):
        limits = rng.choice(NARROW) if rng.random() < 0.1 else LIMITS
        found = difference(native, payload, Encoding.PROTOBUF, limits)
        assert not found, f"{found}\n{limits}\n{payload.hex()}"
        ends[_end(payload)] += 1
    return ends


def fuzz_json(native: ModuleType, count: int, seed: int) -> None:
    """Compare on `count` JSON requests that are almost right."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    for payload in islice(documents(rich_request(), rng), count):
        found = difference(native, payload, Encoding.JSON)
        assert not found, f"{found}\n{payload!r}"


def _end(payload: bytes) -> str:
    try:
        verdict = reference_check(payload, signal=Signal.TRACES, encoding=Encoding.PROTOBUF)
    except DecodeError:
        return "refused"
    return "accepted in part" if verdict.rejected else "accepted"


def _take(path: str) -> None:
    spec = importlib.util.spec_from_file_location(_NAME, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[_NAME] = module
    spec.loader.exec_module(module)


def main() -> None:
    """Run as a program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--extension", help="a built extension to use")
    arguments = parser.parse_args()
    if arguments.extension:
        _take(arguments.extension)
    native = importlib.import_module("otel_llmops.otlp.native")
    start = time.monotonic()
    ends = fuzz(native, arguments.count, arguments.seed)
    fuzz_json(native, arguments.count // 20, arguments.seed)
    text = ", ".join(f"{count:,} {end}" for end, count in sorted(ends.items()))
    seconds = time.monotonic() - start
    print(f"{arguments.count:,} mutants, no difference: {text} ({seconds:.0f} s)")  # noqa: T201


if __name__ == "__main__":
    main()
