"""Who may ask the API what: names, pages of others, tokens."""

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from otel_llmops.api.doors import Doors, Keys
from otel_llmops.tokens import Tokens

READ, ADMIN = "a-token-that-may-read", "a-token-that-may-change"
KEYS = Keys.of_this_machine(["llmops.example"], read=Tokens([READ]), admin=Tokens([ADMIN]))
OPEN = Keys.of_this_machine()


async def _done(request: Request) -> Response:
    return Response("done")


_METHODS = ["GET", "POST", "DELETE"]
_APP = Starlette(routes=[Route("/{path:path}", _done, methods=_METHODS)])


def _asked(keys: Keys, method: str, path: str, **headers: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=Doors(_APP, keys))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("localhost:8080", 200),
        ("127.0.0.1:8080", 200),
        ("[::1]:8080", 200),
        ("LLMOPS.example", 421),
        ("evil.example", 421),
        ("evil.example:8080", 421),
        ("localhost.evil.example", 421),
        ("localhost@evil.example", 421),
        ("", 421),
    ],
)
def test_a_name_that_was_made_to_resolve_to_this_machine_is_refused(host: str, status: int) -> None:
    assert _asked(OPEN, "GET", "/api/agents", host=host).status_code == status


def test_a_name_that_the_operator_gave_is_ours() -> None:
    keys = Keys.of_this_machine(["LLMOPS.example"])
    assert _asked(keys, "GET", "/api/agents", host="llmops.example:8080").status_code == 200


def test_who_listens_for_others_is_asked_by_any_name() -> None:
    keys = Keys(read=Tokens([READ]))
    asked = _asked(keys, "GET", "/", host="10.0.0.7:8080", authorization=f"Bearer {READ}")
    assert asked.status_code == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:8080", 200),
        ("https://localhost:8080", 200),
        ("http://localhost:3000", 403),
        ("https://evil.example", 403),
        ("null", 403),
        ("", 403),
    ],
)
def test_a_page_of_somebody_else_may_not_ask(origin: str, status: int) -> None:
    asked = _asked(OPEN, "POST", "/graphql", host="localhost:8080", origin=origin)
    assert asked.status_code == status


@pytest.mark.parametrize(
    ("token", "statuses"),
    [
        (None, [401, 401, 401, 401]),
        ("Bearer ", [401, 401, 401, 401]),
        (READ, [401, 401, 401, 401]),
        (f"Basic {READ}", [401, 401, 401, 401]),
        (f"Bearer {READ}x", [401, 401, 401, 401]),
        (f"Bearer {READ}", [200, 200, 403, 403]),
        (f"bearer {READ}", [200, 200, 403, 403]),
        (f"Bearer {ADMIN}", [200, 200, 200, 200]),
    ],
)
def test_a_token_may_do_what_it_is_for(token: str | None, statuses: list[int]) -> None:
    headers = {"authorization": token} if token is not None else {}
    asked = [
        ("GET", "/api/agents"),
        ("POST", "/graphql"),
        ("POST", "/api/topology"),
        ("DELETE", "/api/sessions/s"),
    ]
    assert [_asked(KEYS, *each, **headers).status_code for each in asked] == statuses


def test_where_only_changes_are_guarded_everybody_reads() -> None:
    keys = Keys.of_this_machine(admin=Tokens([ADMIN]))
    found = [_asked(keys, *each).status_code for each in [("GET", "/"), ("DELETE", "/api/x")]]
    assert found == [200, 401]


def test_probes_bear_no_token() -> None:
    paths = ["/healthz", "/readyz", "/metrics"]
    assert [_asked(KEYS, "GET", path).status_code for path in paths] == [200, 200, 401]


def test_a_refusal_says_what_to_do_and_nothing_else() -> None:
    asked = _asked(KEYS, "GET", "/api/agents")
    assert (asked.json(), asked.headers["www-authenticate"]) == (
        {"error": "a bearer token is needed", "hint": "send it in the Authorization header"},
        "Bearer",
    )


def test_a_browser_runs_nothing_of_an_answer() -> None:
    told = _asked(OPEN, "GET", "/api/agents").headers
    assert {name: told[name] for name in ("x-content-type-options", "content-security-policy")} == {
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    }
