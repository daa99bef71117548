"""The critical path by trying every chain there is, and a trace run again with other times."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Span(NamedTuple):
    """A span in the order of spans: its parent's place or -1, its trace, its times."""

    parent: int
    trace: str
    start: int
    end: int
    service: str = ""
    kind: int = 1


@dataclass(eq=False)
class Piece:
    """Part of a span (row -1: of a trace), and what it holds, in the order of spans."""

    row: int
    start: int
    end: int
    kids: list["Piece"] = field(default_factory=list)


Spent = Callable[[Piece, Piece | None], int]
"""What a piece takes by itself before one that it holds, or (None) before it ends."""


def set_right(spans: Sequence[Span]) -> list[Span]:
    """Spans by one clock: a service is moved until nothing starts before what caused it."""
    moved: dict[int, int] = {}

    def by(row: int) -> int:
        if row not in moved:
            span, above = spans[row], spans[row].parent
            if above < 0 or spans[above].service == span.service:
                moved[row] = 0 if above < 0 else by(above)
            else:
                least = spans[above].start + by(above) - span.start
                most = spans[above].end + by(above) - span.end
                is_call = (spans[above].kind, span.kind) == (3, 2)
                if is_call and least <= most and not least <= 0 <= most:
                    moved[row] = least + (most - least) // 2
                else:
                    moved[row] = max(least, 0)
        return moved[row]

    return [
        span._replace(start=span.start + by(row), end=span.end + by(row))
        for row, span in enumerate(spans)
    ]


def traces(spans: Sequence[Span]) -> dict[str, Piece]:
    """Each trace with all that it holds, cut to what holds it."""
    roots = [row for row, span in enumerate(spans) if span.parent < 0]
    made = {}
    for name in dict.fromkeys(spans[row].trace for row in roots):
        first = min(spans[row].start for row in roots if spans[row].trace == name)
        last = max(span.end for span in spans if span.trace == name)
        made[name] = Piece(-1, first, last)
    held = {row: Piece(row, span.start, span.end) for row, span in enumerate(spans)}
    after: dict[int, Piece] = {}
    for row, span in enumerate(spans):
        root = spans[_root(spans, row)]
        if span.end > max(span.start, root.end):
            after[row] = Piece(row, max(span.start, root.end), span.end)
    for row in range(len(spans)):
        _holder_of(spans, row, held, made[spans[row].trace]).kids.append(held[row])
    for row, piece in after.items():
        above = spans[row].parent
        runs_on = above in after and spans[above].end >= spans[row].end
        (after[above] if runs_on else made[spans[row].trace]).kids.append(piece)
    for trace in made.values():
        _cut(trace)
    return made


def own_times(trace: Piece) -> dict[int, int]:
    """Of each span on the path how much of it is its own; of -1 when nobody was waited for."""
    own: dict[int, int] = {}
    on = [trace]
    while on:
        piece = on.pop()
        chain = path_within(piece)
        spent = piece.end - piece.start - sum(kid.end - kid.start for kid in chain)
        own[piece.row] = own.get(piece.row, 0) + spent
        on += chain
    return {row: spent for row, spent in own.items() if spent}


def path_within(piece: Piece) -> list[Piece]:
    """Of all chains the one whose last piece ends last, whose last but one ends last, ..."""

    def rank(chain: list[Piece]) -> list[tuple[int, int, int]]:
        return [(kid.end, -kid.start, -piece.kids.index(kid)) for kid in reversed(chain)]

    return max(_chains(piece.kids), key=rank)


def run_again(piece: Piece, spent: Spent, start: int = 0) -> int:
    """When a piece ends if it starts at `start` and the times between take what `spent` says.

    What it holds begins after everything in it that had ended when it began.
    """
    ends: dict[Piece, int] = {}
    for kid in sorted(piece.kids, key=lambda each: (each.start, each.end)):
        waited = [ends[other] for other in ends if other.end <= kid.start]
        begins = max([start, *waited]) + spent(piece, kid)
        ends[kid] = run_again(kid, spent, begins)
    return max([start, *ends.values()]) + spent(piece, None)


def as_it_was(piece: Piece, kid: Piece | None) -> int:
    """What a piece took by itself before one that it holds, or (None) before it ended."""
    until = piece.end if kid is None else kid.start
    others = [other.end for other in piece.kids if kid is None or other.end <= kid.start]
    return until - max([piece.start, *others])


def _chains(kids: Sequence[Piece]) -> Iterator[list[Piece]]:
    """Every way to go from one piece to one that begins when it has ended, or later."""
    yield []
    for kid in kids:
        for chain in _chains([other for other in kids if other.end <= kid.start]):
            yield [*chain, kid]


def _holder_of(spans: Sequence[Span], row: int, held: dict[int, Piece], trace: Piece) -> Piece:
    above = spans[row].parent
    if above < 0:
        return trace
    while spans[above].parent >= 0 and not _share(spans[row], spans[above]):
        above = spans[above].parent
    return held[above]


def _share(one: Span, other: Span) -> bool:
    """Whether they share time; what takes no time is left where it is."""
    return one.start == one.end or max(one.start, other.start) < min(one.end, other.end)


def _cut(piece: Piece) -> None:
    for kid in piece.kids:
        kid.start, kid.end = max(kid.start, piece.start), min(kid.end, piece.end)
    piece.kids = [kid for kid in piece.kids if kid.start < kid.end]
    for kid in piece.kids:
        _cut(kid)


def _root(spans: Sequence[Span], row: int) -> int:
    while spans[row].parent >= 0:
        row = spans[row].parent
    return row
