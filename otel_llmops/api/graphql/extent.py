"""How much a query asks for, with its fragments written out, before anything else looks at it.

Strategy: a fragment that spreads another one twice, and so on, is exponential in what it asks:
100 short lines are 2**100 fields. Whoever walks it, the limits of depth and of aliases included,
never comes back. So it is counted here first, and only up to a bound. What is within it is walked
once more for the rows that it asks for: a page of pages has their product.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    IntValueNode,
    Node,
    OperationDefinitionNode,
    VariableNode,
    get_named_type,
)
from strawberry.extensions import SchemaExtension

from otel_llmops.storage.queries import LIMIT_DEFAULT

__all__ = ["ExtentLimiter"]

_SELECTIONS_MAX = 500
"""Fields and fragments, where they are used. GraphiQL's own introspection query has some 200; to
compare 500 fields of one name with each other takes graphql-core half a second."""
_ROWS_MAX = 2_000_000
"""Rows of all lists together, pages within pages multiplied: a thousand sessions with a thousand
entries of their ledgers each are half of it."""

_DIGITS_MAX = 18


class ExtentLimiter(SchemaExtension):
    """Refuses a query that asks for too much, before it is validated."""

    def on_validate(self) -> Iterator[None]:
        """Around the validation, which is left out where there are errors already."""
        context = self.execution_context
        document = context.graphql_document
        if document is not None and _is_beyond(document, _SELECTIONS_MAX):
            message = (
                f"the query asks for more than {_SELECTIONS_MAX} fields, fragments written out"
            )
            context.pre_execution_errors = [GraphQLError(message)]
        elif document is not None:
            schema = context.schema._schema  # noqa: SLF001 - strawberry has no other way to ask
            if _rows(document, schema, context.variables or {}) > _ROWS_MAX:
                message = f"the query asks for more than {_ROWS_MAX} rows, pages within pages"
                context.pre_execution_errors = [GraphQLError(f"{message} (give smaller limits)")]
        yield


def _is_beyond(document: DocumentNode, selections_max: int) -> bool:
    """Whether the operations hold more selections; a fragment that holds itself is beyond all."""
    fragments = _fragments(document)
    inside: list[Node] = [*_operations(document)]
    found = 0
    while inside:
        node: Node | None = inside.pop()
        if isinstance(node, FragmentSpreadNode):
            node = fragments.get(node.name.value)
        chosen = getattr(node, "selection_set", None)
        if chosen is not None:
            inside += chosen.selections
            found += len(chosen.selections)
        if found > selections_max:
            return True
    return False


def _rows(document: DocumentNode, schema: GraphQLSchema, variables: Mapping[str, Any]) -> int:
    """At most so many rows are in all lists that take a limit."""
    fragments = _fragments(document)
    found = 0
    inside: list[tuple[Node | None, Any, int]] = []
    for operation in _operations(document):
        given = {**_defaults(operation), **variables}
        inside.append((operation, schema.get_root_type(operation.operation), 1))
        while inside:
            node, kind, times = inside.pop()
            if isinstance(node, FragmentSpreadNode):
                node = fragments.get(node.name.value)
            if isinstance(node, FieldNode):
                field = getattr(kind, "fields", {}).get(node.name.value)
                if field is None:
                    continue  # __typename, or what the validation will refuse
                kind = get_named_type(field.type)
                if "limit" in field.args:
                    times *= _limit(node, given)
                    found += times
            chosen = getattr(node, "selection_set", None)
            inside += [(each, kind, times) for each in (chosen.selections if chosen else ())]
    return found


def _limit(field: FieldNode, given: Mapping[str, Any]) -> int:
    """As a field has it; what is no limit is refused by whoever reads it."""
    value = next((each.value for each in field.arguments or () if each.name.value == "limit"), None)
    if isinstance(value, VariableNode):
        said = given.get(value.name.value)
    else:
        said = _whole(value) if isinstance(value, IntValueNode) else None
    return max(1, said) if isinstance(said, int) else LIMIT_DEFAULT


def _whole(value: IntValueNode) -> int:
    # Python refuses to read a number of 4,300 digits
    return int(value.value[:_DIGITS_MAX])


def _defaults(operation: OperationDefinitionNode) -> dict[str, Any]:
    return {
        each.variable.name.value: _whole(each.default_value)
        for each in operation.variable_definitions or ()
        if isinstance(each.default_value, IntValueNode)
    }


def _operations(document: DocumentNode) -> Iterator[OperationDefinitionNode]:
    return (part for part in document.definitions if isinstance(part, OperationDefinitionNode))


def _fragments(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    return {
        part.name.value: part
        for part in document.definitions
        if isinstance(part, FragmentDefinitionNode)
    }
