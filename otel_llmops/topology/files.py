"""Which files of a repository are its Python code.

Strategy: a module is a regular file that ends in `.py`. Stubs (`.pyi`) are not read: they declare
what another file does. Left out, with all that is below:

- directories whose name begins with a dot, and `__pycache__`, `__pypackages__`, `node_modules`;
- `site-packages` and `dist-packages`, and environments: a directory with `pyvenv.cfg` or
  `conda-meta`;
- `build` and `dist` beside a project file, where no `__init__.py` makes them packages.

The root itself is never left out, so an environment's site-packages can be scanned. A link to a
directory is not followed: inside the root its target is read anyway, and outside it is not the
repository's. A link to a file is read if that file is outside.
"""

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from otel_llmops.errors import ConfigError

__all__ = ["PROJECT_FILES", "Diagnostic", "Tree", "find"]

PROJECT_FILES = frozenset({"pyproject.toml", "setup.py", "setup.cfg"})
"""What makes a directory the root of a project."""

_NEVER = frozenset(
    {"__pycache__", "__pypackages__", "node_modules", "site-packages", "dist-packages"}
)
_MADE = frozenset({"build", "dist"})
_ENVIRONMENT = frozenset({"pyvenv.cfg", "conda-meta"})


@dataclass(frozen=True, slots=True, order=True)
class Diagnostic:
    """What could not be read and why; `line` is 0 where it is about the whole file."""

    file: str
    line: int
    message: str


@dataclass(slots=True)
class Tree:
    """Paths are relative to `root`, with forward slashes, sorted; '' is the root itself.

    `files` maps a path to its size in bytes, `packages` are directories with an `__init__.py`,
    `projects` those with a project file.
    """

    root: Path
    files: dict[str, int] = field(default_factory=dict)
    packages: set[str] = field(default_factory=set)
    projects: set[str] = field(default_factory=set)
    diagnostics: list[Diagnostic] = field(default_factory=list)


def find(path: Path) -> Tree:
    """The Python files at or below `path`.

    In:     a directory, or one `.py` file.
    Out:    a Tree; no Python at all is an empty one.
    Raises: ConfigError, if `path` does not exist or is a file of another kind.
    Edge:   a directory that may not be listed and a file that is no regular one (a pipe, a socket,
            a dangling link) are diagnostics.
    Cost:   one scandir a directory, one stat a file.
    """
    if not path.exists():
        raise ConfigError(f"{path}: there is no such file or folder")
    if path.is_dir():
        tree = Tree(path.resolve())
        waiting = [""]
        while waiting:
            waiting += _list(tree, waiting.pop())
        tree.files = dict(sorted(tree.files.items()))
        return tree
    if path.suffix != ".py" or not path.is_file():
        raise ConfigError(
            f"{path}: this is not a Python file", hint="give a folder, or a file that ends in .py"
        )
    path = path.resolve()
    packages = {""} if (path.parent / "__init__.py").is_file() else set()
    return Tree(path.parent, {path.name: path.stat().st_size}, packages)


def _list(tree: Tree, prefix: str) -> list[str]:
    """Note what is in a directory; the directories in it that are to be listed too."""
    try:
        with os.scandir(tree.root / prefix) as listing:
            entries = list(listing)
    except OSError as error:
        tree.diagnostics.append(Diagnostic(prefix or ".", 0, f"not listed: {_why(error)}"))
        return []
    names = {entry.name for entry in entries}
    if prefix and names & _ENVIRONMENT:
        return []
    if "__init__.py" in names:
        tree.packages.add(prefix)
    if names & PROJECT_FILES:
        tree.projects.add(prefix)
    below: list[str] = []
    for entry in entries:
        path = f"{prefix}/{entry.name}" if prefix else entry.name
        if entry.is_dir(follow_symlinks=False):
            if not _left_out(entry, names):
                below.append(path)
        elif entry.name.endswith(".py") and (size := _size(tree, entry, path)) is not None:
            tree.files[path] = size
    return below


def _left_out(entry: "os.DirEntry[str]", beside: set[str]) -> bool:
    if entry.name.startswith(".") or entry.name in _NEVER:
        return True
    return (
        entry.name in _MADE
        and bool(beside & PROJECT_FILES)
        and not (Path(entry.path) / "__init__.py").exists()
    )


def _size(tree: Tree, entry: "os.DirEntry[str]", path: str) -> int | None:
    """Bytes of a file that is to be read; None, with a diagnostic where one is due, if not."""
    try:
        path.encode()
    except UnicodeEncodeError:
        shown = path.encode("utf-8", "replace").decode()
        tree.diagnostics.append(Diagnostic(shown, 0, "not read: its name is not UTF-8"))
        return None
    try:
        if entry.is_symlink():
            target = Path(entry.path).resolve(strict=True)
            if target.is_relative_to(tree.root) or target.is_dir():
                return None
        found = entry.stat()
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, before Python 3.13
        tree.diagnostics.append(Diagnostic(path, 0, f"not read: {_why(error)}"))
        return None
    if not stat.S_ISREG(found.st_mode):
        tree.diagnostics.append(Diagnostic(path, 0, "not read: it is not a regular file"))
        return None
    return found.st_size


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
