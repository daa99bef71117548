"""TopologyVisualizer: the plan's face of the views."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from otel_llmops.views.export import export

__all__ = ["TopologyVisualizer"]


class TopologyVisualizer:
    """A snapshot, and what spans add to it, in every format (see views.export)."""

    def __init__(
        self,
        tables: Mapping[str, pa.Table],
        *,
        loads: pa.Table | None = None,
        flows: pa.Table | None = None,
    ) -> None:
        self._given = (tables, loads, flows)

    def export_d3_force_graph(self) -> dict[str, Any]:
        """Modules and imports for D3's force simulation."""
        return self._export("d3")

    def export_cytoscape(self) -> dict[str, Any]:
        """Modules and imports for Cytoscape.js."""
        return self._export("cytoscape")

    def export_sankey(self) -> dict[str, Any]:
        """Tokens from agents through functions to models."""
        return self._export("sankey")

    def export_treemap(self) -> dict[str, Any]:
        """Packages, modules and functions by tokens."""
        return self._export("treemap")

    def _export(self, name: str) -> dict[str, Any]:
        tables, loads, flows = self._given
        made: dict[str, Any] = export(name, tables, loads=loads, flows=flows)
        return made
