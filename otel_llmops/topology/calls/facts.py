"""Facts: what one file tells the call graph, as plain tuples that marshal can write.

Strategy: a file is boiled down to numbered *nodes*, each a place that may hold callables, and a few
kinds of operations between them. What is only ever data (numbers, texts, results of comparisons)
has no node at all. A *term* stands for a value in an operation:

    int >= 0    a node of this file
    int < 0     a cell, `~term` its place in `cells`: a name that other code may see or set (an
                import, a global read by a function, a variable caught by a closure)
    str         a constant: `s` and a text, or `i` and a whole number; keys and names need it
    None        nothing that the analysis follows

Operations are tuples that begin with opcode and line; they belong to the function that runs them.
Locals are renamed at every assignment, so a term says what the name held at that place.
"""

import marshal
from array import array
from typing import Any, Final, TypeAlias

Term: TypeAlias = int | str | None
Op: TypeAlias = tuple[Any, ...]
Facts: TypeAlias = tuple[Any, ...]
"""Opaque to others. Tuples, lists, str, int, bytes and None alone."""

FACTS_VERSION: Final = 1
"""Goes into the key of a cache of facts: facts of another version are extracted anew."""

# What stands where in Facts.
VERSION, MODULE, PACKAGE, NODES, CELLS, EXPORTS, PUBLIC, STARS = range(8)
FUNCTIONS, CLASSES, COPIES, ALLOCS, ANNOTATIONS, DIAGNOSTICS = range(8, 14)
STORED, KEYS, OPERATIONS, INDEX_OF, COUNTS = range(14, 19)
"""Names of attributes stored to; terms that are keys; all operations, each as marshal writes it,
for most are never looked at; four numbers for each node that one waits for (its opcode, the node,
what it yields or -1, where it is written); how many of these each function has."""

# Cells: (SOURCES, term, ...); (IMPORT, module, name or None); (GLOBAL, name), not bound here.
SOURCES, IMPORT, GLOBAL = range(3)

# Operations, with what follows opcode and line. Positional arguments are terms, `(term,)` where
# starred; keywords are (name, term, ...), the name None where `**`.
CALL: Final = 0  # callee, arguments, keywords, dst
METHOD: Final = 1  # base, arguments, keywords, dst, attribute: as CALL where it may be
LOAD: Final = 2  # base, attribute, dst
STORE: Final = 3  # base, attribute, source
INDEX: Final = 4  # base, key, dst
SETINDEX: Final = 5  # base, key, source
ITER: Final = 6  # base, dst
UNPACK: Final = 7  # base, (key, dst, ...): what an iterable yields there
WITH: Final = 8  # base, dst, 1 where `async with`
SPECIAL: Final = 9  # left, (right,) or (), (), dst, method: an operator, or a builtin like one
SUPER: Final = 10  # self, class, dst
NARROW: Final = 11  # source, class, dst
RAISE: Final = 12  # exception
NEXT: Final = 13  # iterator, dst
HANDOVER: Final = 14  # receiver, callee, arguments: a callback given to what is unknown
TYPE: Final = 15  # base, dst: its class
SPREAD: Final = 16  # source, container: its elements, and keys where both are dictionaries
DECORATE: Final = 17  # callee, argument, dst: the argument itself where the callee is unknown

# Functions.
F_NAME, F_KIND, F_LINE, F_NODE, F_CLASS, F_FLAGS, F_FIRST, F_NAMES, F_KEYWORDS = range(9)
F_RETURN, F_YIELD, F_PASSED, F_BUILTINS = range(9, 13)


def read_operation(content: Facts, place: int) -> Op:
    """The operation that is written at a place."""
    op: Op = marshal.loads(memoryview(content[OPERATIONS])[place:])  # noqa: S302
    return op


def read_index(content: Facts) -> "array[int]":
    """Four numbers for each node that an operation waits for."""
    numbers = array("i")
    numbers.frombytes(content[INDEX_OF])
    return numbers


def module_of(content: Facts) -> str:
    """The name of the module that a file was read as."""
    return str(content[MODULE])


def interface(content: Facts) -> Facts:
    """A file as its importers see it.

    What an import runs is run; of the bodies of functions only decorators are, since those decide
    what a function returns that is itself a decorator.
    """
    numbers = read_index(content)
    kept = array("i")
    counts = []
    written: list[bytes] = []
    places: dict[int, int] = {}  # where an operation was, and where it is now
    size = end = 0
    for function, count in zip(content[FUNCTIONS], content[COUNTS], strict=True):
        start, end = end, end + 4 * count
        before = len(kept)
        for at in range(start, end, 4):
            if function[F_KIND] in _BODIES or numbers[at] == DECORATE:
                place = numbers[at + 3]
                if place not in places:
                    places[place] = size
                    written.append(marshal.dumps(read_operation(content, place)))
                    size += len(written[-1])
                kept.extend((*numbers[at : at + 3], places[place]))
        counts.append((len(kept) - before) // 4)
    changed = list(content)
    changed[OPERATIONS] = b"".join(written)
    changed[INDEX_OF], changed[COUNTS] = kept.tobytes(), counts
    return tuple(changed)


def surface(content: Facts) -> bytes:
    """All that `interface` leaves for others to see, as bytes.

    Out:    equal bytes where importers see the same. Lines count by their order alone, since no
            edge of an importer tells a line of what it imports.
    """
    seen = interface(content)
    operations = [read_operation(seen, place) for place in read_index(seen)[3::4]]
    order = {line: n for n, line in enumerate(sorted({op[1] for op in operations}))}
    told = (
        [seen[part] for part in _SEEN],
        [(*entry[:F_LINE], *entry[F_LINE + 1 :]) for entry in seen[FUNCTIONS]],
        [(*entry[:C_LINE], *entry[C_LINE + 1 :]) for entry in seen[CLASSES]],
        [(op[0], order[op[1]], *op[2:]) for op in operations],
    )
    return marshal.dumps(told, _BY_VALUE)


_SEEN: Final = (
    MODULE, PACKAGE, NODES, CELLS, EXPORTS, PUBLIC, STARS, COPIES, ALLOCS, ANNOTATIONS, STORED,
    KEYS, COUNTS,
)  # fmt: skip
_BY_VALUE: Final = 0
"""The version of marshal that does not tell which of equal texts are one object."""

# Bodies of classes are among the functions, of kind `class`; for them F_FIRST is the number of the
# function around them.

_BODIES: Final = ("module", "class")

# Flags of functions.
STATIC, BY_CLASS, GENERATOR, PROPERTY, MORE, MORE_BY_NAME, METHOD_OF = (1 << i for i in range(7))

# Classes.
C_NAME, C_LINE, C_NODE, C_BASES, C_ATTRIBUTES, C_SETTERS, C_FIELDS, C_FLAGS = range(8)
DATA: Final = 1  # its fields are its arguments

# Allocations: (node, kind, payload).
LIST, TUPLE, DICT, SET, PARTIAL, PROPERTY_OF = range(6)

# How an annotation wraps the class it names.
PLAIN, ELEMENTS, VALUES, CLASS_ITSELF, GENERATED = range(5)
