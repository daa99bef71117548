"""Where in the user's code each span was made, and by which commit of it.

Strategy: names of today's and of earlier conventions become one qualified name. The commit is said
once for a process: on the first span of a trace there, or on its resource; the spans below it in
the same service inherit it.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.analysis.columns import codes, filled, whole
from otel_llmops.analysis.forest import Ints, Mask
from otel_llmops.analysis.readings import Readings
from otel_llmops.semconv import CONCEPTS

__all__ = ["Code", "code_of"]

_LINE_MAX = 2**31 - 1
_REVISION = "vcs.ref.head.revision"


@dataclass(frozen=True, slots=True)
class Code:
    """One row a span; '' and 0 where nothing is said. `known` where a function or a file is."""

    known: Mask
    function: pa.Array
    file: pa.Array
    line: Ints
    revision: pa.Array


def code_of(readings: Readings) -> Code:
    """Read the places.

    In:     Readings, n rows.
    Out:    Code, n rows in the same order.
    Edge:   A function's name that has its namespace already does not get it twice.
    Cost:   O(spans that say where they were made); next to nothing where none does.
    Source: OpenTelemetry `code.*`, stable and deprecated names; `vcs.ref.head.revision`.
    """
    function, file = readings.concept("function"), readings.concept("file")
    known = filled(function) | filled(file)
    line, _ = readings.attributes.number(CONCEPTS["line"])
    return Code(
        known=known,
        function=_qualified(function, readings.concept("namespace")),
        file=file,
        line=np.minimum(line, _LINE_MAX),
        revision=_revisions(readings, known),
    )


def _qualified(function: pa.Array, namespace: pa.Array) -> pa.Array:
    """Functions with their namespace before them, where it is told apart."""
    pair = filled(namespace) & filled(function)
    if not pair.any():
        return function
    both = pc.binary_join_element_wise(
        namespace.filter(pa.array(pair)), function.filter(pa.array(pair)), "\n"
    )
    encoded = both.dictionary_encode()
    names = pa.array([_joined(text) for text in encoded.dictionary.to_pylist()], pa.string())
    return pc.replace_with_mask(function, pa.array(pair), names.take(encoded.indices))


def _joined(text: str) -> str:
    namespace, _, name = text.partition("\n")
    return name if name.startswith(f"{namespace}.") else f"{namespace}.{name}"


def _revisions(readings: Readings, known: Mask) -> pa.Array:
    """The commit of each span: its own, the nearest one above in its service, its resource's."""
    own = readings.concept("revision")
    said = filled(own)
    if not known.any() and not said.any():
        return own
    tree = readings.forest
    if said.any():
        service, _ = codes(whole(readings.spans.column("service")))
        above = np.maximum(tree.parent, 0)
        border = (tree.parent < 0) | (service != service[above])
        own = own.take(pa.array(tree.nearest(said | border)))
    lacking = known & ~filled(own)
    if lacking.any():
        told = readings.attributes.resource(_REVISION, where=lacking)
        own = pc.if_else(pc.equal(own, ""), told, own)
    return own
