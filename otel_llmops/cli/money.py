"""US dollars as a person reads them."""

from collections.abc import Iterable, Sequence

__all__ = ["known_sum", "usd", "usd_column"]

_CENTS = 2
_DECIMALS_MAX = 7
_FINE_ENOUGH = 1.0
"""From here on cents are enough."""


def usd(amount: float | None) -> str:
    """`$12.30`, `$0.0031`; `?` where it is not known."""
    return usd_column([amount])[0]


def usd_column(amounts: Sequence[float | None]) -> list[str]:
    """Amounts with as many decimals each as the least of them needs for two digits that count."""
    decimals = _decimals(amounts)
    return ["?" if amount is None else f"${amount:,.{decimals}f}" for amount in amounts]


def known_sum(amounts: Iterable[float | None]) -> float | None:
    """The sum of what is known, None where nothing is."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if known else None


def _decimals(amounts: Sequence[float | None]) -> int:
    least = min((amount for amount in amounts if amount), default=_FINE_ENOUGH)
    if least >= _FINE_ENOUGH:
        return _CENTS
    enough = (d for d in range(_CENTS, _DECIMALS_MAX) if round(least * 10**d) >= 10)
    return next(enough, _DECIMALS_MAX)
