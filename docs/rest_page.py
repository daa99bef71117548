"""The page of the API, made of its own OpenAPI document: called by generate.py."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from markdown_tables import MADE, code, table
from starlette.testclient import TestClient

from otel_llmops.api.application import OPENAPI, application
from otel_llmops.storage.queries import Queries

__all__ = ["api"]

DOCS = Path(__file__).parent

_API = """# The API

{made}

`otel-llmops serve` answers on `http://127.0.0.1:8080`, by REST and by GraphQL, with the same
figures. Where tokens are configured, send one as `Authorization: Bearer TOKEN`
([operating](operating.md)). What it answers to who attacks it: [security](security.md).

## REST

```sh
curl 'http://127.0.0.1:8080/api/agents?limit=5'
curl 'http://127.0.0.1:8080/api/handoffs?min_quality=0.5&since=2026-11-01T00:00:00Z'
curl http://127.0.0.1:8080/api/openapi.json
```

- `/api/openapi.json` is the whole contract, OpenAPI 3.1: it is made of the table of routes that
  checks the requests, so the two cannot differ.
- Lists take `limit` (1 to 1000, 100 if nothing is said) and `offset`, and are in the order that
  stands with each. Lists that belong to one thing (a session's ledger and drift) have the first
  1000 if nothing is said.
- A name that is misspelt, a value out of its bounds and a parameter given twice are refused: what
  is not understood is not left out in silence.
- Whatever is refused is `{{"error": "what was wrong", "hint": "what to do"}}`, with 400 (the
  request), 401 and 403 (the token), 404 (there is no such thing), 421 (another host's name) or 500
  (our fault: the log says why, the answer does not).
- `/api/services`, `/api/traces` and what else [Jaeger](jaeger.md) asks is Jaeger's contract.

## GraphQL

```sh
curl http://127.0.0.1:8080/graphql -H 'content-type: application/json' \
  -d '{{"query": "{{ agents(limit: 5) {{ name totalTokens costUsd }} }}"}}'
```

- Queries go by POST, as JSON, one at a time. The schema may be read by introspection; every field
  and argument says what it means.
- Subscriptions (`handoffs`, `agents`, `coordinationGraph`) speak `graphql-transport-ws` at the same
  path; a browser sends its token as `authorization` in the first message.
- A query is refused beyond 12 levels, 500 fields (fragments written out), 30 aliases, 2,000 tokens
  or 2,000,000 rows (pages within pages multiplied), and given up after 30 s.

## Routes of REST

{routes}

## What is answered

{answers}
"""


class _Nothing:
    """A store and an analysis that nobody asks: it is the routes that are described."""

    async def fetch(self, statement: object) -> list[Any]:
        return []

    def ask(self, since: object) -> None: ...
    def delete(self, session_id: str) -> None: ...
    def progress(self) -> None: ...


def described() -> dict[str, Any]:
    nothing = _Nothing()
    app = application(
        Queries(nothing),
        reanalysis=nothing,
        deletions=nothing,
        replace_snapshot=lambda name, tables: None,
    )
    with TestClient(app) as client:
        found: dict[str, Any] = client.get(OPENAPI).json()
    return found


def of_schema(schema: Mapping[str, Any]) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(of_schema(each) for each in schema["anyOf"])
    if "items" in schema:
        return f"list of {of_schema(schema['items'])}"
    kinds = schema.get("type", "any")
    said = kinds if isinstance(kinds, str) else " or ".join(kinds)
    if "enum" in schema:
        said = ", ".join(code(each) for each in schema["enum"])
    elif "maximum" in schema:
        said = f"{said}, {schema['minimum']} to {schema['maximum']}"
    elif "format" in schema:
        said = "time" if schema["format"] == "date-time" else said
    return said + (f"; {code(str(schema['default']))} if not given" if "default" in schema else "")


def route(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield from ("", f"### {method.upper()} {path}", "", operation["summary"])
    rows = [
        (code(each["name"]), of_schema(each["schema"]),
         "in the path" if each["in"] == "path" else "needed" if each["required"] else "",
         each["description"])
        for each in operation["parameters"]
    ]  # fmt: skip
    if rows:
        yield ""
        yield from table(("parameter", "value", "", "meaning"), rows)
    for kind in operation.get("requestBody", {}).get("content", {}):
        yield from ("", f"Takes {code(kind)}.")
    own = {status: said for status, said in operation["responses"].items() if status < "300"}
    for status, said in own.items():
        given = [
            f"{of_schema(each['schema'])} as {code(kind)}" for kind, each in said["content"].items()
        ]
        yield from ("", f"Answers {status} with {', or '.join(given)}.")


def shape(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    yield from ("", f"### {name}", "", schema["description"], "")
    rows = [
        (code(each), of_schema(held), held.get("description", ""))
        for each, held in schema["properties"].items()
    ]
    yield from table(("field", "value", "meaning"), rows)


def api() -> str:
    document = described()
    routes = [
        line
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        for line in route(method, path, operation)
    ]
    answers = [
        line
        for name, schema in document["components"]["schemas"].items()
        for line in shape(name, schema)
    ]
    return _API.format(
        made=MADE,
        routes="\n".join(routes).strip(),
        answers="\n".join(answers).strip(),
    )
