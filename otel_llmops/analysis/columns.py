"""Arrow columns of text as every analysis takes them: in one piece, filled or not, by number."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.analysis.forest import Ints, Mask

__all__ = ["codes", "filled", "whole"]


def whole(column: pa.ChunkedArray) -> pa.Array:
    """The column in one piece; what is in one piece already is not copied."""
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def filled(texts: pa.Array) -> Mask:
    """Which texts are not empty."""
    mask: Mask = np.asarray(pc.not_equal(texts, ""))
    return mask


def codes(values: pa.Array) -> tuple[Ints, pa.Array]:
    """A number for each distinct value, and the values by number."""
    encoded = values.dictionary_encode()
    return np.asarray(encoded.indices).astype(np.int64), encoded.dictionary
