"""The API as one ASGI application: GraphQL, REST, the page, the health checks and the metrics."""

from collections.abc import Callable, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute

from otel_llmops.api import (
    live,
    rest,
    rest_coordination,
    rest_deletion,
    rest_reanalysis,
    rest_report,
    topology,
)
from otel_llmops.api.answering import failure
from otel_llmops.api.graphql.schema import GraphQLApplication
from otel_llmops.api.jaeger.http import jaeger_routes
from otel_llmops.api.openapi import document
from otel_llmops.api.operations import routes
from otel_llmops.errors import LlmopsError
from otel_llmops.metrics import METRICS_TYPE
from otel_llmops.page import assets
from otel_llmops.storage.feed import Feed
from otel_llmops.storage.queries import Queries

__all__ = ["OPENAPI", "Readiness", "application"]

OPENAPI = "/api/openapi.json"
"""Where REST is described; made from the routes that this very application serves."""

Readiness = Callable[[], Sequence[str]]
"""Why answers cannot be relied on now, one sentence each; none where they can."""


def application(  # noqa: PLR0913 - what it stands between
    queries: Queries,
    feed: Feed | None = None,
    *,
    readiness: Readiness = tuple,
    notes: Readiness = tuple,
    metrics: Callable[[], str] = str,
    jaeger_url: str = "",
    reanalysis: rest_reanalysis.Reanalysing | None = None,
    deletions: rest_deletion.Deleting | None = None,
    replace_snapshot: topology.ReplaceSnapshot | None = None,
) -> Starlette:
    """The API over `queries`, and over what `feed` tells; snapshots go to `replace_snapshot`.

    GET /healthz answers 200 as long as the process serves; GET /readyz 200, or 503 with reasons,
    and what `notes` has to say beside; GET /metrics what `metrics` gives, for Prometheus.
    """

    async def healthz(request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(request: Request) -> Response:
        reasons, beside = list(readiness()), list(notes())
        more = {"notes": beside} if beside else {}
        if not reasons:
            return JSONResponse({"status": "ready"} | more)
        return JSONResponse({"status": "not ready", "reasons": reasons} | more, status_code=503)

    async def figures(request: Request) -> Response:
        return Response(metrics(), media_type=METRICS_TYPE)

    async def described(request: Request) -> Response:
        return JSONResponse(told)

    feed = feed or Feed()
    operations = [
        *rest.operations(queries, jaeger_url=jaeger_url),
        *rest_coordination.operations(queries),
        *rest_report.operations(queries),
        *topology.operations(queries.topology, replace_snapshot),
        *(rest_reanalysis.operations(reanalysis) if reanalysis is not None else []),
        *(rest_deletion.operations(deletions) if deletions is not None else []),
        *live.operations(feed),
    ]
    told = document(operations)
    graphql = GraphQLApplication(queries, feed, jaeger_url=jaeger_url)
    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", figures),
            Route("/graphql", graphql),
            WebSocketRoute("/graphql", graphql),
            Route(OPENAPI, described),
            *routes(operations),
            *jaeger_routes(queries.spans),
            *assets.routes(),
        ],
        exception_handlers={HTTPException: _refused},
    )


async def _refused(request: Request, error: Exception) -> Response:
    """What Starlette refuses (404, 405), in the shape of our own errors."""
    if not isinstance(error, HTTPException):
        raise error
    path = request.scope["path"]
    response = failure(
        error.status_code,
        LlmopsError(f"{request.method} {path}: {error.detail}", hint=f"see {OPENAPI}, /graphql"),
    )
    response.headers.update(error.headers or {})
    return response
