"""Cognitive complexity of expressions: how hard they are to follow.

Strategy: G. Ann Campbell's rules (SonarSource, 2018) as complexipy reads them for Python: a
conditional expression and each `for` of a comprehension cost 1 and their nesting, each `if` of a
comprehension 1, each sequence of like boolean operators 1. complexipy does not look into keyword
arguments, operands, subscripts and what is awaited; those count here.
"""

import ast
from collections.abc import Sequence

__all__ = ["WEIGHTY", "weigh"]

WEIGHTY = frozenset(
    {ast.BoolOp, ast.IfExp, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp}
)
"""Without one of these in it an expression weighs nothing."""


_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def weigh(found: Sequence[ast.AST]) -> tuple[int, int]:
    """What the weighty nodes of an expression weigh together.

    In:     all of them, outer ones before those inside them.
    Out:    (weight where the expression stands at nesting 0, how much more per level of nesting).
    """
    weight = per_level = 0
    for node in found:
        if isinstance(node, ast.BoolOp):
            weight += 1 - sum(_same(value, node) for value in node.values)
        elif isinstance(node, ast.IfExp):
            weight += 1
            per_level += 1
        elif isinstance(node, _COMPREHENSIONS):
            weight += sum(1 + len(generator.ifs) for generator in node.generators)
            per_level += len(node.generators)
    if len(found) > 1 and per_level:
        weight += _nested(found)
    return weight, per_level


def _same(value: ast.expr, outer: ast.BoolOp) -> bool:
    """`a and (b and c)` is read as one sequence."""
    return isinstance(value, ast.BoolOp) and isinstance(value.op, type(outer.op))


def _nested(found: Sequence[ast.AST]) -> int:
    """How much more they weigh because some stand inside others.

    In:     outer nodes before those inside them, as the walk meets them.
    """
    more = 0
    seen: set[ast.AST] = set()
    for outermost in found:
        if outermost in seen or isinstance(outermost, ast.Lambda):
            continue
        waiting = [(outermost, 0)]
        while waiting:
            node, level = waiting.pop()
            if type(node) in WEIGHTY:
                seen.add(node)
            added, inner = _inside(node, level)
            more += added
            waiting += inner
    return more


def _inside(node: ast.AST, level: int) -> tuple[int, list[tuple[ast.AST, int]]]:
    """What a node at this level weighs more, and its parts with their levels."""
    if isinstance(node, ast.IfExp):
        parts = [(node.test, level), (node.body, level + 1), (node.orelse, level + 1)]
        return level, [part for part in parts if not isinstance(part[0], ast.Lambda)]
    if isinstance(node, ast.comprehension):
        return 0, [(node.iter, level - 1), *((test, level) for test in node.ifs)]
    more = 0
    if isinstance(node, _COMPREHENSIONS):
        more = level * len(node.generators)
        level += 1
    children = ast.iter_child_nodes(node)
    return more, [(child, level) for child in children if not isinstance(child, ast.Lambda)]
