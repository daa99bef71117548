"""What one file says, as plain tuples: they cross processes and are kept on the disk by marshal."""

from typing import Any, NamedTuple

__all__ = [
    "CONDITIONAL",
    "FUNCTION",
    "TOP_LEVEL",
    "TYPE_CHECKING",
    "ClassFacts",
    "FileFacts",
    "FunctionFacts",
    "ImportFacts",
    "plain",
]

TOP_LEVEL = "top_level"
CONDITIONAL = "conditional"
FUNCTION = "function"
TYPE_CHECKING = "type_checking"


class ImportFacts(NamedTuple):
    """One import statement, or one name of `import a, b`.

    `module` is what stands there, `level` the number of dots before it; `names` are (name, local
    name) of a from-import.
    """

    kind: str
    level: int
    module: str
    names: tuple[tuple[str, str], ...]
    scope: str
    line: int


class FunctionFacts(NamedTuple):
    """A function, method, lambda or module body; names are relative to the module."""

    qualname: str
    name: str
    kind: str
    line_first: int
    line_start: int
    line_end: int
    complexity: int
    cognitive: int
    is_async: bool
    decorators: str
    docstring: str
    body_hash: str


class ClassFacts(NamedTuple):
    """A class. `references` are dotted names, as written, of what may be classes elsewhere."""

    qualname: str
    name: str
    line_start: int
    line_end: int
    bases: str
    methods: int
    lcom4: int
    lcom_hs: float
    references: tuple[str, ...]


class FileFacts(NamedTuple):
    """All of a file. `bindings` are (local name, dotted target, level) of top-level imports."""

    lines: int
    imports: tuple[ImportFacts, ...]
    functions: tuple[FunctionFacts, ...]
    classes: tuple[ClassFacts, ...]

    @classmethod
    def of(cls, plain: tuple[Any, ...]) -> "FileFacts":
        """Back from `plain`."""
        lines, imports, functions, classes = plain
        return cls(
            lines,
            tuple(map(ImportFacts._make, imports)),
            tuple(map(FunctionFacts._make, functions)),
            tuple(map(ClassFacts._make, classes)),
        )


def plain(facts: FileFacts) -> tuple[Any, ...]:
    """`facts` as tuples alone: marshal knows no subclasses."""
    return (
        facts.lines,
        tuple(map(tuple, facts.imports)),
        tuple(map(tuple, facts.functions)),
        tuple(map(tuple, facts.classes)),
    )
