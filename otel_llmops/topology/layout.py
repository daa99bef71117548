"""What the modules of a repository are called.

Strategy: a module's name is its path from its source root, dots for slashes. Source roots are

1. the scanned directory, or, where it is itself (in) a package, the first directory above that is
   not one: scanning `site-packages/django` gives `django.db`, not `db`;
2. each directory with a project file that is not inside a package, as a monorepo has them;
3. what those projects say (`package-dir`, `where`, `from`, `pythonpath`, `python-source`) and a
   `src` beside the project file or at the top, if it is no package.

The innermost root counts. So a namespace package needs no mark, and neither does a loose script.
Where two files would have one name (`tests/test_app.py` of two projects), the one whose root
stands first keeps it, and the others are called by their path from the scanned directory.
"""

import configparser
import posixpath
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from otel_llmops.topology.files import Tree

__all__ = ["Layout", "layout"]

_CONVENTIONAL = "src"


@dataclass(frozen=True, slots=True)
class Layout:
    """How paths and names hang together.

    `names` maps a path to the module's name, `roots` are the source roots below the scanned
    directory ('' is that itself), `above` the dotted name of the scanned directory where it is
    itself a package, else ''.
    """

    names: Mapping[str, str]
    roots: tuple[str, ...]
    above: str


def layout(tree: Tree, *, absolute: bool = True) -> Layout:
    """Name every file of `tree`.

    In:     `absolute` False: names count from the scanned directory even if it is a package, as
            PyCG has it.
    Out:    a Layout; each name once.
    """
    above = ".".join(_packages_above(tree.root)) if "" in tree.packages else ""
    prefix = f"{above}." if above and absolute else ""
    roots = tuple(_source_roots(tree))
    names: dict[str, str] = {}
    taken: set[str] = set()
    for path in sorted(tree.files, key=lambda path: _rank(path, _root(path, roots))):
        root = _root(path, roots)
        name = prefix + _dotted(path[len(root) + 1 :] if root else path)
        if path == "__init__.py":
            name = above if prefix else "__init__"
        if name in taken:
            name = prefix + _dotted(path)
        name = _free(name, taken)
        taken.add(name)
        names[path] = name
    return Layout(names, roots, above)


def _rank(path: str, root: str) -> tuple[int, str, bool, str]:
    """Outer roots first; a package before a module of its name, as Python finds them."""
    return len(_parts(root)), root, not path.endswith("/__init__.py"), path


def _dotted(path: str) -> str:
    parts = path.removesuffix(".py").removesuffix("/__init__").split("/")
    return ".".join(part.replace(".", "_") for part in parts)


def _free(name: str, taken: set[str]) -> str:
    """`a.py` beside `a/__init__.py`: Python never finds the former, but it is there."""
    number = 2
    free = name
    while free in taken:
        free = f"{name}#{number}"
        number += 1
    return free


def _packages_above(root: Path) -> list[str]:
    names: list[str] = []
    while (root / "__init__.py").is_file() and root.name:
        names.insert(0, root.name)
        root = root.parent
    return names


def _root(path: str, roots: Iterable[str]) -> str:
    return next((root for root in roots if not root or path.startswith(f"{root}/")), "")


def _source_roots(tree: Tree) -> Iterator[str]:
    """Innermost first; the scanned directory is the last."""
    directories = {path.rpartition("/")[0] for path in tree.files}
    above = {"/".join(parts[:n]) for parts in map(_parts, directories) for n in range(len(parts))}
    existing = directories | above
    roots: set[str] = set()
    for project in sorted(tree.projects | {""}):
        if _inside_package(project, tree.packages):
            continue
        roots.add(project)
        for below in {_CONVENTIONAL, *_declared(tree.root / project)}:
            root = posixpath.normpath(posixpath.join(project, below))
            if root in existing and not _inside_package(root, tree.packages):
                roots.add(root)
    yield from sorted(roots, key=lambda root: (-len(_parts(root)), root))


def _parts(path: str) -> list[str]:
    return path.split("/") if path else []


def _inside_package(directory: str, packages: set[str]) -> bool:
    while directory:
        if directory in packages:
            return True
        directory = directory.rpartition("/")[0]
    return False


def _declared(project: Path) -> Iterator[str]:
    with suppress(OSError, ValueError):  # ValueError: not TOML, not UTF-8
        document = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))
        yield from _texts(_in_pyproject(document.get("tool", {})))
    with suppress(OSError, ValueError, configparser.Error):
        parser = configparser.ConfigParser()
        parser.read_string((project / "setup.cfg").read_text("utf-8"))
        yield parser.get("options.packages.find", "where", fallback="")
        for line in parser.get("options", "package_dir", fallback="").splitlines():
            package, _, where = line.partition("=")
            if not package.strip():
                yield where.strip()


def _in_pyproject(tool: Any) -> Iterator[Any]:
    find = _at(tool, "setuptools", "packages", "find", "where")
    yield from find if isinstance(find, list) else [find]
    yield _at(tool, "setuptools", "package-dir", "")
    yield _at(tool, "pdm", "build", "package-dir")
    yield _at(tool, "maturin", "python-source")
    yield _at(tool, "uv", "build-backend", "module-root")
    for package in _at(tool, "poetry", "packages") or []:
        yield _at(package, "from")
    paths = _at(tool, "pytest", "ini_options", "pythonpath")
    yield from paths if isinstance(paths, list) else [paths]


def _at(document: Any, *keys: str) -> Any:
    for key in keys:
        if not isinstance(document, dict):
            return None
        document = document.get(key)
    return document


def _texts(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
