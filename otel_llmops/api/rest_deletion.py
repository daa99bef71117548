"""REST by which a session is deleted."""

from asyncio import to_thread
from typing import Protocol

from otel_llmops.api.answering import NotFoundError, failure
from otel_llmops.api.operations import Operation, text
from otel_llmops.api.shapes import Shape
from otel_llmops.errors import ExportError, LlmopsError

__all__ = ["Deleting", "operations"]

_DELETED = Shape(
    "Deleted",
    "What was deleted: under which ids it was stored, its traces, rows by table.",
    more={
        "session_ids": [str],
        "trace_ids": [str],
        "rows": {"type": "object", "additionalProperties": {"type": "integer"}},
    },
)


class Deleting(Protocol):
    """What deletes."""

    def delete(self, session_id: str) -> object | None:
        """A dataclass that says what was deleted; None where there was nothing.

        Raises: ExportError, if the store does not do it.
        """


def operations(deletions: Deleting) -> list[Operation]:
    """DELETE answers when it is done."""

    async def delete(session_id: str) -> object:
        try:
            found = await to_thread(deletions.delete, session_id)
        except ExportError as error:
            hint = "ask again: what is gone already stays so"
            return failure(503, LlmopsError(f"this could not be deleted: {error}", hint=hint))
        if found is None:
            raise NotFoundError(f"there is no session {session_id!r}", hint="see /api/sessions")
        return found

    return [
        Operation(
            "/api/sessions/{session_id}",
            "Delete a session from every table of the store.",
            delete,
            _DELETED,
            (text("session_id"),),
            method="DELETE",
            refuses={404: "There is no such session.", 503: "The store does not do it now."},
        )
    ]
