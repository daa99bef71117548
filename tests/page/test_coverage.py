"""Every answer of the API has its place on the page: the schema against what the page asks."""

import re
from collections.abc import Iterator
from pathlib import Path

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    parse,
    validate,
    visit,
)

from otel_llmops.api.graphql.schema import schema
from otel_llmops.page.build import FOLDER

MODULES = sorted(FOLDER.parent.glob("*.js"))
TEXT = re.compile(r"""^const ([A-Z_]+) = (?:`([^`]*)`|"([^"]*)");$""", re.MULTILINE)
PART = re.compile(r"\$\{([A-Z_]+)\}")

ELSEWHERE = {
    "the page's windows end now, or where the window before does": (
        "Query.agents(until)",
        "Query.bottlenecks(until)",
        "Query.coalitions(until)",
        "Query.coordinationGraph(until)",
        "Query.handoffs(until)",
        "Query.highTokenFunctions(until)",
        "Query.sessions(until)",
    ),
    "GET /api/live tells the page that something is new, and it asks for it": (
        "Subscription.agents",
        "Subscription.coordinationGraph",
        "Subscription.coordinationGraph(sessionId)",
        "Subscription.handoffs",
        "Subscription.handoffs(sessionId)",
    ),
    "asked for by it, so known": (
        "ContextDrift.sessionId",
        "GraphData.format",
    ),
    "the end of a longer name that is shown": (
        "CodeModule.moduleName",
        "FunctionUsage.functionName",
    ),
    "told by what is shown: the recommendation, the tool or the model, the span": (
        "BottleneckInfo.kind",
        "ContextDrift.traceId",
        "Finding.recommendation",
        "LedgerEntry.traceId",
    ),
    "a page of it is a thousand, which is more than a reader reads": (
        "CodeModule.dependencies(limit)",
        "CodeModule.dependencies(offset)",
        "CodeModule.functions(limit)",
        "CodeModule.functions(offset)",
        "Query.contextDrift(limit)",
        "Query.contextDrift(offset)",
        "Query.highTokenFunctions(offset)",
        "Session.ledger(offset)",
        "Session.tokens(limit)",
        "Session.tokens(offset)",
    ),
    "ids of rows, which nothing else refers to": (
        "CodeFunction.functionId",
        "CodeModule.moduleId",
    ),
}
"""What the page never asks for, by why it need not."""


def _documents(module: Path) -> Iterator[tuple[str, str]]:
    """(name, text) of the texts in a module that are GraphQL, with their parts put in."""
    texts = {name: long or short for name, long, short in TEXT.findall(module.read_text())}
    for name, text in texts.items():
        whole = PART.sub(lambda found: texts[found[1]], text)
        if re.match(r"query \w+|\{ ", whole):
            yield f"{module.name} {name}", whole


def _asked(known: GraphQLSchema, document: DocumentNode) -> set[str]:
    """`Type.field` and `Type.field(argument)` of all that is asked for."""
    asked: set[str] = set()
    info = TypeInfo(known)

    class Fields(Visitor):
        def enter_field(self, node: FieldNode, *_: object) -> None:
            parent = info.get_parent_type()
            if parent is not None:
                place = f"{parent.name}.{node.name.value}"
                given = [each.name.value for each in node.arguments or ()]
                asked.update([place, *(f"{place}({name})" for name in given)])

    visit(document, TypeInfoVisitor(info, Fields()))
    return asked


def _answered(known: GraphQLSchema) -> set[str]:
    """The same, of all that can be asked for."""
    answered: set[str] = set()
    for kind in known.type_map.values():
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
            for name, field in kind.fields.items():
                place = f"{kind.name}.{name}"
                answered.update([place, *(f"{place}({each})" for each in field.args)])
    return answered


def test_all_that_the_page_asks_is_in_the_schema() -> None:
    known = schema()._schema
    wrong: dict[str, list[GraphQLError]] = {}
    for module in MODULES:
        for name, text in _documents(module):
            wrong |= {name: errors} if (errors := validate(known, parse(text))) else {}
    assert wrong == {}


def test_every_answer_has_its_place_on_the_page() -> None:
    known = schema()._schema
    asked: set[str] = set()
    for module in MODULES:
        for _, text in _documents(module):
            asked |= _asked(known, parse(text))
    excused = {each for group in ELSEWHERE.values() for each in group}
    assert _answered(known) - asked == excused


def test_what_is_asked_for_is_shown() -> None:
    known = schema()._schema
    program = "".join(TEXT.sub("", module.read_text()) for module in MODULES)
    words = set(re.findall(r"\w+", program))
    idle: dict[str, list[str]] = {}
    for module in MODULES:
        for name, text in _documents(module):
            fields = {each for each in _asked(known, parse(text)) if not each.endswith(")")}
            unused = sorted(each for each in fields if each.split(".")[1] not in words)
            idle |= {name: unused} if unused else {}
    assert idle == {}
