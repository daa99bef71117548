"""REST by which a session is deleted."""

from asyncio import to_thread
from typing import Protocol

from starlette.requests import Request
from starlette.routing import Route

from otel_llmops.api.answering import NotFoundError, Parameters, answered, failure
from otel_llmops.errors import ExportError, LlmopsError

__all__ = ["Deleting", "routes"]


class Deleting(Protocol):
    """What deletes."""

    def delete(self, session_id: str) -> object | None:
        """A dataclass that says what was deleted; None where there was nothing.

        Raises: ExportError, if the store does not do it.
        """


def routes(deletions: Deleting) -> list[Route]:
    """DELETE /api/sessions/{id}: answers when it is done."""

    async def delete(request: Request) -> object:
        Parameters(request, set())
        session_id = request.path_params["session_id"]
        try:
            found = await to_thread(deletions.delete, session_id)
        except ExportError as error:
            hint = "ask again: what is gone already stays so"
            return failure(503, LlmopsError(f"this could not be deleted: {error}", hint=hint))
        if found is None:
            raise NotFoundError(f"there is no session {session_id!r}", hint="see /api/sessions")
        return found

    path = "/api/sessions/{session_id:path}"
    return [Route(path, answered(delete), methods=["DELETE"])]
