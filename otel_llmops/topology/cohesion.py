"""How much the methods of a class have to do with one another."""

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["CONSTRUCTORS", "Method", "lcom4", "lcom_hs"]

CONSTRUCTORS = frozenset({"__init__", "__new__", "__post_init__"})


class Method(NamedTuple):
    """A method and the attributes of its first parameter that it touches, methods included.

    `bound` is False of a static one, which has no such parameter.
    """

    name: str
    touched: frozenset[str]
    bound: bool = True


def lcom4(methods: Sequence[Method]) -> int:
    """Groups of methods that share no attribute and do not call each other.

    In:     the methods of one class without its static ones. A property's getter and setter have
            one name and are one method.
    Out:    1 is cohesive, 2 or more could be as many classes; 0 without methods.
    Edge:   constructors touch everything by their nature and are left out.
    Source: Hitz and Montazeri, 1995.
    """
    groups: list[set[str]] = []
    # a method stands for itself among what it touches, so a call joins as an attribute does
    for name, touched, _ in methods:
        if name in CONSTRUCTORS:
            continue
        joined = {name, *touched} - CONSTRUCTORS
        apart: list[set[str]] = []
        for group in groups:
            if group.isdisjoint(joined):
                apart.append(group)
            else:
                joined |= group
        groups = [*apart, joined]
    return len(groups)


def lcom_hs(methods: Sequence[Method]) -> float:
    """Lack of cohesion, from 0 (each method touches each attribute) to 2.

    In:     as for `lcom4`.
    Out:    (m - mean over attributes of the methods that touch it) / (m - 1), constructors counted;
            0 with fewer than two methods or without attributes.
    Source: Henderson-Sellers, 1996.
    """
    names = {method.name for method in methods}
    by_name: dict[str, set[str]] = {name: set() for name in names}
    for name, touched, _ in methods:
        by_name[name] |= touched - names
    attributes = set().union(*by_name.values())
    count = len(names)
    if count < 2 or not attributes:
        return 0.0
    touches = sum(map(len, by_name.values()))
    return (count - touches / len(attributes)) / (count - 1)
