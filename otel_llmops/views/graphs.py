"""Modules and their imports as a graph: for D3's force simulation and for Cytoscape.js."""

from typing import Any

from otel_llmops.views.modules import Import, Module, Picture

__all__ = ["cytoscape", "d3"]


def d3(picture: Picture) -> dict[str, Any]:
    """Nodes and edges; each edge says its ends as `from` and `to`, and as D3 names them."""
    return {
        "nodes": [{"id": module.name, **_facts(module)} for module in picture.modules],
        "edges": [
            {
                "from": each.importer,
                "to": each.imported,
                "source": each.importer,
                "target": each.imported,
                **_import_facts(each),
            }
            for each in picture.imports
        ],
    }


def cytoscape(picture: Picture) -> dict[str, Any]:
    """The argument of `cytoscape(...)`; ids are unique over nodes and edges."""
    number = {module.name: f"m{place}" for place, module in enumerate(picture.modules)}
    return {
        "elements": {
            "nodes": [
                {"data": {"id": number[module.name], "label": module.name, **_facts(module)}}
                for module in picture.modules
            ],
            "edges": [
                {
                    "data": {
                        "id": f"e{place}",
                        "source": number[each.importer],
                        "target": number[each.imported],
                        "from": each.importer,
                        "to": each.imported,
                        **_import_facts(each),
                    }
                }
                for place, each in enumerate(picture.imports)
            ],
        }
    }


def _facts(module: Module) -> dict[str, Any]:
    return {
        "type": "module",
        "file": module.file,
        "lines": module.lines,
        "functions": len(module.functions),
        "complexity": module.complexity,
        "afferent_coupling": module.afferent,
        "efferent_coupling": module.efferent,
        "instability": module.instability,
        "cohesion": module.cohesion,
        "tokens": module.tokens,
        "calls": module.calls,
    }


def _import_facts(each: Import) -> dict[str, Any]:
    return {"types": list(each.types), "circular": each.is_circular}
