"""Names of Python itself that the call graph knows: builtins, operators, library functions.

Strategy: tables, so that a reader sees at a glance what is modelled. What is not in a table is
opaque: it returns nothing that we follow and calls nothing back.
"""

import ast
import builtins
from typing import Final

__all__ = [
    "BINARY",
    "BUILTINS",
    "COMPARISONS",
    "CONVERSIONS",
    "MIRRORED",
    "TAKERS",
    "UNARY",
    "WRAPPERS",
]

BUILTINS: Final = frozenset(dir(builtins))

BINARY: Final[dict[type, str]] = {
    ast.Add: "__add__",
    ast.Sub: "__sub__",
    ast.Mult: "__mul__",
    ast.MatMult: "__matmul__",
    ast.Div: "__truediv__",
    ast.Mod: "__mod__",
    ast.Pow: "__pow__",
    ast.LShift: "__lshift__",
    ast.RShift: "__rshift__",
    ast.BitOr: "__or__",
    ast.BitXor: "__xor__",
    ast.BitAnd: "__and__",
    ast.FloorDiv: "__floordiv__",
}

UNARY: Final[dict[type, str]] = {
    ast.USub: "__neg__",
    ast.UAdd: "__pos__",
    ast.Invert: "__invert__",
}

COMPARISONS: Final[dict[type, str]] = {
    ast.Eq: "__eq__",
    ast.NotEq: "__ne__",
    ast.Lt: "__lt__",
    ast.LtE: "__le__",
    ast.Gt: "__gt__",
    ast.GtE: "__ge__",
    ast.In: "__contains__",
    ast.NotIn: "__contains__",
}

MIRRORED: Final[dict[str, str]] = {
    "__lt__": "__gt__",
    "__le__": "__ge__",
    "__gt__": "__lt__",
    "__ge__": "__le__",
    "__eq__": "__eq__",
    "__ne__": "__ne__",
}
"""A comparison -> the one that the right operand is asked for."""

CONVERSIONS: Final[dict[str, str]] = {
    "abs": "__abs__",
    "bool": "__bool__",
    "bytes": "__bytes__",
    "complex": "__complex__",
    "dir": "__dir__",
    "divmod": "__divmod__",
    "float": "__float__",
    "format": "__format__",
    "hash": "__hash__",
    "int": "__int__",
    "len": "__len__",
    "repr": "__repr__",
    "round": "__round__",
    "str": "__str__",
}
"""Builtin -> the method of its argument that it calls."""

TAKERS: Final[dict[str, int]] = {
    "apply": 0,
    "apply_async": 0,
    "map_async": 0,
    "run_in_executor": 1,
    "starmap": 0,
    "submit": 0,
    "to_thread": 0,
}
"""Method of executors, pools and loops -> which argument it calls, with those that follow."""

WRAPPERS: Final = ("property",)
