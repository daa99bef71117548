"""A logarithmic histogram of durations, so that percentiles are sums of counts on every store.

Source: the base-2 exponential histogram of OpenTelemetry (data-model, "ExponentialHistogram"),
with 8 buckets an octave: the middle of a bucket is within 4.5 % of every duration in it.
"""

import numpy as np
import numpy.typing as npt

__all__ = ["bucket", "percentile_ns"]

_BUCKETS_AN_OCTAVE = 8


def bucket(duration_ns: npt.NDArray[np.int64]) -> npt.NDArray[np.int16]:
    """The bucket of each duration; 0 ns and 1 ns share bucket 0."""
    floor = np.maximum(duration_ns, 1).astype(np.float64)
    found: npt.NDArray[np.int16] = np.floor(np.log2(floor) * _BUCKETS_AN_OCTAVE).astype(np.int16)
    return found


def percentile_ns(
    buckets: npt.NDArray[np.int64], counts: npt.NDArray[np.int64], share: float
) -> float | None:
    """The duration below which `share` (0..1) of the counted durations lie, None without counts."""
    order = np.argsort(buckets)
    cumulative = np.cumsum(counts[order])
    if not len(cumulative) or cumulative[-1] <= 0:
        return None
    place = int(np.searchsorted(cumulative, share * cumulative[-1], side="left"))
    middle = buckets[order][min(place, len(cumulative) - 1)] + 0.5
    return float(2 ** (middle / _BUCKETS_AN_OCTAVE))
