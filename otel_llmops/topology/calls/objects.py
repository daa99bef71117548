"""Objects: what a node may hold, as whole numbers.

Strategy: functions, classes, instances, annotated instances and modules have ranges of their own,
so most questions are a comparison; the rest are made as needed, once each. One object stands for
all instances of a class.
"""

from typing import Any, Final

__all__ = ["Objects"]

BOUND: Final = 0  # function, receiver
CONTAINER: Final = 1  # kind, where it was made
GENERATOR: Final = 2  # function
OUTER: Final = 3  # name
PARTIAL: Final = 4  # module, (callee, arguments, keywords)
PROPERTY: Final = 5  # module, (getter, setter)
SUPER: Final = 6  # class, receiver
CONSTANT: Final = 7  # term


class Objects:
    """Numbers for objects; `kinds`, `first` and `second` describe those from `made` on."""

    def __init__(self, functions: int, classes: int, modules: int) -> None:
        self.classes = functions
        self.instances = self.classes + classes
        self.annotated = self.instances + classes
        self.modules = self.annotated + classes
        self.made = self.modules + modules
        self.kinds: list[int] = []
        self.first: list[Any] = []
        self.second: list[Any] = []
        self.containers: set[int] = set()
        self._numbers: dict[tuple[Any, ...], int] = {}

    def make(self, kind: int, first: Any, second: Any = None) -> int:
        """The number of an object; the same for the same parts."""
        key = (kind, first, second)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = self.made + len(self.kinds)
            if kind == CONTAINER:
                self.containers.add(number)
            self.kinds.append(kind)
            self.first.append(first)
            self.second.append(second)
        return number

    def class_of(self, number: int) -> int:
        """The class of an instance; -1 for what is none."""
        if number < self.instances or number >= self.modules:
            return -1
        return number - (self.instances if number < self.annotated else self.annotated)
