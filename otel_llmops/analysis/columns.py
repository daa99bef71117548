"""Arrow columns of text as every analysis takes them: in one piece, filled, by number, as JSON."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.analysis.forest import Ints, Mask

__all__ = ["codes", "filled", "json_lists", "whole"]


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


def json_lists(lists: pa.ChunkedArray) -> pa.Array:
    """Lists of text as JSON text; empty texts are left out."""
    one = whole(lists)
    flat = one.flatten().dictionary_encode()
    quoted = pa.array(
        [json.dumps(v) if v else None for v in flat.dictionary.to_pylist()], pa.string()
    )
    items = quoted.take(flat.indices)
    owner = pc.list_parent_indices(one)
    kept = pc.is_valid(items)
    items, owner = items.filter(kept), np.asarray(owner.filter(kept))
    offsets = np.searchsorted(owner, np.arange(len(one) + 1)).astype(np.int32)
    joined = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), items), ", ")
    return pc.binary_join_element_wise("[", joined, "]", "")
