"""Who acts in a flat trace: the last one that was said, by looking back from each call."""

import re
from collections.abc import Sequence

from tests.oracles.activations import plain, word
from tests.support.tree import Node

ROOT = 1
"""The id of the workflow that everything else is in."""

_FRAMEWORKS_OWN = {"agent", "model"}


def acts(node: Node) -> str:
    """The agent that a step names, '' for none."""
    found = re.search("current_agent_name='([^']+)'", node.said.get("input.value", ""))
    return found[1] if found and found[1] not in _FRAMEWORKS_OWN else ""


def speakers(nodes: Sequence[Node]) -> dict[int, str]:
    """Span id -> agent, '' for nobody, for each call right under the workflow."""
    calls = [node for node in nodes if node.parent == ROOT and node.kind in {"llm", "tool"}]
    made = [node.said.get("gen_ai.agent.name", "") for node in nodes]
    first = next((name for name in made if name and name not in _FRAMEWORKS_OWN), "")
    tools = {node.id: told.to for node in nodes if (told := word(node)) and told.to}
    if not tools and not any(map(acts, nodes)):
        return {node.id: "" for node in calls}
    busy = {node.parent for node in nodes}
    named = [node.name if node.kind == "agent" else acts(node) for node in nodes]
    shown = {plain(name) for node, name in zip(nodes, named, strict=True) if node.id in busy}
    early = first if tools else ""
    # when, how much it weighs beside others of that time, who acts from then on
    said: list[tuple[float, int, str]] = []
    for node, name in zip(nodes, named, strict=True):
        if node.kind == "agent":
            said.append((node.end, 0, early))
        if name:
            said.append((node.start, 1 if node.id in busy else 2, name))
        if node.id in tools and plain(tools[node.id]) not in shown:
            said.append((max(node.end, node.start + 0.1), 3, tools[node.id]))
    said.sort(key=lambda one: one[:2])
    return {
        node.id: next((who for when, _, who in reversed(said) if when <= node.start), early)
        for node in calls
    }
