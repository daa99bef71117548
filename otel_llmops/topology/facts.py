"""What one file says, as tuples: they cross processes and are kept on the disk by marshal.

Strategy: the walk makes rows (`FileFacts`), which read well. What leaves the worker is a
`FileSummary`: functions as columns with full names, because a repository has hundreds of
thousands of them and nobody looks at one before they are a table; and all that a file can work
out for itself.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

__all__ = [
    "CONDITIONAL",
    "FUNCTION",
    "TOP_LEVEL",
    "TYPE_CHECKING",
    "ClassFacts",
    "FileFacts",
    "FileSummary",
    "FunctionFacts",
    "ImportFacts",
    "distinct",
    "packages",
    "summary",
]

TOP_LEVEL = "top_level"
CONDITIONAL = "conditional"
FUNCTION = "function"
TYPE_CHECKING = "type_checking"


class ImportFacts(NamedTuple):
    """One import statement, or one name of `import a, b`.

    `module` is what stands there, `level` the number of dots before it; `names` are (name, local
    name), of `import a as b` ("", "b").
    """

    kind: str
    level: int
    module: str
    names: tuple[tuple[str, str], ...]
    scope: str
    line: int


class FunctionFacts(NamedTuple):
    """A function, method, lambda or module body; names are relative to the module."""

    name: str
    qualname: str
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

    name: str
    qualname: str
    line_start: int
    line_end: int
    bases: str
    methods: int
    lcom4: int
    lcom_hs: float
    references: tuple[str, ...]


class FileFacts(NamedTuple):
    """All of a file; the first function is the module's own body."""

    lines: int
    imports: tuple[ImportFacts, ...]
    functions: tuple[FunctionFacts, ...]
    classes: tuple[ClassFacts, ...]


class FileSummary(NamedTuple):
    """The same for linking; made of tuples, text and numbers alone.

    `imports` and `classes` have the fields of ImportFacts and ClassFacts, `functions` is one column
    for each field of FunctionFacts, with qualified names from the module on; `names` says of each
    function what its id is made of: its qualified name, with a number from a second definition on.
    `complexity` is the mean over functions and methods, `cohesion` over classes, None without any.
    """

    lines: int
    imports: tuple[tuple[Any, ...], ...]
    functions: tuple[tuple[Any, ...], ...]
    names: tuple[str, ...]
    classes: tuple[tuple[Any, ...], ...]
    complexity: float
    cohesion: float | None


def summary(facts: FileFacts, module: str) -> FileSummary:
    """`facts` for linking, in a module of this name."""
    last = module.rpartition(".")[2]
    body, *others = facts.functions
    rows = [
        body._replace(name=last, qualname=module),
        *(one._replace(qualname=f"{module}.{one.qualname}") for one in others),
    ]
    counted = [one.complexity for one in others if one.kind != "lambda"]
    classes = facts.classes
    return FileSummary(
        facts.lines,
        tuple(map(tuple, facts.imports)),
        tuple(zip(*rows, strict=True)),
        tuple(distinct([one.qualname for one in rows])),
        tuple(map(tuple, classes)),
        sum(counted) / len(counted) if counted else 0.0,
        sum(1.0 - min(1.0, one.lcom_hs) for one in classes) / len(classes) if classes else None,
    )


def packages(imports: Sequence[ImportFacts]) -> tuple[str, ...]:
    """The top-level packages that absolute imports may mean, sorted."""
    found: set[str] = set()
    for one in imports:
        if not one.level:
            written = [one.module] if one.module else [name for name, _ in one.names]
            found.update(name.partition(".")[0] for name in written)
    return tuple(sorted(found))


def distinct(names: Sequence[str]) -> list[str]:
    """Names that differ: the second definition of `a` (an overload, an else) is `a#2`."""
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(f"{name}#{seen[name]}" if seen[name] > 1 else name)
    return found
