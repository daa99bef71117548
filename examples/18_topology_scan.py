"""Example 18: the structure of a repository, read from its source.

    python examples/18_topology_scan.py [PATH] [--html FILE]

The code is parsed, never imported or run. Without a PATH it is the small support desk beside this
file, of which it tells:

    5 modules, 11 functions, 5 imports, 13 calls

    module            lines  imported by  imports  instability
    desk.prompts         12            2        1         0.33
    desk.tickets         23            2        1         0.33
    desk.model           20            1        0         0.00
    desk                  1            0        0         0.00
    desk.agents          50            0        3         1.00

    in a circle: desk.prompts -> desk.tickets -> desk.prompts

    desk.agents.handle leads to
      desk.agents.handle -> desk.agents.classify
      desk.agents.handle -> desk.agents.research
      desk.agents.handle -> desk.agents.write
      desk.agents.classify -> desk.model.chat
      desk.agents.classify -> desk.tickets.Ticket.told
      desk.agents.research -> desk.agents.read
      desk.agents.research -> desk.model.text_of
      desk.agents.research -> desk.tickets.Ticket.told
      desk.agents.write -> desk.agents.draft
      desk.agents.write -> desk.model.text_of

    as D3 draws it: 5 nodes, 5 edges

The same from the command line: `otel-llmops scan PATH`, and `--export html` for the page.
"""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from otel_llmops.topology.graph import call_chain, import_cycles
from otel_llmops.topology.scan import scan
from otel_llmops.views import TopologyVisualizer, export

DESK = Path(__file__).parent / "support_desk"
ENTRY = "desk.agents.handle"

Tables = Mapping[str, pa.Table]


def report(tables: Tables, entry: str) -> Iterator[str]:
    """What there is, what goes round in a circle, and where a function leads."""
    (snapshot,) = tables["topology_snapshots"].to_pylist()
    modules = tables["code_modules"].to_pylist()
    yield (
        f"{snapshot['total_modules']} modules, {snapshot['total_functions']} functions, "
        f"{snapshot['total_dependencies']} imports, {tables['function_calls'].num_rows} calls"
    )
    yield ""
    yield f"{'module':16}{'lines':>7}{'imported by':>13}{'imports':>9}{'instability':>13}"
    for row in sorted(modules, key=_most_used):
        numbers = (row["line_count"], row["afferent_coupling"], row["efferent_coupling"])
        yield "{:16}{:>7}{:>13}{:>9}{:>13.2f}".format(
            row["module_path"], *numbers, row["instability"]
        )
    for cycle in import_cycles(tables):
        yield ""
        yield "in a circle: " + " -> ".join([*cycle["shortest"], cycle["shortest"][0]])
    yield ""
    yield f"{entry} leads to"
    for step in call_chain(tables, entry, depth=2):
        yield f"  {step.caller} -> {step.callee}"
    yield ""
    picture = TopologyVisualizer(tables).export_d3_force_graph()
    yield f"as D3 draws it: {len(picture['nodes'])} nodes, {len(picture['edges'])} edges"


def _most_used(row: Mapping[str, Any]) -> tuple[int, str]:
    return -row["afferent_coupling"], row["module_path"]


def main() -> None:
    """Scan, tell, and write the page if it is asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("path", nargs="?", type=Path, default=DESK)
    parser.add_argument("--entry", default=ENTRY, help="a qualified name")
    parser.add_argument("--html", type=Path)
    given = parser.parse_args()
    tables = scan(given.path).tables
    print("\n".join(report(tables, given.entry)))
    if given.html:
        given.html.write_text(export("html", tables))


if __name__ == "__main__":
    main()
