"""Back from the bytes that workers made, which are let go one by one: there are many of them."""

import marshal
from collections.abc import Mapping, MutableMapping

from otel_llmops.topology.calls import Facts
from otel_llmops.topology.facts import FileSummary
from otel_llmops.topology.layout import Layout
from otel_llmops.topology.worker import Look

__all__ = ["call_facts", "file_facts"]


def call_facts(placed: Layout, looks: MutableMapping[str, Look]) -> dict[str, Facts]:
    """Module -> what the call graph needs of it; files that were not parsed are left out."""
    found: dict[str, Facts] = {}
    for path, look in looks.items():
        if look.calls:
            found[placed.names[path]] = marshal.loads(look.calls)  # noqa: S302 - our workers' own
            looks[path] = look._replace(calls=b"")
    return found


def file_facts(placed: Layout, looks: Mapping[str, Look]) -> dict[str, FileSummary | None]:
    """Path -> what the file says, None where it was not parsed; in the order of names."""
    return {
        path: FileSummary(*marshal.loads(looks[path].facts)) if looks[path].facts else None  # noqa: S302
        for path in placed.names
    }
