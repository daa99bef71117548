"""What each type, field, argument and word of the schema means, where the code does not say it."""

import re
from inspect import cleandoc

from graphql import (
    GraphQLEnumType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
)

from otel_llmops.api.meanings import ARGUMENTS, WORDS, meaning

__all__ = ["describe"]

_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def describe(schema: GraphQLSchema) -> None:
    """Fill in the descriptions that are missing, from api/meanings.py."""
    for name, kind in schema.type_map.items():
        if name.startswith("__"):
            continue
        kind.description = kind.description or _of_class(kind)
        if isinstance(kind, GraphQLEnumType):
            for word, value in kind.values.items():
                value.description = value.description or WORDS.get(f"{name}.{word}")
        elif isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for said, field in kind.fields.items():
                field.description = field.description or meaning(name, _snake(said)) or None
                for one, argument in field.args.items():
                    argument.description = argument.description or ARGUMENTS.get(_snake(one))


def _of_class(kind: GraphQLNamedType) -> str | None:
    """The docstring of the class that a type was made of."""
    for made_of in kind.extensions.values():
        found = getattr(made_of, "origin", None) or getattr(made_of, "wrapped_cls", None)
        if found is not None and found.__doc__:
            return cleandoc(found.__doc__)
    return None


def _snake(name: str) -> str:
    return _CAPITAL.sub("_", name).lower()
