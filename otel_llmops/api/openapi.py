"""The document of REST, OpenAPI 3.1, made from the operations that are served.

Source: OpenAPI Specification 3.1.1.
"""

import re
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

from otel_llmops.api.operations import Operation, Parameter
from otel_llmops.api.shapes import Shapes

__all__ = ["document"]

_TITLE = "otel-llmops"
_ABOUT = (
    "Who handed over to whom, was it any good, where did the time go, and which function burned "
    "the tokens. The same answers as POST /graphql, in snake_case. Times are RFC 3339 in UTC, "
    "durations milliseconds, tokens counts, costs US dollars. Whatever is refused is answered with "
    "an Error."
)
_ERROR = {
    "type": "object",
    "description": "Why there is no answer.",
    "properties": {
        "error": {"type": "string", "description": "What was wrong."},
        "hint": {"type": "string", "description": "What to do; may be empty."},
    },
    "required": ["error", "hint"],
    "additionalProperties": False,
}
_REFUSALS = {
    400: "A parameter, or the body, is not as the document says, or asks for what cannot be.",
    401: "A bearer token is needed.",
    403: "The token may not do this, or a page of another origin asks.",
    421: "The request is meant for another host.",
    500: "It could not be answered; the server's log says why.",
}


def document(operations: Iterable[Operation]) -> dict[str, Any]:
    """The document of these operations."""
    shapes = Shapes()
    paths: dict[str, dict[str, Any]] = {}
    for each in operations:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each, shapes)
    return {
        "openapi": "3.1.0",
        "info": {"title": _TITLE, "description": _ABOUT, "version": version("otel-llmops")},
        "security": [{}, {"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": {"Error": _ERROR, **dict(sorted(shapes.components.items()))},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(each: Operation, shapes: Shapes) -> dict[str, Any]:
    content = {kind: {"schema": dict(schema)} for kind, schema in each.also.items()}
    if each.gives is not None:
        content = {"application/json": {"schema": shapes.of(each.gives)}} | content
    refused = {
        status: _refusal(said) for status, said in sorted({**_REFUSALS, **each.refuses}.items())
    }
    made: dict[str, Any] = {
        "operationId": _id(each),
        "summary": each.summary,
        "parameters": [_parameter(each, one) for one in each.takes],
        "responses": {
            str(status): said
            for status, said in {
                each.status: {"description": each.summary, "content": content},
                **refused,
            }.items()
        },
    }
    if each.body is not None:
        made["requestBody"] = {
            "required": True,
            "content": {each.body.media_type: {"schema": dict(each.body.schema)}},
        }
    return made


def _id(each: Operation) -> str:
    words = re.findall(r"\w+", each.path.removeprefix("/api").replace("-", "_"))
    return "_".join([each.method.lower(), *words])


def _parameter(each: Operation, parameter: Parameter) -> dict[str, Any]:
    in_path = each.is_in_path(parameter)
    return {
        "name": parameter.name,
        "in": "path" if in_path else "query",
        "required": in_path or bool(parameter.needed),
        "description": parameter.meaning,
        "schema": dict(parameter.schema),
    }


def _refusal(said: str) -> dict[str, Any]:
    error = {"$ref": "#/components/schemas/Error"}
    return {"description": said, "content": {"application/json": {"schema": error}}}
