"""What callers may ask for: times, limits, shares, read the same way by GraphQL and REST."""

from collections.abc import Iterable
from datetime import UTC, datetime

from otel_llmops.errors import QueryError
from otel_llmops.storage.calls import CHAIN_DEPTH_MAX
from otel_llmops.storage.queries import LIMIT_DEFAULT, LIMIT_MAX
from otel_llmops.storage.usage import BUCKETS_MAX

__all__ = [
    "DEPTH_DEFAULT",
    "OFFSET_MAX",
    "bucket_count",
    "chain_depth",
    "page",
    "share",
    "time",
    "word",
]

OFFSET_MAX = 2**31 - 1
DEPTH_DEFAULT = 5


def page(
    limit: int | None, offset: int | None, *, otherwise: int = LIMIT_DEFAULT
) -> tuple[int, int]:
    """The rows asked for, as (limit, offset); `otherwise` many where nothing is said.

    Raises: QueryError, if there are too many of them or none.
    """
    rows = otherwise if limit is None else limit
    if not 1 <= rows <= LIMIT_MAX:
        raise QueryError(
            f"limit is {rows}", hint=f"ask for 1 to {LIMIT_MAX} rows, and use offset for more"
        )
    skipped = 0 if offset is None else offset
    if not 0 <= skipped <= OFFSET_MAX:
        raise QueryError(f"offset is {skipped}", hint=f"give 0 to {OFFSET_MAX}")
    return rows, skipped


def chain_depth(depth: int | None) -> int:
    """How far a call chain is followed; 5 calls where nothing is said.

    Raises: QueryError, if it is not from 1 to CHAIN_DEPTH_MAX.
    """
    found = DEPTH_DEFAULT if depth is None else depth
    if not 1 <= found <= CHAIN_DEPTH_MAX:
        raise QueryError(f"depth is {found}", hint=f"give 1 to {CHAIN_DEPTH_MAX}")
    return found


def bucket_count(buckets: int) -> int:
    """How many steps of time.

    Raises: QueryError, if there are too many of them or none.
    """
    if not 1 <= buckets <= BUCKETS_MAX:
        raise QueryError(f"buckets is {buckets}", hint=f"ask for 1 to {BUCKETS_MAX}")
    return buckets


def share(value: float | None, *, name: str) -> float | None:
    """A number from 0 to 1, or none.

    Raises: QueryError, if it is outside (NaN is).
    """
    if value is not None and not 0 <= value <= 1:
        raise QueryError(f"{name} is {value}", hint="give a number from 0 to 1")
    return value


def time(text: str) -> datetime:
    """An RFC 3339 time in UTC; without an offset it is taken for UTC.

    Raises: QueryError, if it is not a time.
    """
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise QueryError(
            f"{text!r} is not a time", hint="write it as 2026-11-22T19:30:00Z"
        ) from error


def word(text: str | None, known: Iterable[str], *, name: str) -> str | None:
    """One of the known words, in lower case, or none.

    Raises: QueryError, if it is another one.
    """
    if text is not None and text.lower() not in known:
        raise QueryError(f"{name} is {text!r}", hint=f"give one of {', '.join(known)}")
    return None if text is None else text.lower()
