"""The REST API of a running `serve`, read by a command."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from http import HTTPStatus
from http.client import HTTPException
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from otel_llmops.errors import ConfigError, LlmopsError, QueryError

__all__ = ["Given", "Reader", "api_url"]

Given = Mapping[str, str | int | float | None]
"""Parameters by their names in the REST API; None where nothing was said."""

_TIMEOUT_S = 30.0
_STORING_S = 120.0
"""A snapshot of 10,000 files is durable some seconds after it was sent; the disk may be busy."""
_PAUSE_S = 0.1
_LEDGER_PAGE = 1000
"""As many entries of a ledger as the API gives at once."""
_HAS = {"d3": "nodes", "cytoscape": "elements", "sankey": "nodes", "treemap": "children"}
"""What a picture of each format has."""


def api_url(url: str) -> str:
    """The URL of an API, as a user gave it, without the slash at its end.

    Raises: ConfigError, if it is none.
    """
    try:
        parts = urlsplit(url)
        known = parts.scheme in {"http", "https"} and parts.hostname
    except ValueError:
        known = None
    if not known:
        raise ConfigError(f"url: {url!r} is not an http:// or https:// URL")
    return url.rstrip("/")


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
        path = f"/api/sessions/{quote(session_id, safe='')}"
        found = self.document(path)
        if found is None:
            return None
        if "tokens" not in found:
            raise LlmopsError(f"{self._url} is no API of otel-llmops, or of another version")
        ledger = more = found["ledger"]
        while len(more) == _LEDGER_PAGE:
            page = self.document(f"{path}?offset={len(ledger)}")
            more = page["ledger"] if page is not None else []
            ledger += more
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

    def difference(self, before: str, after: str) -> dict[str, Any]:
        """What moved between two commits.

        Raises: QueryError, if the API refuses; LlmopsError, if it cannot be reached.
        """
        asked = urlencode({"before": before, "after": after})
        return self._known(self.document(f"/api/topology/diff?{asked}"), "tokens")

    def answer(self, name: str, given: Given) -> list[dict[str, Any]]:
        """The rows of agents, handoffs, bottlenecks, hotspots or usage.

        Raises: QueryError, if the API refuses; LlmopsError, if it cannot be reached.
        """
        return self.rows(name, _query(given))

    def graph(self, session_id: str | None, given: Given) -> dict[str, Any] | None:
        """The coordination graph, None where there is no such session.

        Raises: QueryError, if the API refuses; LlmopsError, if it cannot be reached.
        """
        one = "" if session_id is None else f"/{quote(session_id, safe='')}"
        return self.document(f"/api/coordination-graph{one}?{_query(given)}")

    def code_picture(self, name: str) -> Any:
        """The newest scan with the tokens of spans, in one of views.FORMATS.

        Raises: QueryError, if the API refuses; LlmopsError, if it cannot be reached.
        """
        path = f"/api/topology/graph?format={quote(name)}"
        return self._text(path) if name == "html" else self._known(self.document(path), _HAS[name])

    def reanalyze(self, since: datetime | None) -> dict[str, Any]:
        """Have sessions of an earlier version analysed again; how far it is.

        Raises: QueryError, if the API refuses; LlmopsError, if it cannot be reached.
        """
        asked = {} if since is None else {"since": since.isoformat()}
        told = self.post(
            "/api/reanalyze", json.dumps(asked).encode(), content_type="application/json"
        )
        return self._known(told, "running")

    def delete(self, session_id: str) -> dict[str, Any] | None:
        """Have a session deleted; what was deleted, None where there is none.

        Raises: QueryError, if the API refuses; LlmopsError, if it cannot be reached.
        """
        path = f"/api/sessions/{quote(session_id, safe='')}"
        request = urllib.request.Request(  # noqa: S310 - a URL that a serve or the user gave
            f"{self._url}{path}", headers=self._headers, method="DELETE"
        )
        return self._answer(request, f"DELETE {path}", timeout_s=_STORING_S)

    def reanalysis(self) -> dict[str, Any]:
        """How far it is.

        Raises: QueryError, if the API refuses; LlmopsError, if it cannot be reached.
        """
        return self._known(self.document("/api/reanalyze"), "running")

    def _known(self, found: dict[str, Any] | None, has: str) -> dict[str, Any]:
        """An answer that has what it must have."""
        if found is None or has not in found:
            raise LlmopsError(f"{self._url} is no API of otel-llmops, or of another version")
        return found

    def post(self, path: str, body: bytes, *, content_type: str) -> dict[str, Any]:
        """Send `body`, and give what is answered.

        Raises: QueryError, if the API refuses; LlmopsError, if it cannot be reached.
        """
        request = urllib.request.Request(  # noqa: S310 - http or https, see api_url
            f"{self._url}{path}", data=body, method="POST",
            headers={**self._headers, "Content-Type": content_type},
        )  # fmt: skip
        found = self._answer(request, f"POST {path}", timeout_s=_STORING_S)
        if found is None:
            raise LlmopsError(f"{self._url} is no API of otel-llmops, or of another version")
        return found

    def document(self, path: str) -> dict[str, Any] | None:
        """The JSON object at `path`, None where there is nothing.

        Raises: QueryError, if the API refuses; LlmopsError, if it cannot be reached.
        """
        request = urllib.request.Request(f"{self._url}{path}", headers=self._headers)  # noqa: S310
        return self._answer(request, f"GET {path}", timeout_s=_TIMEOUT_S)

    def _text(self, path: str) -> str:
        request = urllib.request.Request(f"{self._url}{path}", headers=self._headers)  # noqa: S310
        found = self._body(request, f"GET {path}", timeout_s=_TIMEOUT_S)
        return "" if found is None else found.decode()

    def _answer(
        self, request: urllib.request.Request, what: str, *, timeout_s: float
    ) -> dict[str, Any] | None:
        body = self._body(request, what, timeout_s=timeout_s)
        try:
            found = None if body is None else json.loads(body)
        except ValueError as error:
            raise LlmopsError(f"{self._url} is no API of otel-llmops") from error
        if body is not None and not isinstance(found, dict):
            raise LlmopsError(f"{self._url} is no API of otel-llmops")
        return found

    def _body(
        self, request: urllib.request.Request, what: str, *, timeout_s: float
    ) -> bytes | None:
        """What is answered, None where there is nothing of that name."""
        try:
            with self._opener.open(request, timeout=timeout_s) as answer:
                body: bytes = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                if error.code == HTTPStatus.NOT_FOUND:
                    return None
                raise self._refusal(error, what) from error
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", error)
            said = getattr(reason, "strerror", None) or reason
            raise LlmopsError(f"the API at {self._url} cannot be reached: {said}") from error
        return body

    def _refusal(self, error: urllib.error.HTTPError, what: str) -> QueryError:
        """What the API says, with what to do."""
        if error.code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            hint = "give one that may do this in OTEL_LLMOPS_API_TOKEN"
            return QueryError(f"{self._url} asks for a token", hint=hint)
        body = error.read().decode(errors="replace")
        with suppress(ValueError, KeyError, TypeError):
            told = json.loads(body)
            return QueryError(str(told["error"]), hint=str(told["hint"]))
        return QueryError(f"{what} was refused: {body}")

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


def _query(given: Given) -> str:
    return urlencode({name: value for name, value in given.items() if value is not None})
