"""Tokens as spans reported them."""

from dataclasses import dataclass

import numpy as np

from otel_llmops.analysis.attributes import Attributes
from otel_llmops.analysis.forest import Ints, Mask
from otel_llmops.semconv import CONCEPTS, EXCLUSIVE_CACHE

__all__ = ["Usage", "usage_of"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as a span reported them; `reported` where it reported any."""

    reported: Mask
    input: Ints
    output: Ints
    cache_read: Ints
    cache_write: Ints
    reasoning: Ints


def usage_of(attributes: Attributes, agent: Mask) -> Usage:
    """What each span reported, in {token}; cached tokens are a part of the input.

    `agent` marks the spans of which a sum in their output is read, where they report nothing else.
    """
    numbers = {
        name: attributes.number(CONCEPTS[f"{name}_tokens"])
        for name in ("input", "output", "cache_read", "cache_write", "reasoning")
    }
    tokens_in, known_in = numbers["input"]
    tokens_out, known_out = numbers["output"]
    silent = agent & ~known_in & ~known_out
    if silent.any():
        for way, tokens, known in (
            ("summed_input", tokens_in, known_in),
            ("summed_output", tokens_out, known_out),
        ):
            summed, there = attributes.number(CONCEPTS[f"{way}_tokens"], where=silent)
            tokens[there], known[there] = summed[there], True
    cached, written = numbers["cache_read"][0], numbers["cache_write"][0]
    # protocols: input includes what was read from and written to a cache, except where a dialect
    # or the numbers themselves (a part larger than the whole) say that it is left out.
    exclusive = np.zeros(len(tokens_in), dtype=bool)
    for name in EXCLUSIVE_CACHE:
        exclusive |= attributes.has(name)
    exclusive |= known_in & (cached + written > tokens_in)
    return Usage(
        reported=known_in | known_out,
        input=np.where(exclusive, tokens_in + cached + written, tokens_in),
        output=tokens_out,
        cache_read=cached,
        cache_write=written,
        reasoning=numbers["reasoning"][0],
    )
