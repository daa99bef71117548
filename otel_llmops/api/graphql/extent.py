"""How much a query asks for, with its fragments written out, before anything else looks at it.

Strategy: a fragment that spreads another one twice, and so on, is exponential in what it asks:
100 short lines are 2**100 fields. Whoever walks it, the limits of depth and of aliases included,
never comes back. So it is counted here first, and only up to a bound.
"""

from collections.abc import Iterator

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    Node,
    OperationDefinitionNode,
)
from strawberry.extensions import SchemaExtension

__all__ = ["ExtentLimiter"]

_SELECTIONS_MAX = 500
"""Fields and fragments, where they are used. GraphiQL's own introspection query has some 200; to
compare 500 fields of one name with each other takes graphql-core half a second."""


class ExtentLimiter(SchemaExtension):
    """Refuses a query that asks for too much, before it is validated."""

    def on_validate(self) -> Iterator[None]:
        """Around the validation, which is left out where there are errors already."""
        document = self.execution_context.graphql_document
        if document is not None and _is_beyond(document, _SELECTIONS_MAX):
            message = (
                f"the query asks for more than {_SELECTIONS_MAX} fields, fragments written out"
            )
            self.execution_context.pre_execution_errors = [GraphQLError(message)]
        yield


def _is_beyond(document: DocumentNode, selections_max: int) -> bool:
    """Whether the operations hold more selections; a fragment that holds itself is beyond all."""
    parts = document.definitions
    fragments = {
        part.name.value: part for part in parts if isinstance(part, FragmentDefinitionNode)
    }
    inside: list[Node] = [part for part in parts if isinstance(part, OperationDefinitionNode)]
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
