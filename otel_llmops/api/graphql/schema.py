"""The schema with its limits, and the ASGI application that answers POST /graphql.

Strategy: a query is refused before it runs where it is too long, too deep or asks the same under
too many names; an error of ours is hidden from the caller and logged once, an error of the
caller's is told in full.
"""

import asyncio
import json
import logging
from collections.abc import Iterator, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import orjson
import strawberry
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from strawberry.exceptions import ConnectionRejectionError
from strawberry.extensions import (
    MaskErrors,
    MaxAliasesLimiter,
    MaxTokensLimiter,
    QueryDepthLimiter,
    SchemaExtension,
)
from strawberry.schema.config import StrawberryConfig
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.unset import UNSET, UnsetType

from otel_llmops.api.graphql.context import Shared
from otel_llmops.api.graphql.described import describe
from otel_llmops.api.graphql.extent import ExtentLimiter
from otel_llmops.api.graphql.query import Query
from otel_llmops.api.graphql.scalars import SCALARS
from otel_llmops.api.graphql.snapshot import topology_loaders
from otel_llmops.api.graphql.subscription import Subscription
from otel_llmops.api.graphql.valid_once import ValidOnce, ValidTexts
from otel_llmops.errors import QueryError
from otel_llmops.storage.answers import LedgerEntry, TokenUse
from otel_llmops.storage.feed import Feed
from otel_llmops.storage.queries import Queries

__all__ = ["GraphQLApplication", "schema"]

_LOG = logging.getLogger(__name__)

_DEPTH_MAX = 12
"""GraphiQL's own introspection query is 11 deep, our own types 4."""
_ALIASES_MAX = 30
_TOKENS_MAX = 2000
_ANSWER_S_MAX = 30.0
"""Answers take 100 ms; a proxy gives up after 60 s."""
_SESSIONS_A_BATCH = 1000
_SUBSCRIPTIONS_MAX = 100
_FIRST_WORD = timedelta(seconds=10)


def _is_ours(error: GraphQLError) -> bool:
    """Whether the fault is ours, so that its text may tell what is nobody's business."""
    return error.original_error is not None and not isinstance(
        error.original_error, QueryError | GraphQLError
    )


class _Schema(strawberry.Schema):
    """A schema that logs what went wrong here, and nothing of what callers wrote wrong."""

    def __init__(self, *, answer_s_max: float, **more: Any) -> None:
        super().__init__(**more)
        self._answer_s_max = answer_s_max
        describe(self._schema)

    async def execute(self, *asked: Any, **more: Any) -> ExecutionResult:
        """As strawberry does, within the time that there is for it."""
        try:
            async with asyncio.timeout(self._answer_s_max):
                return await super().execute(*asked, **more)
        except TimeoutError:
            late = f"no answer within {self._answer_s_max:g} s (ask for less, or a shorter time)"
            return ExecutionResult(data=None, errors=[GraphQLError(late)])

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        del execution_context  # it holds the caller's text, which is not for the log
        for error in errors:
            if _is_ours(error):
                _LOG.error("graphql: %s failed", error.path, exc_info=error.original_error)


class _Hints(SchemaExtension):
    """Says to the caller what to do as well, which graphql-core leaves out of the message."""

    def on_operation(self) -> Iterator[None]:
        """After the operation has run."""
        yield
        for error in getattr(self.execution_context.result, "errors", None) or ():
            if isinstance(error.original_error, QueryError):
                error.message = str(error.original_error)


def schema(*, answer_s_max: float = _ANSWER_S_MAX) -> strawberry.Schema:
    """The schema of the contract. A query that takes longer than `answer_s_max` is given up."""
    valid = ValidTexts()
    return _Schema(
        answer_s_max=answer_s_max,
        query=Query,
        subscription=Subscription,
        config=StrawberryConfig(scalar_map=SCALARS),
        extensions=[
            _Hints,
            ExtentLimiter,
            lambda: QueryDepthLimiter(max_depth=_DEPTH_MAX),
            lambda: MaxAliasesLimiter(max_alias_count=_ALIASES_MAX),
            lambda: MaxTokensLimiter(max_token_count=_TOKENS_MAX),
            lambda: MaskErrors(
                should_mask_error=_is_ours,
                error_message="this could not be answered; the server's log says why",
            ),
            lambda: ValidOnce(valid),
        ],
    )


class GraphQLApplication(GraphQL[Shared, None]):
    """POST /graphql over `queries`, and subscriptions over `feed`.

    `jaeger_url` is empty where no Jaeger is configured.
    """

    def __init__(self, queries: Queries, feed: Feed, *, jaeger_url: str) -> None:
        # No browser interface: strawberry's GraphiQL loads its scripts from a public CDN.
        # No queries by GET: another site's page can send those in a reader's name.
        super().__init__(
            schema(),
            graphql_ide=None,
            allow_queries_via_get=False,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=_FIRST_WORD,
            max_subscriptions_per_connection=_SUBSCRIPTIONS_MAX,
        )
        self._queries = queries
        self._feed = feed
        self._jaeger_url = jaeger_url

    async def on_ws_connect(self, context: Shared) -> dict[str, object] | UnsetType | None:
        """A browser cannot send headers with a web socket: its first message bears the token."""
        keys = context["request"].scope.get("state", {}).get("keys")
        said = context.get("connection_params") or {}
        bearer = said.get("authorization") if isinstance(said, Mapping) else None
        authorization = bearer if isinstance(bearer, str) else None
        if keys is not None and keys.may(authorization, change=False) != HTTPStatus.OK:
            raise ConnectionRejectionError({"error": "a bearer token is needed"})
        no_payload: UnsetType = UNSET
        return no_payload

    async def get_context(
        self, request: Request | WebSocket, response: Response | WebSocket
    ) -> Shared:
        """What the fields of one request share."""
        return {
            "request": request,
            "response": response,
            "queries": self._queries,
            "feed": self._feed,
            "jaeger_url": self._jaeger_url,
            "ledger": DataLoader(self._ledgers, max_batch_size=_SESSIONS_A_BATCH),
            **topology_loaders(self._queries.topology),
            "tokens": DataLoader(self._tokens, max_batch_size=_SESSIONS_A_BATCH),
        }

    def decode_json(self, data: str | bytes) -> object:
        """A request: JSON as the RFC has it, and one query in it.

        Not json.loads: that takes half a surrogate pair, which no answer can be written with, and
        has four more errors of its own for what is no JSON.
        """
        found = orjson.loads(data)
        if not isinstance(found, dict | list):  # of lists strawberry says that it takes none
            raise json.JSONDecodeError("no JSON object", str(found), 0)
        return found

    def encode_json(self, data: object) -> str:
        """JSON as the RFC has it: a number that is none is a fault, not a word in the answer."""
        return json.dumps(data, allow_nan=False, ensure_ascii=False, separators=(",", ":"))

    async def _ledgers(self, asked: list[tuple[str, int, int]]) -> list[list[LedgerEntry]]:
        if len(asked) == 1:
            ((session_id, limit, offset),) = asked
            return [await self._queries.ledger([session_id], limit=limit, offset=offset)]
        by_session: dict[str, list[LedgerEntry]] = {session_id: [] for session_id, *_ in asked}
        for entry in await self._queries.ledger(list(by_session)):
            by_session[entry.session_id].append(entry)
        return [by_session[key][offset : offset + limit] for key, limit, offset in asked]

    async def _tokens(self, session_ids: list[str]) -> list[list[TokenUse]]:
        by_session: dict[str, list[TokenUse]] = {key: [] for key in session_ids}
        for use in await self._queries.tokens(session_ids):
            by_session[use.session_id].append(use)
        return [by_session[key] for key in session_ids]
