"""What a span is, in one vocabulary, as its attributes and its name say it."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.analysis.attributes import Attributes
from otel_llmops.analysis.columns import codes, filled
from otel_llmops.analysis.forest import Ints
from otel_llmops.semconv import (
    CONCEPTS,
    KIND_AFFIXES,
    KIND_MARKS,
    NAME_MARKS,
    OUTRANKING_MARKS,
    Dialect,
    Kind,
    Place,
)

__all__ = ["CODE", "KINDS", "kinds_of"]

KINDS = tuple(Kind)
CODE = {kind: code for code, kind in enumerate(KINDS)}
"""Kinds by number, and their numbers."""


def kinds_of(attributes: Attributes, names: pa.Array, scopes: pa.Array) -> tuple[Ints, pa.Array]:
    """The number of each span's kind, and the dialect that told it ('': none).

    In:   attributes, names and scopes of n spans.
    Out:  numbers into KINDS and string array, n rows.
    Source: semconv.KIND_MARKS and what wins over them.
    """
    kind = np.full(len(names), CODE[Kind.OTHER], dtype=np.int64)
    dialect = np.full(len(names), str(Dialect.NONE), dtype=object)
    known = np.zeros(len(names), dtype=bool)
    for name, whose, values in KIND_MARKS:
        found, distinct = codes(attributes.text((Place(name),)))
        lookup = np.array([CODE.get(values.get(v, Kind.OTHER), -1) for v in distinct.to_pylist()])
        said = lookup[found] if len(lookup) else found
        fresh = ~known & (said != CODE[Kind.OTHER])
        kind[fresh] = said[fresh]
        dialect[fresh] = str(whose)
        known |= fresh
    for name, value, outranking, beside in OUTRANKING_MARKS:
        said_so = np.asarray(pc.equal(attributes.text((Place(name),)), value))
        kind[said_so & attributes.has(beside) if beside else said_so] = CODE[outranking]
    nameless = (kind == CODE[Kind.AGENT]) & ~filled(attributes.text(CONCEPTS["agent"]))
    for ending, outranking in KIND_AFFIXES.items():
        kind[nameless & np.asarray(pc.ends_with(names, ending))] = CODE[outranking]
    tells = filled(attributes.text(CONCEPTS["message_id"]))
    kind[tells & (kind == CODE[Kind.OTHER])] = CODE[Kind.MESSAGE]
    for scope, name, outranking in NAME_MARKS:
        called = pc.and_(pc.equal(names, name), pc.equal(scopes, scope))
        kind[np.asarray(called)] = CODE[outranking]
    return kind, pa.array(dialect, type=pa.string())
