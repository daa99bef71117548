"""The REST API of a running `serve`, read by a command."""

import json
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from http.client import HTTPException
from typing import Any
from urllib.parse import quote

from otel_llmops.errors import LlmopsError, QueryError

__all__ = ["Reader"]

_TIMEOUT_S = 30.0
_PAUSE_S = 0.1


class Reader:
    """GETs from the API at `url`, which a `serve` on this machine gave, with `token` if any."""

    def __init__(self, url: str, *, token: str = "") -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        # no proxy: a collector on this machine is reached directly
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def rows(self, name: str, query: str = "limit=1000") -> list[dict[str, Any]]:
        """The list that GET /api/{name} answers with.

        Raises: QueryError, if the API refuses; LlmopsError, if it cannot be reached.
        """
        found = self._get(f"/api/{name}?{query}")
        if found is None or not isinstance(found.get(name), list):
            raise LlmopsError(f"{self._url} is no API of otel-llmops: it has no {name}")
        rows: list[dict[str, Any]] = found[name]
        return rows

    def session(self, session_id: str) -> dict[str, Any] | None:
        """The session with its tokens and its ledger, None where there is none.

        Raises: QueryError, if the API refuses; LlmopsError, if it cannot be reached.
        """
        found = self._get(f"/api/sessions/{quote(session_id, safe='')}")
        if found is not None and "tokens" not in found:
            raise LlmopsError(f"{self._url} is no API of otel-llmops, or of another version")
        return found

    def sessions(self, limit: int) -> list[dict[str, Any]]:
        """Sessions, newest first.

        Raises: QueryError, if the API refuses; LlmopsError, if it cannot be reached.
        """
        return self.rows("sessions", f"limit={limit}")

    def _get(self, path: str) -> dict[str, Any] | None:
        """The JSON object at `path`, None where there is nothing."""
        try:
            asked = urllib.request.Request(f"{self._url}{path}", headers=self._headers)  # noqa: S310
            with self._opener.open(asked, timeout=_TIMEOUT_S) as answer:
                found = json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == HTTPStatus.NOT_FOUND:
                    return None
                if error.code == HTTPStatus.UNAUTHORIZED:
                    hint = "give one that may read in OTEL_LLMOPS_API_TOKEN"
                    raise QueryError(f"{self._url} asks for a token", hint=hint) from error
                raise QueryError(f"GET {path} was refused: {error.read().decode()}") from error
        except (OSError, HTTPException, ValueError) as error:
            raise LlmopsError(f"the API at {self._url} cannot be reached: {error}") from error
        if not isinstance(found, dict):
            raise LlmopsError(f"{self._url} is no API of otel-llmops")
        return found

    def settled_sessions(self, count: int, *, wait_s: float) -> list[dict[str, Any]]:
        """All sessions, as soon as there are `count` and every one is final.

        Raises: LlmopsError, if that takes longer than `wait_s` seconds.
        """
        deadline = time.monotonic() + wait_s
        while True:
            sessions = self.rows("sessions")
            if len(sessions) >= count and all(session["final"] for session in sessions):
                return sessions
            if time.monotonic() >= deadline:
                raise LlmopsError(
                    f"{len(sessions)} of {count} sessions were there after {wait_s:.0f} s",
                    hint="the machine may be busy; try again",
                )
            time.sleep(_PAUSE_S)
