"""The REST API of a running `serve`, read by a command."""

import json
import time
import urllib.error
import urllib.request
from datetime import datetime
from http import HTTPStatus
from http.client import HTTPException
from typing import Any
from urllib.parse import quote, urlencode

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
        found = self.document(f"/api/{name}?{query}")
        if found is None or not isinstance(found.get(name), list):
            raise LlmopsError(f"{self._url} is no API of otel-llmops: it has no {name}")
        rows: list[dict[str, Any]] = found[name]
        return rows

    def session(self, session_id: str) -> dict[str, Any] | None:
        """The session with its tokens and its ledger, None where there is none.

        Raises: QueryError, if the API refuses; LlmopsError, if it cannot be reached.
        """
        found = self.document(f"/api/sessions/{quote(session_id, safe='')}")
        if found is not None and "tokens" not in found:
            raise LlmopsError(f"{self._url} is no API of otel-llmops, or of another version")
        return found

    def sessions(self, limit: int) -> list[dict[str, Any]]:
        """Sessions, newest first.

        Raises: QueryError, if the API refuses; LlmopsError, if it cannot be reached.
        """
        return self.rows("sessions", f"limit={limit}")

    def diagnosis(self, session_id: str | None) -> dict[str, Any] | None:
        """How spans were read, None where there is no such session.

        Raises: QueryError, if the API refuses; LlmopsError, if it cannot be reached.
        """
        asked = "" if session_id is None else f"?session_id={quote(session_id, safe='')}"
        return self.document(f"/api/doctor{asked}")

    def report(self, session_id: str) -> dict[str, Any] | None:
        """All that the page about a session rests on, None where there is no such session.

        Raises: QueryError, if the API refuses; LlmopsError, if it cannot be reached.
        """
        return self.document(f"/api/report/{quote(session_id, safe='')}")

    def bottlenecks(
        self, session_id: str | None, *, min_severity: str | None, limit: int
    ) -> list[dict[str, Any]]:
        """What holds up a session, or all of them, most first.

        Raises: QueryError, if the API refuses; LlmopsError, if it cannot be reached.
        """
        given = {"session_id": session_id, "min_severity": min_severity, "limit": limit}
        asked = urlencode({name: value for name, value in given.items() if value is not None})
        return self.rows("bottlenecks", asked)

    def document(self, path: str) -> dict[str, Any] | None:
        """The JSON object at `path`, None where there is nothing.

        Raises: QueryError, if the API refuses; LlmopsError, if it cannot be reached.
        """
        return self._asked(path)

    def reanalyze(self, since: datetime | None) -> dict[str, Any]:
        """Have sessions of an earlier version analysed again; how far it is.

        Raises: QueryError, if the API refuses; LlmopsError, if it cannot be reached.
        """
        asked = {} if since is None else {"since": since.isoformat()}
        return self._progress(json.dumps(asked).encode())

    def reanalysis(self) -> dict[str, Any]:
        """How far it is.

        Raises: QueryError, if the API refuses; LlmopsError, if it cannot be reached.
        """
        return self._progress(None)

    def _progress(self, body: bytes | None) -> dict[str, Any]:
        found = self._asked("/api/reanalyze", body)
        if found is None or "running" not in found:
            raise LlmopsError(f"{self._url} is no API of otel-llmops, or of another version")
        return found

    def _asked(self, path: str, body: bytes | None = None) -> dict[str, Any] | None:
        """The JSON object at `path`, None where there is nothing; with `body` it is a POST."""
        headers = self._headers | {"Content-Type": "application/json"}
        asked = urllib.request.Request(  # noqa: S310 - http or https, checked where it is given
            f"{self._url}{path}", data=body, headers=headers
        )
        try:
            with self._opener.open(asked, timeout=_TIMEOUT_S) as answer:
                found = json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == HTTPStatus.NOT_FOUND:
                    return None
                if error.code == HTTPStatus.UNAUTHORIZED:
                    hint = "give one that may in OTEL_LLMOPS_API_TOKEN"
                    raise QueryError(f"{self._url} asks for a token", hint=hint) from error
                raise QueryError(
                    f"{asked.get_method()} {path} was refused: {error.read().decode()}"
                ) from error
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
