"""Which web pages may send: only those of origins that the operator named.

Source: WHATWG Fetch, "CORS protocol"; the OpenTelemetry Collector's confighttp, which asks the
operator as well.
"""

from collections.abc import Iterable, Mapping

from starlette.datastructures import Headers

__all__ = ["Cors"]

_ANY = "*"
_MAX_AGE_S = 7200
"""Chromium remembers a preflight no longer."""


class Cors:
    """Answers for `origins`, each as browsers write it (https://shop.example), or * for all."""

    def __init__(self, origins: Iterable[str] = ()) -> None:
        self._origins = frozenset(origins)

    def headers(self, request: Headers) -> Mapping[str, str]:
        """What lets a page of an allowed origin read the answer to `request`."""
        origin = request.get("origin", "")
        if not self._origins or not origin:
            return {}
        if _ANY in self._origins:
            return {"Access-Control-Allow-Origin": _ANY}
        vary = {"Vary": "Origin"}
        return vary | {"Access-Control-Allow-Origin": origin} if origin in self._origins else vary

    def preflight(self, method: str, request: Headers) -> Mapping[str, str] | None:
        """The headers of the answer to a preflight, None where `request` is no allowed one."""
        allowed = self.headers(request)
        asked = request.get("access-control-request-method")
        if method != "OPTIONS" or asked is None or "Access-Control-Allow-Origin" not in allowed:
            return None
        return {
            **allowed,
            "Access-Control-Allow-Methods": "POST",
            # whoever may send may send any header: what it costs is counted, not what it is called
            "Access-Control-Allow-Headers": request.get("access-control-request-headers", ""),
            "Access-Control-Max-Age": str(_MAX_AGE_S),
        }
