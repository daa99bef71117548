"""Arrow columns of text as every analysis takes them: in one piece, filled, by number, as JSON."""

import json

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.analysis.forest import Ints, Mask

__all__ = [
    "codes",
    "distinct_lists",
    "filled",
    "json_lists",
    "json_sets",
    "known_or_null",
    "places",
    "whole",
]


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


def known_or_null(values: npt.NDArray[np.float64]) -> pa.Array:
    """Numbers with null where they are NaN."""
    return pa.array(values, mask=np.isnan(values))


def places(asked: pa.Array, known: pa.Array) -> Ints:
    """The first place of each value among those known, -1 where it is none of them."""
    return np.asarray(pc.fill_null(pc.index_in(asked, value_set=known), -1)).astype(np.int64)


def distinct_lists(values: pa.Array, group: Ints, rank: Ints, groups: int) -> pa.ChunkedArray:
    """For each of `groups` groups its distinct values, those of the lowest rank first.

    Not a group_by's `distinct`: its order depends on what else is in the table.
    """
    number, distinct = codes(values)
    order = np.lexsort((number, rank, group))
    _, first = np.unique(group[order] * len(distinct) + number[order], return_index=True)
    kept = order[np.sort(first)]
    offsets = np.searchsorted(group[kept], np.arange(groups + 1)).astype(np.int32)
    items = distinct.take(pa.array(number[kept]))
    return pa.chunked_array([pa.ListArray.from_arrays(pa.array(offsets), items)])


def json_lists(lists: pa.ChunkedArray) -> pa.Array:
    """Lists of text as JSON text; empty texts are left out."""
    one = whole(lists)
    return _as_json(one.flatten(), np.asarray(pc.list_parent_indices(one)), len(one))


def json_sets(lists: pa.ChunkedArray) -> pa.Array:
    """Lists of text as JSON text, each in alphabetical order; empty texts are left out."""
    one = whole(lists)
    flat = pa.table({"owner": pc.list_parent_indices(one), "item": one.flatten()})
    flat = flat.sort_by([("owner", "ascending"), ("item", "ascending")])
    return _as_json(whole(flat.column("item")), np.asarray(flat.column("owner")), len(one))


def _as_json(items: pa.Array, owner: Ints, count: int) -> pa.Array:
    """For each of `count` owners its items, in their order, as JSON."""
    flat = items.dictionary_encode()
    quoted = pa.array(
        [json.dumps(v) if v else None for v in flat.dictionary.to_pylist()], pa.string()
    )
    texts = quoted.take(flat.indices)
    kept = pc.is_valid(texts)
    offsets = np.searchsorted(owner[np.asarray(kept)], np.arange(count + 1)).astype(np.int32)
    joined = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), texts.filter(kept)), ", ")
    return pc.binary_join_element_wise("[", joined, "]", "")
