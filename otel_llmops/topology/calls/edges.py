"""Edges as they are found: the surest way that shows a call, and its first line."""

from typing import Final

__all__ = ["ANNOTATION", "DIRECT", "FOUND_BY", "HIERARCHY", "POINTS_TO", "Edges"]

DIRECT: Final = 0
HIERARCHY: Final = 1
POINTS_TO: Final = 2
ANNOTATION: Final = 3
FOUND_BY: Final = ("direct", "hierarchy", "points_to", "annotation")

_LINES: Final = 1 << 32


class Edges:
    """Calls between functions, and from functions to names outside."""

    def __init__(self, functions: int) -> None:
        self.functions = functions
        self.inside: dict[int, int] = {}
        self.outside: dict[tuple[int, str], int] = {}

    def add(self, caller: int, callee: int, line: int, found: int) -> None:
        """A call of a function."""
        key = caller * self.functions + callee
        before = self.inside.get(key)
        if before is None:
            self.inside[key] = found * _LINES + line
        else:
            surest, first = divmod(before, _LINES)
            if found < surest or line < first:
                self.inside[key] = min(found, surest) * _LINES + min(line, first)

    def add_outside(self, caller: int, name: str, line: int) -> None:
        """A call of what is not in the repository."""
        key = (caller, name)
        before = self.outside.get(key)
        if before is None or line < before:
            self.outside[key] = line

    def found(self) -> list[tuple[int, int, int, int]]:
        """(caller, callee, how, line)."""
        return [
            (*divmod(key, self.functions), *divmod(value, _LINES))
            for key, value in self.inside.items()
        ]
