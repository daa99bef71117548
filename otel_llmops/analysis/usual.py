"""What is usual in a session: the lower median of what the same takes others in it."""

import numpy as np
import numpy.typing as npt

from otel_llmops.analysis.forest import Ints

__all__ = ["Floats", "lower_medians", "of_others", "sums"]

Floats = npt.NDArray[np.float64]


def sums(place: Ints, values: npt.NDArray[np.number]) -> Floats:
    """The sum of the values of each place."""
    total: Floats = np.bincount(place, weights=values).astype(np.float64)
    return total


def of_others(heap: Ints, value: Floats) -> Floats:
    """For each value the lower median of the others in its heap, NaN where there are none.

    Cost: O(n log n).
    """
    order = np.lexsort((value, heap))
    sorted_heap = heap[order]
    first = np.searchsorted(sorted_heap, sorted_heap, side="left")
    size = np.searchsorted(sorted_heap, sorted_heap, side="right") - first
    middle = np.maximum(size - 2, 0) // 2
    middle += middle >= np.arange(len(order)) - first
    picked = value[order][np.minimum(first + middle, len(order) - 1)]
    result = np.empty(len(value))
    result[order] = np.where(size > 1, picked, np.nan)
    return result


def lower_medians(heap: Ints, value: Floats) -> dict[int, float]:
    """Heap -> the lower median of its values.

    Cost: O(n log n).
    """
    order = np.lexsort((value, heap))
    key, first, size = np.unique(heap[order], return_index=True, return_counts=True)
    return dict(zip(key.tolist(), value[order][first + (size - 1) // 2].tolist(), strict=True))
