"""Who sells a model, and at which price: the list of the package genai-prices, as it is installed.

Strategy: what a span calls a provider and a model is told apart by a few general rules, which are
data here; the list's own matching does the rest. A price is then plain numbers, ready for arrays.
Nothing is ever fetched: the list's own updater is not started, and a snapshot that somebody else
in the process set is not looked at. Importing this takes some 0.15 s, so it is imported late.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from genai_prices.data import providers
from genai_prices.types import (
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
)

from otel_llmops.analysis.forest import Ints, Mask

__all__ = ["Period", "Rate", "prices"]

_DAY_NS = 86_400_000_000_000

_PROVIDERS = {provider.id: provider for provider in providers}

_ALSO_CALLED = {
    "azai": "azure",
    "amazon": "aws",
    "bedrock": "aws",
    "gcp": "google",
    "gemini": "google",
    "vertex": "google",
    "moonshot": "moonshotai",
    "voyage": "voyageai",
    "zhipu": "zhipuai",
}
"""How names of providers begin, in letters and digits alone -> the list's id, beside its own ids:
`gen_ai.provider.name` and `gen_ai.system` of OpenTelemetry, `llm.provider` of OpenInference,
names of OpenLLMetry, litellm and Vercel AI."""

_BEGINNINGS = sorted(
    [*_ALSO_CALLED.items(), *((re.sub(r"[^a-z0-9]", "", name), name) for name in _PROVIDERS)],
    key=lambda item: (-len(item[0]), item),
)

_SELL_NOTHING = ("ollama", "vllm", "lmstudio", "llamacpp", "llamafile", "localai", "transformers")
"""How names begin of what runs a model on one's own machine: what the model costs elsewhere is not
what it costs there."""

_BEDROCK = re.compile(r"(?:^|[./])(?:ai21|amazon|anthropic|cohere|deepseek|meta|mistral)\.[a-z]")
"""Amazon names models by their maker and a dot: us.anthropic.claude-..."""

_MODEL_LETTERS_MAX = 256
"""Longer is no model's name, and each is matched against the whole list."""

_UNITS = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "reasoning": "output_reasoning_mtok",
    "requests": "requests_kcount",
}
"""What is counted -> the list's name for its price."""

_PER = {"requests": 1_000}
_TOKENS_PER = 1_000_000


@dataclass(frozen=True, slots=True)
class Rate:
    """US dollars for one: `usd[i]` where more than i of `above` are less than the input tokens."""

    above: Ints
    usd: npt.NDArray[np.float64]

    def for_input(self, tokens: Ints) -> npt.NDArray[np.float64]:
        """The rate for calls of so many input tokens each: the tier that they are in."""
        return self.usd[np.searchsorted(self.above, tokens, side="left")]


@dataclass(frozen=True, slots=True)
class Period:
    """Rates by input, output, cache_read, cache_write, reasoning and requests, and when."""

    rates: Mapping[str, Rate]
    constraint: StartDateConstraint | TimeOfDateConstraint | None

    def active(self, started_ns: Ints) -> Mask:
        """Which moments, ns since 1970, are in it."""
        constraint = self.constraint
        if constraint is None:
            return np.ones(len(started_ns), dtype=bool)
        if isinstance(constraint, StartDateConstraint):
            return np.asarray(started_ns >= _midnight_ns(constraint.start_date))
        first, last = (_of_day_ns(each) for each in (constraint.start_time, constraint.end_time))
        moment = started_ns % _DAY_NS
        if last < first:
            return np.asarray((moment >= first) | (moment < last))
        return np.asarray((moment >= first) & (moment < last))


@lru_cache(maxsize=4096)
def prices(provider: str, model: str) -> tuple[Period, ...]:
    """The prices of a model as spans name it; the first one that is active counts, and one is.

    Empty where the model is unknown, and where it is sold by something else than tokens (hours,
    pages).
    Cost: 10 to 500 us for a name that was not asked for before.
    """
    found = _model(provider, model)
    if found is None:
        return ()
    listed = found.prices
    if isinstance(listed, ModelPrice):
        listed = [ConditionalPrice(prices=listed)]
    periods = [Period(_rates(each.prices), each.constraint) for each in listed]
    sold_otherwise = any(
        _is_priced(each.prices) and not period.rates
        for each, period in zip(listed, periods, strict=True)
    )
    if sold_otherwise:
        return ()
    # in the list the last one that is active counts, and where none is, the first of all
    return (*reversed(periods), Period(periods[0].rates, None))


def _model(provider: str, model: str) -> ModelInfo | None:
    if not model or len(model) > _MODEL_LETTERS_MAX:
        return None
    for seller, name in _readings(provider, model):
        found = seller.find_model(name, all_providers=providers) if seller else None
        if found is not None:
            return found
    return None


def _readings(provider: str, model: str) -> Iterator[tuple[Provider | None, str]]:
    """Who may sell it and under which name, the surest first."""
    seller = _seller(provider)
    yield seller, model
    if _squashed(provider).startswith(_SELL_NOTHING):
        return
    before, _, after = model.replace(":", "/", 1).partition("/")
    if after:
        yield _seller(before), model[len(before) + 1 :]
    if _BEDROCK.search(model.lower()):
        yield _PROVIDERS.get("aws"), model
    yield _maker(model), model
    last = model.rpartition("/")[2]
    if last != model:
        yield seller or _maker(last), last


def _seller(provider: str) -> Provider | None:
    """The provider of that name."""
    name = _squashed(provider)
    found = next((known for start, known in _BEGINNINGS if name.startswith(start)), None)
    return _PROVIDERS.get(found) if found else None


def _maker(model: str) -> Provider | None:
    """The provider whose own models have such names."""
    name = model.lower()
    return next(
        (each for each in providers if each.model_match and each.model_match.is_match(name)), None
    )


def _squashed(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _rates(price: ModelPrice) -> dict[str, Rate]:
    found = {unit: getattr(price, key) for unit, key in _UNITS.items()}
    return {
        unit: _rate(value, _PER.get(unit, _TOKENS_PER))
        for unit, value in found.items()
        if value is not None
    }


def _rate(value: Decimal | TieredPrices, per: int) -> Rate:
    tiers = value.tiers if isinstance(value, TieredPrices) else []
    base = value.base if isinstance(value, TieredPrices) else value
    return Rate(
        np.array([tier.start for tier in tiers], dtype=np.int64),
        np.array([float(each / per) for each in (base, *(tier.price for tier in tiers))]),
    )


def _is_priced(price: ModelPrice) -> bool:
    """Whether it costs anything; a free model has no prices at all."""
    return any(value is not None for value in vars(price).values())


def _midnight_ns(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp()) * 1_000_000_000


def _of_day_ns(moment: time) -> int:
    if moment.tzinfo is not None:
        moment = datetime.combine(date(1970, 1, 1), moment).astimezone(UTC).time()
    seconds = (moment.hour * 60 + moment.minute) * 60 + moment.second
    return seconds * 1_000_000_000 + moment.microsecond * 1_000
