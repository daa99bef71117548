"""How a REST request is read and answered: its parameters, and what may go wrong with it."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from otel_llmops.api.documents import plain
from otel_llmops.api.parameters import page, time
from otel_llmops.errors import LlmopsError, QueryError
from otel_llmops.storage.usage import BUCKETS_DEFAULT

__all__ = ["WINDOW", "Answer", "NotFoundError", "Parameters", "answered", "failure"]

_LOG = logging.getLogger(__name__)

AGENT_TYPES = ("primary", "orchestrator", "specialist", "tool", "unknown")
WINDOW = frozenset({"since", "until", "limit", "offset"})

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

    def needed(self, name: str, example: str) -> str:
        """A text that must be given."""
        text = self._given.get(name)
        if not text:
            raise QueryError(f"{name} is missing", hint=f"give {name}={example}")
        return text

    def number(self, name: str) -> float | None:
        """A number, None where it is not given."""
        text = self._given.get(name)
        try:
            return None if text is None else float(text)
        except ValueError as error:
            raise QueryError(f"{name} is {text!r}", hint="give a number") from error

    def agent_type(self) -> str | None:
        """A type of agents, None where it is not given."""
        text = self._given.get("type")
        if text is not None and text.lower() not in AGENT_TYPES:
            raise QueryError(f"type is {text!r}", hint=f"give one of {', '.join(AGENT_TYPES)}")
        return None if text is None else text.lower()

    def page(self) -> tuple[int, int]:
        """The limit and the offset, checked."""
        return page(self.whole("limit"), self.whole("offset"))

    def window(self) -> dict[str, Any]:
        """since, until, limit and offset as the queries take them."""
        limit, offset = self.page()
        return {**self.times(), "limit": limit, "offset": offset}

    def times(self) -> dict[str, Any]:
        """Since and until."""
        given = {name: self._given.get(name) for name in ("since", "until")}
        return {name: time(text) if text is not None else None for name, text in given.items()}

    def buckets(self) -> int:
        """How many steps of time."""
        wanted = self.whole("buckets")
        return BUCKETS_DEFAULT if wanted is None else wanted

    def whole(self, name: str) -> int | None:
        """A whole number, None where it is not given."""
        text = self._given.get(name)
        try:
            return None if text is None else int(text)
        except ValueError as error:
            raise QueryError(f"{name} is {text!r}", hint="give a whole number") from error
