"""A route of REST, declared once: what it takes and gives, for the server and for its document.

Strategy: a parameter has a schema, which api/openapi.py shows, and a reader, which says in plain
words what is wrong with a value; both are made in one place. What is read is given to the answer by
the parameters' names, which are those of the queries.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from otel_llmops.api.answering import Parameters, answered
from otel_llmops.api.meanings import ARGUMENTS
from otel_llmops.api.parameters import OFFSET_MAX, page, share, time, word
from otel_llmops.errors import QueryError
from otel_llmops.storage.queries import LIMIT_DEFAULT, LIMIT_MAX

__all__ = [
    "LIMIT",
    "LONG_PAGE",
    "OFFSET",
    "PAGE",
    "SINCE",
    "TIMES",
    "UNTIL",
    "WINDOW",
    "Body",
    "Operation",
    "Parameter",
    "routes",
    "share_of",
    "text",
    "whole",
    "word_of",
]

_WHOLE = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value in a query string, or in the path where that names it.

    `needed` is an example of what must be given; `otherwise` is what counts where nothing is.
    """

    name: str
    schema: Mapping[str, Any]
    read: Callable[[str], Any]
    needed: str = ""
    otherwise: Any = None

    @property
    def meaning(self) -> str:
        """What it is for."""
        return ARGUMENTS[self.name]


def text(name: str, *, needed: str = "") -> Parameter:
    """Any text; not an empty one where it is needed."""
    schema = {"type": "string"} | ({"minLength": 1} if needed else {})
    return Parameter(name, schema, str, needed=needed)


def whole(
    name: str, check: Callable[[int], int], *, least: int, most: int, otherwise: int
) -> Parameter:
    """A whole number from `least` to `most`, which `check` refuses others than."""

    def read(given: str) -> int:
        if not _WHOLE.fullmatch(given):
            raise QueryError(f"{name} is {given!r}", hint="give a whole number")
        return check(int(given))

    schema = {"type": "integer", "minimum": least, "maximum": most, "default": otherwise}
    return Parameter(name, schema, read, otherwise=otherwise)


def share_of(name: str) -> Parameter:
    """A number from 0 to 1."""

    def read(given: str) -> float | None:
        if not _NUMBER.fullmatch(given):
            raise QueryError(f"{name} is {given!r}", hint="give a number from 0 to 1")
        return share(float(given), name=name)

    return Parameter(name, {"type": "number", "minimum": 0, "maximum": 1}, read)


def word_of(name: str, known: Iterable[str], *, otherwise: str | None = None) -> Parameter:
    """One of some words."""
    words = tuple(known)
    schema: dict[str, Any] = {"type": "string", "enum": list(words)}
    if otherwise is not None:
        schema["default"] = otherwise
    return Parameter(name, schema, partial(word, known=words, name=name), otherwise=otherwise)


_TIME = {"type": "string", "format": "date-time"}

SINCE, UNTIL = (Parameter(name, _TIME, time) for name in ("since", "until"))
TIMES = (SINCE, UNTIL)


def _limit(otherwise: int) -> Parameter:
    return whole(
        "limit",
        lambda rows: page(rows, None)[0],
        least=1,
        most=LIMIT_MAX,
        otherwise=otherwise,
    )


LIMIT = _limit(LIMIT_DEFAULT)
OFFSET = whole("offset", lambda rows: page(None, rows)[1], least=0, most=OFFSET_MAX, otherwise=0)
PAGE = (LIMIT, OFFSET)
LONG_PAGE = (_limit(LIMIT_MAX), OFFSET)
"""Of lists that belong to one thing, which are seldom longer."""
WINDOW = (*TIMES, *PAGE)


@dataclass(frozen=True, slots=True)
class Body:
    """What a request holds; the answer is given the request, and reads it itself."""

    media_type: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. `path` is written as OpenAPI does; a value in it may hold slashes.

    `answer` takes the parameters by their names, and a request where there is a `body`. `gives` is
    what shapes.Shapes knows; `also` are other types of content it may answer in; `refuses` are the
    statuses that others do not have, with their meaning.
    """

    path: str
    summary: str
    answer: Callable[..., Awaitable[object]]
    gives: object
    takes: tuple[Parameter, ...] = ()
    method: str = "GET"
    body: Body | None = None
    status: int = 200
    also: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    refuses: Mapping[int, str] = field(default_factory=dict)

    def is_in_path(self, parameter: Parameter) -> bool:
        """Whether the path names it."""
        return f"{{{parameter.name}}}" in self.path

    async def answer_to(self, request: Request) -> object:
        """Read the request, and answer it. Raises: QueryError."""
        asked = [each for each in self.takes if not self.is_in_path(each)]
        query = Parameters(request, {each.name for each in asked})
        given = dict(request.path_params)
        for each in asked:
            said = query.text(each.name)
            if each.needed and not said:
                raise QueryError(f"{each.name} is missing", hint=f"give {each.name}={each.needed}")
            given[each.name] = each.otherwise if said is None else each.read(said)
        if self.body is not None:
            given["request"] = request
        return await self.answer(**given)


def routes(operations: Iterable[Operation]) -> list[Route]:
    """The routes of these operations, in their order; one for all methods of a path."""
    by_path: dict[str, dict[str, Operation]] = {}
    for each in operations:
        by_path.setdefault(each.path, {})[each.method] = each
    return [
        Route(re.sub(r"\{(\w+)\}", r"{\1:path}", path), _endpoint(found), methods=list(found))
        for path, found in by_path.items()
    ]


def _endpoint(operations: Mapping[str, Operation]) -> Callable[[Request], Awaitable[Response]]:
    answers = {method: answered(each.answer_to) for method, each in operations.items()}

    async def endpoint(request: Request) -> Response:
        return await answers["GET" if request.method == "HEAD" else request.method](request)

    return endpoint
