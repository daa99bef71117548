"""Back from the bytes that workers made."""

import marshal
from collections.abc import Mapping

from otel_llmops.topology.calls import Facts
from otel_llmops.topology.facts import FileFacts
from otel_llmops.topology.layout import Layout
from otel_llmops.topology.worker import Look

__all__ = ["call_facts", "file_facts"]


def call_facts(placed: Layout, looks: Mapping[str, Look]) -> dict[str, Facts]:
    """Module -> what the call graph needs of it; files that were not parsed are left out."""
    return {
        placed.names[path]: marshal.loads(look.calls)  # noqa: S302 - our own workers' bytes
        for path, look in looks.items()
        if look.calls
    }


def file_facts(placed: Layout, looks: Mapping[str, Look]) -> dict[str, FileFacts | None]:
    """Path -> what the file says, None where it was not parsed; in the order of names."""
    return {
        path: FileFacts.of(marshal.loads(looks[path].facts)) if looks[path].facts else None  # noqa: S302
        for path in placed.names
    }
