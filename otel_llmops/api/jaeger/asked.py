"""What Jaeger's HTTP API is asked: parameters of both versions, as a SpanSearch.

Source: Jaeger's query service: times in µs or RFC 3339, durations as Go writes them (`1.5s`,
`2h45m`), tags as JSON or `key:value`.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.datastructures import QueryParams

from otel_llmops.api.parameters import time
from otel_llmops.errors import QueryError
from otel_llmops.storage.search import SpanSearch

__all__ = ["Asked", "asked_v1", "asked_v3", "moment_us", "number"]

Asked = tuple[SpanSearch, int]
"""What is searched for, and how many traces at the most."""

_LIMIT_DEFAULT = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS_NS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_TEXT_MAX = 2**53


def asked_v1(given: QueryParams) -> Asked:
    """Of /api/traces. Raises: QueryError, which names the parameter."""
    tags = dict(_pair(each) for each in given.getlist("tag"))
    tags |= _tags("tags", given.get("tags"))
    search = SpanSearch(
        service=given.get("service", ""),
        operation=given.get("operation", ""),
        attributes=tags,
        since=moment_us(given, "start"),
        until=moment_us(given, "end"),
        duration_ns_min=_duration("minDuration", given.get("minDuration")),
        duration_ns_max=_duration("maxDuration", given.get("maxDuration")),
    )
    return search, number(given, "limit", _LIMIT_DEFAULT) or _LIMIT_DEFAULT


def asked_v3(given: QueryParams) -> Asked:
    """Of /api/v3/traces and trace-summaries, in either spelling of the names."""
    found = {_camel(name): value for name, value in given.items()}

    def moment(name: str) -> datetime:
        if not found.get(name):
            raise QueryError(f"malformed parameter {name}: it is needed")
        return time(found[name])

    tags = _tags("query.attributes", found.get("query.attributes"))
    search = SpanSearch(
        service=found.get("query.serviceName", ""),
        operation=found.get("query.operationName", ""),
        attributes=tags,
        since=moment("query.startTimeMin"),
        until=moment("query.startTimeMax"),
        duration_ns_min=_duration("query.durationMin", found.get("query.durationMin")),
        duration_ns_max=_duration("query.durationMax", found.get("query.durationMax")),
    )
    depth = found.get("query.searchDepth", found.get("query.numTraces", ""))
    return search, _whole("query.searchDepth", depth, _LIMIT_DEFAULT) or _LIMIT_DEFAULT


def moment_us(given: QueryParams, name: str) -> datetime | None:
    """A moment in µs since 1970. Raises: QueryError, if it is no number."""
    text = given.get(name)
    if not text:
        return None
    return _EPOCH + timedelta(microseconds=_whole(name, text, 0))


def number(given: QueryParams, name: str, default: int) -> int:
    """A whole number. Raises: QueryError, if it is none."""
    return _whole(name, given.get(name, ""), default)


def _whole(name: str, text: str, default: int) -> int:
    if not text:
        return default
    if not re.fullmatch(r"\d{1,17}", text, re.ASCII) or int(text) > _TEXT_MAX:
        raise QueryError(f"malformed parameter {name}: {text[:40]!r} is no number")
    return int(text)


def _duration(name: str, text: str | None) -> int | None:
    """A duration of Go in ns."""
    if not text:
        return None
    parts = _PART.findall(text)
    total = sum(float(value) * _UNITS_NS[unit] for value, unit in parts)
    if "".join(value + unit for value, unit in parts) != text or total >= 2**63:
        raise QueryError(f"malformed parameter {name}: {text[:40]!r} is no duration, as 1.5s is")
    return round(total)


def _tags(name: str, text: str | None) -> Mapping[str, str]:
    if not text:
        return {}
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise QueryError(f"malformed parameter {name}: it is no JSON") from error
    if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
        raise QueryError(f"malformed parameter {name}: it is no JSON object of texts")
    return found


def _pair(tag: str) -> tuple[str, str]:
    key, mark, value = tag.partition(":")
    if not mark:
        raise QueryError(f"malformed parameter tag: {tag[:40]!r} is not key:value")
    return key, value


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(each.capitalize() for each in rest)
