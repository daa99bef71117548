"""Names and paths as spans tell them, made comparable with those of a snapshot."""

import posixpath
import re
from collections.abc import Iterator

__all__ = ["BODY", "LAMBDA", "MAIN", "agree", "local_name", "path_parts", "plain_name", "splits"]

BODY = "<module>"
MAIN = "__main__"
LAMBDA = "<lambda>"
_HIDDEN = frozenset({"<locals>", "<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})
"""Parts of a `__qualname__` that a snapshot has not: a comprehension is its function's work."""
_NUMBERED = re.compile(r"<lambda\d+>")


def plain_name(function: str) -> str:
    """A function's name as a span tells it, without the parts that only Python shows."""
    return ".".join(part for part in function.split(".") if part and part not in _HIDDEN)


def local_name(qualified: str, module_path: str) -> str:
    """A snapshot's qualified name within its module, lambdas without their numbers.

    A module's body is <module>.
    """
    if qualified == module_path:
        return BODY
    return _NUMBERED.sub(LAMBDA, qualified.removeprefix(f"{module_path}."))


def splits(name: str, module_path: str) -> Iterator[str]:
    """What of `name` may be local to the module: the longest prefix that names it goes first.

    A name that never names its module may be local as a whole.
    """
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        prefix = ".".join(parts[:length])
        if prefix == MAIN or agree(prefix, module_path):
            yield ".".join(parts[length:])
    yield name


def agree(prefix: str, module_path: str) -> bool:
    """Whether two dotted names may be of one module: one ends with the other.

    Where a program is started decides how much of a module's path is in its name.
    """
    return (
        prefix == module_path
        or module_path.endswith(f".{prefix}")
        or prefix.endswith(f".{module_path}")
    )


def path_parts(path: str) -> tuple[str, ...]:
    """The parts of a path of any system, from the root on; none for what is no file."""
    if not path or path.startswith("<"):
        return ()
    clean = posixpath.normpath(path.replace("\\", "/"))
    return tuple(part for part in clean.split("/") if part not in {"", ".", ".."})
