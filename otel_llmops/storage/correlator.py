"""TokenTopologyCorrelator: the plan's face of the queries that join tokens and code."""

from collections.abc import Sequence
from dataclasses import dataclass

from otel_llmops.storage.seams import Store
from otel_llmops.storage.topology import TopologyQueries
from otel_llmops.storage.topology_answers import ComponentUsage, FunctionUsage

__all__ = ["HotspotAnalysis", "TokenTopologyCorrelator"]

_COMPONENTS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class HotspotAnalysis:
    """Components by tokens, most first, and those that something can be done about."""

    functions: Sequence[ComponentUsage]
    modules: Sequence[ComponentUsage]
    calls: Sequence[ComponentUsage]
    opportunities: Sequence[ComponentUsage]


class TokenTopologyCorrelator:
    """Which code burns the tokens. Spans bring the numbers: there is nothing to update by hand."""

    def __init__(self, store: Store) -> None:
        self._queries = TopologyQueries(store)

    async def get_high_token_components(self, limit: int = 10) -> list[FunctionUsage]:
        """Functions by own tokens, most first."""
        return await self._queries.functions_by_tokens(limit=limit)

    async def analyze_token_hotspots(self) -> HotspotAnalysis:
        """The most expensive functions, modules and calls, and what stands out in them."""
        found = await self._queries.hotspots(limit=_COMPONENTS_MAX)
        kinds = {
            kind: [each for each in found if each.kind == kind]
            for kind in ("function", "module", "call")
        }
        return HotspotAnalysis(
            functions=kinds["function"],
            modules=kinds["module"],
            calls=kinds["call"],
            opportunities=[each for each in found if each.findings],
        )
