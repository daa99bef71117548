"""REST by which sessions of an earlier version are analysed again."""

from asyncio import to_thread
from datetime import datetime
from typing import Protocol

import orjson
from starlette.requests import Request

from otel_llmops.api.operations import Body, Operation
from otel_llmops.api.parameters import time
from otel_llmops.api.shapes import Shape
from otel_llmops.errors import QueryError

__all__ = ["Reanalysing", "operations"]

_JSON = "application/json"
_ASKED = {
    "type": "object",
    "properties": {"since": {"type": ["string", "null"], "format": "date-time"}},
    "additionalProperties": False,
}
_PROGRESS = Shape(
    "Progress",
    "How far it is.",
    more={"version": int, "running": bool, "sessions": int, "done": int, "left_out": int},
)


class Reanalysing(Protocol):
    """What analyses again; both give a dataclass that says how far it is."""

    def ask(self, since: datetime | None) -> object:
        """Have it done. Raises: QueryError."""

    def progress(self) -> object:
        """How far it is."""


def operations(reanalysis: Reanalysing) -> list[Operation]:
    """POST begins, GET tells how far it is."""

    async def begin(request: Request) -> object:
        return await to_thread(reanalysis.ask, _since(await _document(request)))

    async def look() -> object:
        return reanalysis.progress()

    return [
        Operation("/api/reanalyze", "How far the last one is.", look, _PROGRESS),
        Operation(
            "/api/reanalyze",
            "Have sessions of an earlier version of the analysis analysed again.",
            begin,
            _PROGRESS,
            method="POST",
            body=Body(_JSON, _ASKED),
        ),
    ]


async def _document(request: Request) -> dict[str, object]:
    # not a form's or a plain text: those another site's page can send in a reader's name
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
        raise QueryError("the request is no JSON", hint=f"send it with content-type: {_JSON}")
    try:
        found = orjson.loads(await request.body() or b"{}")
    except orjson.JSONDecodeError as error:
        raise QueryError(f"the request is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise QueryError(
            "the request is no JSON object", hint='send {"since": "2026-11-01T00:00:00Z"}'
        )
    strangers = sorted(set(found) - {"since"})
    if strangers:
        raise QueryError(f"there is no {strangers[0]!r}", hint="there is since")
    return found


def _since(document: dict[str, object]) -> datetime | None:
    since = document.get("since")
    if since is None:
        return None
    if not isinstance(since, str):
        raise QueryError(f"since is {since!r}", hint="write it as 2026-11-22T19:30:00Z")
    return time(since)
