"""What .git says, read without running git."""

import re
from pathlib import Path

__all__ = ["COMMIT", "head"]

COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
"""SHA-1 or SHA-256."""

_PACKED_BYTES_MAX = 8 * 1024 * 1024  # about 100,000 references


def head(start: Path) -> str | None:
    """The commit that is checked out, or None where it is not known.

    In:     `start`, a directory inside the work tree.
    Out:    40 or 64 hex digits; changes that are not committed do not show in it.
    Edge:   references kept in the reftable format are not read.
    Cost:   at most five small files.
    """
    for directory in (start, *start.parents):
        entry = directory / ".git"
        if entry.exists():
            return _head(entry)
    return None


def _head(entry: Path) -> str | None:
    git = entry
    if entry.is_file():  # a work tree or a submodule: "gitdir: <path>"
        git = entry.parent / _read(entry).removeprefix("gitdir:").strip()
    at = _read(git / "HEAD")
    if not at.startswith("ref:"):
        return _commit(at)
    reference = at.removeprefix("ref:").strip()
    shared = git / (_read(git / "commondir") or ".")
    for directory in (git, shared):
        if found := _commit(_read(directory / reference)):
            return found
    for line in _read(shared / "packed-refs", _PACKED_BYTES_MAX).splitlines():
        commit, _, name = line.partition(" ")
        if name == reference:
            return _commit(commit)
    return None


def _commit(content: str) -> str | None:
    return content if COMMIT.fullmatch(content) else None


def _read(path: Path, bytes_max: int = 4096) -> str:
    if not path.is_file():  # also keeps us from waiting on a named pipe
        return ""
    with path.open("rb") as file:
        return file.read(bytes_max).decode("utf-8", "replace").strip()
