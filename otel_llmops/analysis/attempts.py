"""Calls that failed and were made again, and those that failed because there were too many."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.analysis.columns import whole
from otel_llmops.analysis.forest import Ints, Mask
from otel_llmops.analysis.readings import Readings
from otel_llmops.semconv import RATE_LIMITED

__all__ = ["Attempts", "attempts"]


@dataclass(frozen=True, slots=True)
class Attempts:
    """One row a span: the call that tried `again` (-1: none did), and whether it was `limited`."""

    again: Ints
    limited: Mask


def attempts(readings: Readings, failure: Mask, call: Ints) -> Attempts:
    """Find what was tried again.

    In:   Readings, n rows; which failed on their own account; a number for each that is a call, the
          same for calls of one agent that call the same, -1 for what is no call.
    Out:  Attempts, n rows. A call is tried again by the next one of its number that begins after it
          has ended, below the same parent.
    Cost: O(n), and O(k log k) for the k calls that are the same as one that failed.
    """
    again = np.full(len(call), -1, dtype=np.int64)
    limited = np.zeros(len(call), dtype=bool)
    failed = np.flatnonzero(failure & (call >= 0))
    if not len(failed):
        return Attempts(again, limited)
    # below which parent a call is made, and what it calls, as one number
    place = (readings.forest.parent + 1) * (int(call.max()) + 1) + call
    rows = np.flatnonzero((call >= 0) & np.isin(place, np.unique(place[failed])))
    rows = rows[np.lexsort((rows, readings.start[rows], place[rows]))]
    first, second = rows[:-1], rows[1:]
    retried = (
        failure[first]
        & (place[first] == place[second])
        & (readings.end[first] <= readings.start[second])
    )
    again[first[retried]] = second[retried]
    limited[failed[_says_so(readings, failed)]] = True
    return Attempts(again, limited)


def _says_so(readings: Readings, rows: Ints) -> Mask:
    """Which of these spans say that there were too many calls."""
    found = np.zeros(len(rows), dtype=bool)
    place = pa.array(rows)
    for texts in (
        readings.error_type,
        whole(readings.spans.column("status_message")),
        readings.concept("error_message"),
        readings.concept("http_status"),
    ):
        found |= np.asarray(pc.match_substring_regex(texts.take(place), RATE_LIMITED))
    return found
