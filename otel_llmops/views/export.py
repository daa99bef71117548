"""One entry for every format in which a topology snapshot is shown."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from otel_llmops.errors import QueryError
from otel_llmops.views.graphs import cytoscape, d3
from otel_llmops.views.html import page
from otel_llmops.views.modules import picture
from otel_llmops.views.sankey import sankey
from otel_llmops.views.treemap import treemap

__all__ = ["FORMATS", "export"]

FORMATS = ("d3", "cytoscape", "sankey", "treemap", "html")


def export(
    format: str,  # noqa: A002 - the word that callers use for it
    tables: Mapping[str, pa.Table],
    *,
    loads: pa.Table | None = None,
    flows: pa.Table | None = None,
) -> Any:
    """The snapshot in `tables` as a picture.

    In:     `format`, one of FORMATS; `tables`, name -> rows of one snapshot (model.topology), of
            which code_modules, code_functions, module_dependencies and function_calls are read;
            `loads` (FUNCTION_LOADS) and `flows` (FLOWS), what spans add, if anything.
    Out:    for d3, cytoscape, sankey and treemap an object that JSON can hold; for html the text
            of one page that needs nothing else.
    Raises: QueryError, if there is no such format.
    Edge:   A snapshot without modules gives an empty picture. Names are as the code has them;
            what is drawn from them in HTML is escaped.
    Cost:   O(rows).
    """
    drawn = picture(tables, loads=loads, flows=flows)
    match format:
        case "d3":
            return d3(drawn)
        case "cytoscape":
            return cytoscape(drawn)
        case "sankey":
            return sankey(drawn)
        case "treemap":
            return treemap(drawn)
        case "html":
            return page(drawn)
    raise QueryError(f"there is no format {format!r}", hint=f"choose {', '.join(FORMATS)}")
