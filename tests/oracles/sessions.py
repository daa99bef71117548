"""Which traces are one session, by spreading from trace to trace."""

from collections.abc import Sequence

from tests.oracles.forest import depths
from tests.support.tree import Node, trace_id


def session_names(nodes: Sequence[Node], parent: Sequence[int]) -> dict[int, str]:
    """Trace -> name of its session."""
    names = {}
    for group in _groups(nodes, talking=True):
        name = _name(nodes, parent, group)
        names.update(dict.fromkeys(group, name))
    return names


def runs(nodes: Sequence[Node]) -> dict[int, int]:
    """Trace -> its run, named by the lowest trace of it."""
    return {trace: min(group) for group in _groups(nodes, talking=False) for trace in group}


def _groups(nodes: Sequence[Node], *, talking: bool) -> list[set[int]]:
    traces = {node.trace for node in nodes}
    neighbours: dict[object, set[object]] = {}
    for node in nodes:
        ties: list[object] = [target for target in node.links if target in traces]
        if talking and node.conversation:
            ties.append(("conversation", node.conversation))
        for tie in ties:
            neighbours.setdefault(node.trace, set()).add(tie)
            neighbours.setdefault(tie, set()).add(node.trace)
    groups: list[set[int]] = []
    for trace in sorted(traces):
        if not any(trace in group for group in groups):
            reached: set[object] = set()
            open_ends: list[object] = [trace]
            while open_ends:
                at = open_ends.pop()
                if at not in reached:
                    reached.add(at)
                    open_ends += neighbours.get(at, ())
            groups.append({at for at in reached if isinstance(at, int)})
    return groups


def _name(nodes: Sequence[Node], parent: Sequence[int], group: set[int]) -> str:
    depth = depths(parent)
    rows = [row for row, node in enumerate(nodes) if node.trace in group]
    spoken = [row for row in rows if nodes[row].conversation]
    if spoken:
        return nodes[min(spoken, key=lambda row: (depth[row], row))].conversation
    return trace_id(nodes[min(rows)].trace)
