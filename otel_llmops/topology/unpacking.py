"""Back from the bytes that workers made, which are let go one by one: there are many of them."""

from collections.abc import MutableMapping

from otel_llmops.topology.calls import Facts
from otel_llmops.topology.facts import FileSummary
from otel_llmops.topology.functions import Functions
from otel_llmops.topology.layout import Layout
from otel_llmops.topology.worker import Look, unpack

__all__ = ["call_facts", "file_facts"]


def call_facts(placed: Layout, looks: MutableMapping[str, Look]) -> dict[str, Facts]:
    """Module -> what the call graph needs of it; files that were not parsed are left out."""
    found: dict[str, Facts] = {}
    for path, look in looks.items():
        if look.calls:
            found[placed.names[path]] = unpack(look.calls)
            looks[path] = look._replace(calls=b"")
    return found


def file_facts(
    placed: Layout, looks: MutableMapping[str, Look]
) -> tuple[dict[str, FileSummary | None], Functions]:
    """Path -> what the file says but its functions, None where it was not parsed; all functions.

    Both are in the order of names.
    """
    found: dict[str, FileSummary | None] = dict.fromkeys(placed.names)
    functions = Functions()
    for path in placed.names:
        look = looks[path]
        if look.facts:
            summary = FileSummary(*unpack(look.facts))
            functions.add(summary)
            found[path] = summary._replace(functions=(), names=())
            looks[path] = look._replace(facts=b"")
        else:
            functions.add(None)
    return found, functions
