"""Handoffs as columns: between which activations, of what kind, on what evidence."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from otel_llmops.analysis.forest import Ints, Mask

__all__ = [
    "ATTRIBUTE",
    "CONVERSATION",
    "DELEGATION",
    "EVIDENCE",
    "FAN_OUT",
    "KINDS",
    "LINK",
    "PARENT_CHILD",
    "SEQUENCE",
    "SIBLING",
    "TIME",
    "TOOL",
    "TRANSFER",
    "TRUST",
    "Edges",
    "evidence_text",
    "together",
]

KINDS = ("transfer", "delegation", "sequence", "fan_out")
EVIDENCE = (
    "parent_child",
    "handoff_tool",
    "attribute",
    "sibling_order",
    "span_link",
    "conversation",
    "time",
)
TRANSFER, DELEGATION, SEQUENCE, FAN_OUT = range(4)
PARENT_CHILD, TOOL, ATTRIBUTE, SIBLING, LINK, CONVERSATION, TIME = (1 << bit for bit in range(7))

TRUST = {
    PARENT_CHILD: 0.95,
    TOOL: 0.95,
    ATTRIBUTE: 0.98,
    SIBLING: 0.6,
    CONVERSATION: 0.8,
    TIME: 0.8,
}
"""How far one piece of evidence is to be believed, alone."""


@dataclass(frozen=True, slots=True)
class Edges:
    """One row a handoff: activations `source` and `target`, kind and evidence bits, confidence."""

    source: Ints
    target: Ints
    kind: Ints
    evidence: Ints
    confidence: npt.NDArray[np.float64]

    def select(self, keep: Mask | Ints) -> "Edges":
        """The edges of which `keep` is true, or those with these numbers in this order."""
        return Edges(
            self.source[keep],
            self.target[keep],
            self.kind[keep],
            self.evidence[keep],
            self.confidence[keep],
        )


def together(left: Edges, right: Edges) -> Edges:
    """The edges of both."""
    return Edges(
        np.concatenate([left.source, right.source]),
        np.concatenate([left.target, right.target]),
        np.concatenate([left.kind, right.kind]),
        np.concatenate([left.evidence, right.evidence]),
        np.concatenate([left.confidence, right.confidence]),
    )


def evidence_text(bits: Ints) -> pa.Array:
    """Evidence as JSON lists of EVIDENCE names."""
    distinct, place = np.unique(bits, return_inverse=True)
    texts = [
        "[" + ", ".join(f'"{name}"' for i, name in enumerate(EVIDENCE) if value >> i & 1) + "]"
        for value in distinct.tolist()
    ]
    return pa.array(texts, type=pa.string()).take(pa.array(place))
