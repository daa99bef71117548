"""How a REST request is read and answered: its parameters, and what may go wrong with it."""

import logging
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from otel_llmops.api.documents import plain
from otel_llmops.errors import LlmopsError, QueryError

__all__ = ["Answer", "NotFoundError", "Parameters", "answered", "failure"]

_LOG = logging.getLogger(__name__)

Answer = Callable[[Request], Awaitable[object]]


def failure(status: int, error: LlmopsError) -> JSONResponse:
    """An answer that says what was wrong and what to do."""
    return JSONResponse({"error": error.message, "hint": error.hint}, status_code=status)


class NotFoundError(LlmopsError):
    """Nothing has the name that was asked for."""


def answered(answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    """The boundary of a REST request: what may go wrong becomes a status and a sentence."""

    async def endpoint(request: Request) -> Response:
        try:
            found = await answer(request)
            return found if isinstance(found, Response) else JSONResponse(plain(found))
        except QueryError as error:
            return failure(400, error)
        except NotFoundError as error:
            return failure(404, error)
        except Exception:  # noqa: BLE001 - the boundary of an api request
            _LOG.exception("rest: %s failed", request.scope["path"])
            return failure(500, LlmopsError("this could not be answered", hint="see the log"))

    return endpoint


class Parameters:
    """The query string, read strictly: a misspelt filter would answer with everything."""

    def __init__(self, request: Request, known: set[str] | frozenset[str]) -> None:
        self._given = request.query_params
        for name in dict.fromkeys(key for key, _ in self._given.multi_items()):
            if name not in known:
                names = ", ".join(sorted(known)) or "no parameters"
                raise QueryError(f"there is no parameter {name!r}", hint=f"there is {names}")
            if len(self._given.getlist(name)) > 1:
                raise QueryError(f"{name} is given more than once", hint="give it once")

    def text(self, name: str) -> str | None:
        """A text, None where it is not given."""
        return self._given.get(name)
