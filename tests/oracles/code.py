"""What functions spent and who called whom, by asking of every span what is above it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tests.oracles.forest import above
from tests.support.tree import MS, Node

Place = tuple[str, str, int]
"""Function, file and line of a span."""


class Spent(NamedTuple):
    """Sums over one place: calls, own input and output, cumulative ones, ns, squares."""

    calls: int = 0
    input: int = 0
    output: int = 0
    cumulative_input: int = 0
    cumulative_output: int = 0
    duration_ns: int = 0
    squared: int = 0

    def plus(self, **more: int) -> "Spent":
        return self._replace(**{name: getattr(self, name) + count for name, count in more.items()})


class Called(NamedTuple):
    """Sums over one edge."""

    calls: int
    duration_ns: int
    input: int
    output: int


def place_of(node: Node) -> Place | None:
    """Where a span was made, by the names of today or those of before; None if it does not say."""
    said = node.said
    function = said.get("code.function.name") or said.get("code.function") or ""
    namespace = said.get("code.namespace")
    if namespace and function and not function.startswith(f"{namespace}."):
        function = f"{namespace}.{function}"
    file = said.get("code.file.path") or said.get("code.filepath") or ""
    line = int(said.get("code.line.number") or said.get("code.lineno") or 0)
    return (function, file, line) if function or file else None


def _function(place: Place) -> Place:
    """The function of a place: its line counts where it has no name of its own."""
    function, file, line = place
    return function, file, line if not function or function.endswith("<lambda>") else 0


def usage(
    nodes: Sequence[Node], parent: Sequence[int], own: Mapping[str, Sequence[int]]
) -> dict[Place, Spent]:
    """Sums by place over all spans; `own` are the tokens of each span by way (in, out)."""
    places = [place_of(node) for node in nodes]
    sums: dict[Place, Spent] = defaultdict(Spent)
    tokens: dict[int, int] = defaultdict(int)
    for row, node in enumerate(nodes):
        at = _holder(nodes, places, parent, row)
        place = places[at] if at is not None else None
        if at is None or place is None:
            continue
        sums[place] = sums[place].plus(input=own["in"][row], output=own["out"][row])
        tokens[_entry(places, parent, at)] += own["in"][row] + own["out"][row]
        if at != row:
            continue
        if _entry(places, parent, row) == row:
            spent = max(0, node.end - node.start) * MS
            sums[place] = sums[place].plus(calls=1, duration_ns=spent)
        if not any(_same(places[up], place) for up in above(parent, row)):
            sums[place] = sums[place].plus(
                cumulative_input=_below(parent, own["in"], row),
                cumulative_output=_below(parent, own["out"], row),
            )
    for row, count in tokens.items():
        place = places[row]
        assert place is not None
        sums[place] = sums[place].plus(squared=count * count)
    return dict(sums)


def edges(
    nodes: Sequence[Node], parent: Sequence[int], own: Mapping[str, Sequence[int]]
) -> dict[tuple[Place, Place], Called]:
    """Sums by the places of caller and callee."""
    places = [place_of(node) for node in nodes]
    pairs: dict[int, tuple[Place, Place]] = {}
    for row, place in enumerate(places):
        up = _located(places, parent, row)
        if place is None or up is None or _entry(places, parent, row) != row:
            continue
        caller = places[up]
        assert caller is not None
        pairs[row] = (caller, place)
    sums: dict[tuple[Place, Place], Called] = defaultdict(lambda: Called(0, 0, 0, 0))
    for row, pair in pairs.items():
        kind = [_function(place) for place in pair]
        again = any(
            up in pairs and [_function(place) for place in pairs[up]] == kind
            for up in above(parent, row)
        )
        calls, duration_ns, *tokens = sums[pair]
        spent = max(0, nodes[row].end - nodes[row].start) * MS
        more = [0 if again else _below(parent, own[way], row) for way in ("in", "out")]
        sums[pair] = Called(
            calls + 1, duration_ns + spent, tokens[0] + more[0], tokens[1] + more[1]
        )
    return dict(sums)


def _same(one: Place | None, other: Place) -> bool:
    return one is not None and _function(one) == _function(other)


def _located(places: Sequence[Place | None], parent: Sequence[int], row: int) -> int | None:
    return next((up for up in above(parent, row) if places[up] is not None), None)


def _holder(
    nodes: Sequence[Node], places: Sequence[Place | None], parent: Sequence[int], row: int
) -> int | None:
    at = row if places[row] is not None else _located(places, parent, row)
    return at if at is not None and nodes[at].service == nodes[row].service else None


def _entry(places: Sequence[Place | None], parent: Sequence[int], row: int) -> int:
    """The span at which control came into the function of `row`."""
    place, up = places[row], _located(places, parent, row)
    assert place is not None
    return row if up is None or not _same(places[up], place) else _entry(places, parent, up)


def _below(parent: Sequence[int], own: Sequence[int], row: int) -> int:
    return own[row] + sum(
        count for other, count in enumerate(own) if row in set(above(parent, other))
    )
