"""Pictures as data: D3, Cytoscape, Sankey, treemap, HTML."""

from otel_llmops.views.export import FORMATS, export
from otel_llmops.views.visualizer import TopologyVisualizer

__all__ = ["FORMATS", "TopologyVisualizer", "export"]
