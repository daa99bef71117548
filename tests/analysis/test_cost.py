"""Cost: equal to what the price list's own library says, for whatever name the wire has."""

import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import genai_prices
import pyarrow as pa
import pytest
from genai_prices.data import providers
from hypothesis import given
from hypothesis import strategies as st

from otel_llmops.analysis.cost import costs
from otel_llmops.analysis.derive import analyse
from otel_llmops.model.schemas import OPERATIONS
from tests.support.tables import table
from tests.support.tree import spans

_MODELS = [
    (provider.id, model.id)
    for provider in providers
    for model in provider.models
    if provider.find_model(model.id) is not None
]
_AROUND = [limit + step for limit in (32_000, 100_000, 128_000, 200_000) for step in (-1, 0, 1)]
"""Where tiers begin."""

_counts = st.one_of(st.integers(0, 3000), st.sampled_from(_AROUND), st.integers(0, 10_000_000))


@st.composite
def _calls(draw: st.DrawFn) -> dict[str, Any]:
    tokens_in, tokens_out = draw(_counts), draw(_counts)
    read = draw(st.integers(0, tokens_in))
    provider, model = draw(st.sampled_from(_MODELS))
    return {
        "provider": provider,
        "model": model,
        "started_at": draw(st.datetimes(datetime(2023, 1, 1), datetime(2028, 1, 1))),  # noqa: DTZ001
        "input_tokens": tokens_in,
        "output_tokens": tokens_out,
        "cache_read_tokens": read,
        "cache_write_tokens": draw(st.integers(0, tokens_in - read)),
        "reasoning_tokens": draw(st.integers(0, tokens_out)),
    }


def _costs(*rows: Mapping[str, Any], asked_for: str = "") -> list[float | None]:
    made = table(OPERATIONS, *rows)
    found = costs(made, asked_for=lambda: pa.array([asked_for] * len(rows), pa.string()))
    return list(found.to_pylist())


def _library(call: Mapping[str, Any]) -> float | None:
    """What genai-prices asks for a call; None where it sells no tokens, or none were spent."""
    priced = genai_prices.calc_price(
        genai_prices.Usage(
            input_tokens=call["input_tokens"],
            output_tokens=call["output_tokens"],
            cache_read_tokens=call["cache_read_tokens"],
            cache_write_tokens=call["cache_write_tokens"],
            output_reasoning_tokens=call["reasoning_tokens"],
        ),
        call["model"],
        provider_id=call["provider"],
        genai_request_timestamp=call["started_at"].replace(tzinfo=UTC),
    )
    sold_by = [name for name, price in vars(priced.model_price).items() if price is not None]
    by_token = not sold_by or any(name.endswith("_mtok") for name in sold_by)
    spent = call["input_tokens"] or call["output_tokens"]
    return float(priced.total_price) if spent and by_token else None


def _call(provider: str, model: str, **more: Any) -> dict[str, Any]:
    return {"provider": provider, "model": model, "input_tokens": 1000, "output_tokens": 100} | more


@given(st.lists(_calls(), min_size=1, max_size=40))
def test_each_call_costs_what_the_library_says(calls: list[dict[str, Any]]) -> None:
    assert _costs(*calls) == [
        None if usd is None else pytest.approx(usd, rel=1e-12) for usd in map(_library, calls)
    ]


@pytest.mark.parametrize(
    ("provider", "model", "seller", "sold_as"),
    [
        ("openai", "gpt-4o-2024-08-06", "openai", "gpt-4o"),
        ("OpenAI", "GPT-4o", "openai", "gpt-4o"),
        ("openai.chat", "gpt-4o", "openai", "gpt-4o"),
        ("azure.ai.openai", "gpt-4o", "azure", "gpt-4o"),
        ("az.ai.openai", "gpt-4o", "azure", "gpt-4o"),
        ("azure.ai.inference", "gpt-4o", "azure", "gpt-4o"),
        ("aws.bedrock", "us.anthropic.claude-3-5-sonnet-20241022-v2:0", "aws",
         "us.anthropic.claude-3-5-sonnet-20241022-v2:0"),
        ("amazon-bedrock", "amazon.nova-pro-v1:0", "aws", "amazon.nova-pro-v1:0"),
        ("", "us.anthropic.claude-3-haiku-20240307-v1:0", "aws",
         "us.anthropic.claude-3-haiku-20240307-v1:0"),
        ("gcp.gemini", "gemini-2.5-flash", "google", "gemini-2.5-flash"),
        ("gcp.gen_ai", "models/gemini-1.5-flash", "google", "gemini-1.5-flash"),
        ("gcp.vertex_ai", "publishers/google/models/gemini-2.5-pro", "google", "gemini-2.5-pro"),
        ("vertex_ai", "claude-3-5-sonnet@20240620", "google", "claude-3-5-sonnet@20240620"),
        ("google", "gemini-2.5-flash", "google", "gemini-2.5-flash"),
        ("mistral_ai", "mistral-large-latest", "mistral", "mistral-large-latest"),
        ("mistralai", "mistral-large-latest", "mistral", "mistral-large-latest"),
        ("x_ai", "grok-3", "x-ai", "grok-3"),
        ("anthropic", "claude-sonnet-4-5-20250929", "anthropic", "claude-sonnet-4-5"),
        ("openrouter", "openai/gpt-4o", "openrouter", "openai/gpt-4o"),
        ("litellm", "anthropic/claude-3-5-sonnet-20241022", "anthropic", "claude-3-5-sonnet"),
        ("openai", "anthropic/claude-3-5-sonnet-20241022", "anthropic", "claude-3-5-sonnet"),
        ("", "openai/gpt-4o", "openai", "gpt-4o"),
        ("", "openai:gpt-4o", "openai", "gpt-4o"),
        ("", "gpt-4o-mini-2024-07-18", "openai", "gpt-4o-mini"),
        ("langgraph", "gpt-4o-mini-2024-07-18", "openai", "gpt-4o-mini"),
        ("strands-agents", "claude-sonnet-4-5", "anthropic", "claude-sonnet-4-5"),
    ],
)  # fmt: skip
def test_names_on_the_wire_lead_to_who_sells_the_model(
    provider: str, model: str, seller: str, sold_as: str
) -> None:
    price = genai_prices.calc_price(
        genai_prices.Usage(input_tokens=1000, output_tokens=100),
        sold_as,
        provider_id=seller,
        genai_request_timestamp=datetime(2026, 1, 1, tzinfo=UTC),
    )
    assert _costs(_call(provider, model)) == [pytest.approx(float(price.total_price), rel=1e-12)]


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-that-is-still-to-come"),
        ("ollama", "gpt-4o"),
        ("lm_studio", "deepseek-chat"),
        ("openai", ""),
        ("", ""),
        ("openai", "whisper-1"),
        ("openai", "gpt-4o" * 100),
    ],
    ids=["unknown", "own machine", "own machine too", "no model", "nothing", "by hours", "long"],
)
def test_what_has_no_price_by_token_has_no_cost(provider: str, model: str) -> None:
    assert _costs(_call(provider, model)) == [None]


def test_an_operation_without_tokens_has_no_cost() -> None:
    assert _costs(_call("openai", "gpt-4o", input_tokens=0, output_tokens=0)) == [None]


def test_a_model_that_is_free_costs_nothing() -> None:
    assert _costs(_call("openrouter", "deepseek/deepseek-r1:free")) == [0.0]


def test_the_model_that_was_asked_for_stands_in_for_an_answer_that_nobody_sells() -> None:
    rows = [_call("openai", "my-router"), _call("openai", "gpt-4o")]
    assert _costs(*rows, asked_for="gpt-4o-mini") == [pytest.approx(0.00021), pytest.approx(0.0035)]


def test_parts_that_are_more_than_the_whole_count_as_the_whole() -> None:
    more = _call("openai", "gpt-4o", cache_read_tokens=9000, cache_write_tokens=9000)
    whole = _call("openai", "gpt-4o", cache_read_tokens=1000)
    assert _costs(more) == _costs(whole)


SHOP = """
    workflow crew 0-100
      agent planner 1-40
        llm gpt-4o 2-30 in=1000 out=100 cached=400 gen_ai.provider.name=openai
        llm home-grown 31-39 in=500 out=50
      agent writer 45-90
        llm home-grown 46-80 in=7 out=7
"""
_PLANNER = 0.0025 * 0.6 + 0.00125 * 0.4 + 0.001


def test_an_agent_costs_what_is_known_of_it_and_null_where_nothing_is() -> None:
    agents = analyse(spans(SHOP))["agents"]
    found = dict(zip(agents["agent"].to_pylist(), agents["cost_usd"].to_pylist(), strict=True))
    assert found == {"planner": pytest.approx(_PLANNER), "writer": None}


def test_a_session_costs_what_is_known_of_it_and_null_where_nothing_is() -> None:
    alone = "llm home-grown 0-9 in=7 out=7 trace=2"
    found = analyse(pa.concat_tables([spans(SHOP), spans(alone)]))["sessions"]["cost_usd"]
    assert found.to_pylist() == [pytest.approx(_PLANNER), None]


_WATCHED = """
import sys
asked = []
sys.addaudithook(lambda event, given: asked.append(event) if event.startswith("socket.") else None)
from otel_llmops.analysis.derive import analyse
early = "genai_prices" in sys.modules
from tests.support.tree import spans
cost = analyse(spans("llm gpt-4o 0-9 in=1000 out=100"))["sessions"]["cost_usd"].to_pylist()
import threading
reached = [each for each in asked if "connect" in each or "addr" in each]
print(early, cost, threading.active_count(), reached)
"""


def test_prices_are_read_late_and_from_this_machine_alone() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _WATCHED], capture_output=True, text=True, check=True, timeout=30
    )
    assert ran.stdout.strip() == "False [0.0035] 1 []"
