"""A process that solves the call graph of one group of packages: `main` is all that it runs.

Strategy: as in worker; a process of its own gives its memory back when it ends.
"""

import marshal
import sys

from otel_llmops.topology import calls
from otel_llmops.topology.worker import Buffer, prepare, receive, send, unpack

__all__ = ["Answer", "answered", "main", "read_answer", "solved"]

Answer = tuple[list[calls.Edge], list[tuple[str, int, str]]]
"""Edges, and what could not be read: (module, line, message)."""


def solved(own: list[Buffer], known: list[Buffer]) -> Answer:
    """The call graph of `own`, packed facts; of `known` only the surface counts.

    Both lists are used up, since what is packed is not needed again, and large.
    """
    ours = _unpacked(own)
    names = sorted(ours)
    try:
        graph = calls.solve(ours, known=_unpacked(known, surface=True))
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - a fault of ours; the rest of the scan is none
        why = f"calls are not known ({type(error).__name__})"
        firsts = {name.partition(".")[0]: name for name in reversed(names)}
        return [], [(name, 1, why) for name in firsts.values()]
    return list(graph.edges), list(graph.diagnostics)


def _unpacked(packed: list[Buffer], *, surface: bool = False) -> dict[str, calls.Facts]:
    found = {}
    while packed:
        content = unpack(packed.pop())
        found[calls.module_of(content)] = calls.interface(content) if surface else content
    return found


def answered(own: list[Buffer], known: list[Buffer]) -> bytes:
    """What `solved` gives, as bytes that are sent and kept."""
    edges, told = solved(own, known)
    return marshal.dumps(([tuple(edge) for edge in edges], told))


def read_answer(packed: Buffer) -> Answer:
    """Back from the bytes of `answered`."""
    edges, told = marshal.loads(packed)  # noqa: S302 - what our own workers made
    return [calls.Edge(*edge) for edge in edges], told


def main() -> None:
    """Answer requests until stdin ends."""
    prepare()
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # nothing else may write there
    while (request := receive(source)) is not None:
        own, known = request
        del request
        send(sink, answered(own, known))
