"""Arrow schemas of what spans add to a topology snapshot: tokens, calls and time on its parts.

Strategy: a snapshot says what there is, a load how much of it was used. Loads are made by laying
the locations of spans onto a snapshot (topology/correlate.py) and are never stored: the spans may
still come, and the snapshot stays. Conventions are those of model.schemas.
"""

import pyarrow as pa

__all__ = ["EDGE_LOADS", "FLOWS", "FUNCTION_LOADS"]

_TEXT = pa.string()
_COUNT = pa.int64()


def _required(*fields: tuple[str, pa.DataType]) -> list[pa.Field]:
    return [pa.field(name, kind, nullable=False) for name, kind in fields]


FUNCTION_LOADS = pa.schema(
    [
        *_required(
            ("function_id", _TEXT),
            ("calls", _COUNT),
            ("llm_calls", _COUNT),
            ("input_tokens", _COUNT),
            ("output_tokens", _COUNT),
            ("cumulative_tokens", _COUNT),
            ("duration_ns", _COUNT),
        ),
        pa.field("cost_usd", pa.float64()),
    ]
)
"""One row a function of the snapshot that spans were laid onto. Tokens are its own (each token
counts in one function), `cumulative_tokens` its own and those of all that it called."""

EDGE_LOADS = pa.schema(
    _required(
        ("caller_function_id", _TEXT),
        ("callee_function_id", _TEXT),
        ("calls", _COUNT),
        ("duration_ns", _COUNT),
        ("tokens", _COUNT),
    )
)
"""One row a (caller, callee) that spans show; tokens and time are of the callee and below."""

FLOWS = pa.schema(
    _required(
        ("agent", _TEXT),
        ("function", _TEXT),
        ("model", _TEXT),
        ("tokens", _COUNT),
        ("calls", _COUNT),
    )
)
"""Tokens on their way: which agent spent them, in which function, on which model."""
