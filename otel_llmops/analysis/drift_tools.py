"""Whether the target was offered other tools than the source."""

import re

import numpy as np

from otel_llmops.analysis.attributes import Attributes
from otel_llmops.analysis.drift_compare import Shares
from otel_llmops.analysis.forest import Ints
from otel_llmops.semconv import OFFERED_TOOLS

__all__ = ["tools_changed"]

_NAME = re.compile(r'"name"\s*:\s*"([^"\\]{1,128})"')
_CHARS_MAX = 65_536
"""Of the definitions of one place."""


def tools_changed(attributes: Attributes, before: Ints, after: Ints) -> Shares:
    """Which share of the tools offered before or after was not offered both times.

    In:   rows of model calls, -1 for none.
    Out:  1 less the Jaccard index of the names, NaN where either call says nothing of tools.
    Cost: O(bytes of the definitions at these rows).
    """
    changed = np.full(len(before), np.nan)
    offered = _offered(attributes, np.unique(np.concatenate([before, after])))
    if not offered:
        return changed
    for number, (old, new) in enumerate(zip(before.tolist(), after.tolist(), strict=True)):
        left, right = offered.get(old), offered.get(new)
        if left and right:
            changed[number] = 1 - len(left & right) / len(left | right)
    return changed


def _offered(attributes: Attributes, rows: Ints) -> dict[int, frozenset[str]]:
    """Row -> names of the tools that its call was offered."""
    found: dict[int, frozenset[str]] = {}
    read: dict[str, frozenset[str]] = {}
    for name in attributes.names():
        if not any(_matches(name, place.attribute) for place in OFFERED_TOOLS):
            continue
        holders, handles = attributes.every(name)
        chosen = np.flatnonzero(np.isin(holders, rows))
        texts = attributes.values(handles[chosen]).to_pylist()
        for row, text in zip(holders[chosen].tolist(), texts, strict=True):
            if text not in read:
                read[text] = frozenset(_NAME.findall(text[:_CHARS_MAX]))
            found[row] = found.get(row, frozenset()) | read[text]
    return found


def _matches(name: str, pattern: str) -> bool:
    if pattern.endswith("*"):
        return name.startswith(pattern.removesuffix("*"))
    return name == pattern
