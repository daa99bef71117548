"""Server-sent events: what changed, for scripts and for the page.

Strategy: each event is one JSON document, at most a few a second: what changes in between is told
together. Comments in the silence keep proxies from closing, and show us that the reader is gone.

Source: WHATWG HTML, "Server-sent events".
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing

from starlette.responses import StreamingResponse

from otel_llmops.api.documents import plain
from otel_llmops.api.operations import Operation, text
from otel_llmops.errors import QueryError
from otel_llmops.storage.feed import Feed

__all__ = ["operations"]

_REST_S = 0.25
_SILENCE_S = 15.0
_EVENTS = "text/event-stream"
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def operations(feed: Feed) -> list[Operation]:
    """GET /api/live: events `changes` (and `error`, which is the last)."""

    async def live(session_id: str | None) -> StreamingResponse:
        return StreamingResponse(_events(feed, session_id), media_type=_EVENTS, headers=_HEADERS)

    return [
        Operation(
            "/api/live",
            "What changes, while it happens: events `changes`, and `error`, which is the last.",
            live,
            None,
            (text("session_id"),),
            also={_EVENTS: {"type": "string"}},
        )
    ]


async def _events(feed: Feed, session_id: str | None) -> AsyncIterator[str]:
    yield ": listening\n\n"
    try:
        told = feed.changes(session_id=session_id, silence_s=_SILENCE_S)
        async with aclosing(told) as changes:
            async for found in changes:
                yield _event("changes", plain(found)) if found.sessions else ": still here\n\n"
                await asyncio.sleep(_REST_S)
    except QueryError as error:
        yield _event("error", {"error": error.message, "hint": error.hint})


def _event(name: str, document: object) -> str:
    return f"event: {name}\ndata: {json.dumps(document, ensure_ascii=False)}\n\n"
