"""Back from the bytes that workers made, which are let go one by one: there are many of them."""

from collections.abc import MutableMapping

from otel_llmops.topology.calls import Facts
from otel_llmops.topology.facts import FileSummary
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


def file_facts(placed: Layout, looks: MutableMapping[str, Look]) -> dict[str, FileSummary | None]:
    """Path -> what the file says, None where it was not parsed; in the order of names."""
    found: dict[str, FileSummary | None] = dict.fromkeys(placed.names)
    for path, look in looks.items():
        if look.facts:
            found[path] = FileSummary(*unpack(look.facts))
            looks[path] = look._replace(facts=b"")
    return found
