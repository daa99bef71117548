"""The REST API of a running `serve`, read by a command."""

import json
import time
import urllib.error
import urllib.request
from typing import Any

from otel_llmops.errors import LlmopsError, QueryError

__all__ = ["Reader"]

_TIMEOUT_S = 30.0
_PAUSE_S = 0.1


class Reader:
    """GETs from the API at `url`, which a `serve` on this machine gave."""

    def __init__(self, url: str) -> None:
        self._url = url
        # no proxy: a collector on this machine is reached directly
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def rows(self, name: str, query: str = "limit=1000") -> list[dict[str, Any]]:
        """The list that GET /api/{name} answers with.

        Raises: QueryError, if the API refuses; LlmopsError, if it cannot be reached.
        """
        try:
            with self._opener.open(f"{self._url}/api/{name}?{query}", timeout=_TIMEOUT_S) as answer:
                found: list[dict[str, Any]] = json.load(answer)[name]
        except urllib.error.HTTPError as error:
            with error:
                raise QueryError(f"GET /api/{name} was refused: {error.read().decode()}") from error
        except OSError as error:
            raise LlmopsError(f"the API at {self._url} cannot be reached: {error}") from error
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
