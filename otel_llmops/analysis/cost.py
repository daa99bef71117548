"""What the tokens of each operation cost, in US dollars.

Strategy: rows are grouped by provider and model, and every price is applied to all its rows at
once; there is a loop over distinct models and their prices, none over rows.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from otel_llmops.analysis.columns import codes, whole
from otel_llmops.analysis.forest import Ints, Mask

if TYPE_CHECKING:
    from otel_llmops.analysis.price_list import Period, Rate

__all__ = ["costs"]

_COUNTED = ("input", "output", "cache_read", "cache_write", "reasoning")
_PARTS = {"input": ("cache_read", "cache_write"), "output": ("reasoning",)}
"""What is a part of what: charged at the whole's rate where it has none of its own."""

Usd = npt.NDArray[np.float64]


def costs(operations: pa.Table, asked_for: Callable[[], pa.Array]) -> pa.Array:
    """The price of each operation's own tokens.

    In:     of OPERATIONS provider, model, started_at and the columns of tokens, n rows.
            `asked_for` gives the models that were asked for, n rows of text; it is called where
            the model that answered has no known price.
    Out:    float64 USD, n rows; null where the price is not known, and where no tokens are.
    Edge:   Parts that are more than their whole (a span said so) count as the whole.
    Cost:   O(n), and a look-up for each distinct provider and model.
    Source: genai-prices, as installed: tiers by input tokens, prices by date and time of day.
    """
    tokens = {
        name: np.asarray(operations.column(f"{name}_tokens")).astype(np.int64) for name in _COUNTED
    }
    spent: Mask = (tokens["input"] > 0) | (tokens["output"] > 0)
    usd = np.full(operations.num_rows, np.nan)
    if not spent.any():
        return pa.array(usd, mask=np.isnan(usd))
    started = operations.column("started_at").cast(pa.int64())
    counted = _leaves(tokens) | {"started": np.asarray(started).astype(np.int64)}
    provider = whole(operations.column("provider"))
    _charge(usd, spent, provider, whole(operations.column("model")), counted)
    unknown = spent & np.isnan(usd)
    if unknown.any():
        _charge(usd, unknown, provider, asked_for(), counted)
    return pa.array(usd, mask=np.isnan(usd))


def _leaves(tokens: Mapping[str, Ints]) -> dict[str, Ints]:
    """The counts, with parts that are together no more than their whole."""
    counted = dict(tokens)
    for name, parts in _PARTS.items():
        left = tokens[name]
        for part in parts:
            counted[part] = np.minimum(tokens[part], left)
            left = left - counted[part]
    return counted


def _charge(
    usd: Usd, wanted: Mask, provider: pa.Array, model: pa.Array, counted: Mapping[str, Ints]
) -> None:
    """Fill in `usd` for the rows wanted, as far as the model has a price."""
    from otel_llmops.analysis.price_list import prices  # noqa: PLC0415 - costs 0.15 s

    rows = np.flatnonzero(wanted)
    picked = pa.array(rows)
    seller, sellers = codes(provider.take(picked))
    name, names = codes(model.take(picked))
    pairs, pair = np.unique(seller * len(names) + name, return_inverse=True)
    order = np.argsort(pair, kind="stable")
    bounds = np.searchsorted(pair[order], np.arange(len(pairs) + 1))
    for number, each in enumerate(pairs):
        which, what = divmod(int(each), len(names))
        periods = prices(sellers[which].as_py(), names[what].as_py())
        place = rows[order[bounds[number] : bounds[number + 1]]]
        _charge_periods(usd, place, periods, counted)


def _charge_periods(
    usd: Usd, rows: Ints, periods: "tuple[Period, ...]", counted: Mapping[str, Ints]
) -> None:
    for period in periods:
        active = period.active(counted["started"][rows])
        now = rows[active]
        usd[now] = _price(period.rates, {name: each[now] for name, each in counted.items()})
        rows = rows[~active]


def _price(rates: "Mapping[str, Rate]", counted: Mapping[str, Ints]) -> Usd:
    """What these calls cost: each part at its own rate, the rest at the whole's."""
    tokens = counted["input"]
    total = np.zeros(len(tokens))
    for name, rate in rates.items():
        if name == "requests":
            total += rate.for_input(tokens)
            continue
        apart = [counted[part] for part in _PARTS.get(name, ()) if part in rates]
        total += (counted[name] - sum(apart, np.int64(0))) * rate.for_input(tokens)
    return total
