"""Names: without what instrumentations put around them, as they are compared, whose they are."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.analysis.columns import by_distinct, codes
from otel_llmops.analysis.forest import Ints, Mask
from otel_llmops.semconv import AFFIXES, PLUMBING, PLUMBING_PATTERN

__all__ = ["by_session", "cleaned", "first_filled", "plain", "plumbing"]


def cleaned(names: pa.Array) -> tuple[pa.Array, Mask]:
    """Names of spans without what an instrumentation puts around them, and where there was any.

    In:   string array, n rows.
    Out:  string array and mask, n rows.
    """
    indices, distinct = codes(names)
    before = "|".join(_quote(a) for a, b in AFFIXES if a and not b)
    after = "|".join(_quote(b) for a, b in AFFIXES if b and not a)
    clean = pc.replace_substring_regex(distinct, f"^(?:{before})", "")
    clean = pc.replace_substring_regex(clean, f"(?:{after})$", "")
    for left, right in ((a, b) for a, b in AFFIXES if a and b):
        clean = pc.replace_substring_regex(clean, f"^{_quote(left)}(.*){_quote(right)}$", r"\1")
    changed = pc.not_equal(clean, distinct)
    place = pa.array(indices)
    return clean.take(place), np.asarray(changed.take(place))


def plain(names: pa.Array) -> pa.Array:
    """Names as they are compared: lower case, `_`, `-` and blanks alike."""
    return by_distinct(names, _plain)


def _plain(names: pa.Array) -> pa.Array:
    lower = pc.utf8_lower(names)
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(lower, r"[_\-\s]+", " "))


def plumbing(names: pa.Array) -> Mask:
    """Which names are a framework's own, or none: no agent of the user's has them."""
    own: Mask = np.asarray(by_distinct(names, _plumbing))
    return own


def _plumbing(names: pa.Array) -> pa.Array:
    lower = pc.utf8_lower(names)
    known = pc.is_in(lower, value_set=pa.array(sorted(PLUMBING)))
    known = pc.or_(known, pc.equal(pc.utf8_trim_whitespace(lower), ""))
    return pc.or_(known, pc.match_substring_regex(lower, PLUMBING_PATTERN))


def by_session(session: Ints, names: pa.Array) -> pa.Array:
    """Names made distinct by the session they belong to."""
    return pc.binary_join_element_wise(pa.array(session).cast(pa.string()), names, " ")


def first_filled(first: pa.Array, second: pa.Array) -> pa.Array:
    """Values of the first, or of the second where the first are empty."""
    return pc.if_else(pc.equal(first, ""), second, first)


def _quote(text: str) -> str:
    return "".join(f"\\{c}" if c in ".[]()*+?^$|\\" else c for c in text)
