"""Where a value is kept."""

from dataclasses import dataclass

__all__ = ["Place", "event", "member", "pattern", "places"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value is kept; see the package's docstring."""

    attribute: str
    member: str = ""
    pattern: str = ""
    event: str = ""


def member(attribute: str, name: str) -> Place:
    """A scalar member of the JSON document in `attribute`, at whatever depth, first one."""
    return Place(attribute, member=name)


def pattern(attribute: str, expression: str) -> Place:
    """The group `value` of `expression` (RE2) in `attribute`."""
    return Place(attribute, pattern=expression)


def event(name: str, attribute: str, json_member: str = "") -> Place:
    """`attribute` of the span event `name` (the last such event), or a member of its JSON."""
    return Place(attribute, event=name, member=json_member)


def places(*items: str | Place) -> tuple[Place, ...]:
    """Places in order of priority; a text is the name of an attribute."""
    return tuple(Place(item) if isinstance(item, str) else item for item in items)
