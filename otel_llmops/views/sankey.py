"""Tokens on their way from agents through functions to models, as a Sankey diagram.

Strategy: the three columns are kept apart (an agent and a function may have one name), so nothing
ever flows in a circle, which no Sankey diagram can show. Of a snapshot that no span was laid onto,
the calls between modules are shown in the same way, callers at the left, callees at the right.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from otel_llmops.views.modules import Picture

__all__ = ["sankey"]

_Node = tuple[str, str]
"""(column, name)"""


def sankey(picture: Picture) -> dict[str, Any]:
    """`nodes`, and `links` that name their ends by place (d3-sankey) and by name.

    Links say `tokens`, which is their `value`; those of calls between modules `calls` alone.
    """
    if any(flow.tokens for flow in picture.flows):
        tokens: Counter[tuple[_Node, _Node]] = Counter()
        calls: Counter[tuple[_Node, _Node]] = Counter()
        for flow in picture.flows:
            function = ("function", flow.function)
            for link in (
                (("agent", flow.agent or "no agent"), function),
                (function, ("model", flow.model or "unknown model")),
            ):
                tokens[link] += flow.tokens
                calls[link] += flow.calls
        values = {link: value for link, value in tokens.items() if value}
        return _diagram(
            values, {link: {"tokens": tokens[link], "calls": calls[link]} for link in values}
        )
    between = {
        (("caller", caller), ("callee", callee)): count
        for (caller, callee), count in picture.calls.items()
    }
    return _diagram(between, {link: {"calls": count} for link, count in between.items()})


def _diagram(
    values: dict[tuple[_Node, _Node], int], facts: dict[tuple[_Node, _Node], dict[str, int]]
) -> dict[str, Any]:
    links = sorted(values, key=lambda link: (-values[link], link))
    place = {node: number for number, node in enumerate(_ends(links))}
    return {
        "nodes": [{"id": f"{kind}:{name}", "name": name, "type": kind} for kind, name in place],
        "links": [
            {
                "source": place[link[0]],
                "target": place[link[1]],
                "from": link[0][1],
                "to": link[1][1],
                "value": values[link],
                **facts[link],
            }
            for link in links
        ],
    }


def _ends(links: Iterable[tuple[_Node, _Node]]) -> Iterable[_Node]:
    return dict.fromkeys(node for link in links for node in link)
