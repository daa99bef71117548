"""The API as one ASGI application: GraphQL, REST and the two health checks."""

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from otel_llmops.api import rest
from otel_llmops.api.graphql.schema import GraphQLApplication
from otel_llmops.errors import LlmopsError
from otel_llmops.storage.queries import Queries

__all__ = ["Readiness", "application"]

Readiness = Callable[[], str | None]
"""Why answers cannot be relied on now, in one sentence; None where they can."""


def application(queries: Queries, *, readiness: Readiness, jaeger_url: str = "") -> Starlette:
    """The API over `queries`.

    GET /healthz answers 200 as long as the process serves; GET /readyz 200, or 503 with a reason.
    """

    async def healthz(request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(request: Request) -> Response:
        reason = readiness()
        if reason is None:
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "not ready", "reason": reason}, status_code=503)

    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/graphql", GraphQLApplication(queries, jaeger_url=jaeger_url)),
            *rest.routes(queries, jaeger_url=jaeger_url),
        ],
        exception_handlers={HTTPException: _refused},
    )


async def _refused(request: Request, error: Exception) -> Response:
    """What Starlette refuses (404, 405), in the shape of our own errors."""
    if not isinstance(error, HTTPException):
        raise error
    path = request.scope["path"]
    response = rest.failure(
        error.status_code,
        LlmopsError(f"{request.method} {path}: {error.detail}", hint="see /api/agents, /graphql"),
    )
    response.headers.update(error.headers or {})
    return response
