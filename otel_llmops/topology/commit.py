"""Which commit a scan shows, and whether the work tree differs from it.

Strategy: the commit is read from .git. Only `git status` knows what is changed, so it runs beside
the scan, where git is installed. It writes nothing and asks no file system monitor, which a
repository's own configuration could make a program of its choice.
"""

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from otel_llmops import git

__all__ = ["DIRTY", "Checkout"]

DIRTY = "+dirty"
_STATUS_S_MAX = 20.0


class Checkout:
    """The commit of a directory; asked when made, answered by `name`."""

    def __init__(self, directory: Path) -> None:
        self._commit = git.head(directory)
        top = next((d for d in (directory, *directory.parents) if (d / ".git").exists()), directory)
        self._prefix = "" if top == directory else f"{directory.relative_to(top).as_posix()}/"
        self._status: subprocess.Popen[bytes] | None = None
        program = shutil.which("git")
        if self._commit and program:
            self._status = subprocess.Popen(  # noqa: S603 - the user's own git, no shell
                [program, "--no-optional-locks", "-c", "core.fsmonitor=false", "status",
                 "--porcelain", "-z", "--no-renames", "--ignore-submodules", "--", "."],
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"},
            )  # fmt: skip

    def name(self, files: Iterable[str]) -> str:
        """The commit, with `+dirty` where tracked files differ from it or `files` are untracked.

        Out:    '' outside git.
        Edge:   without git installed, or where it takes too long, the commit alone.
        """
        if self._commit is None or self._status is None:
            return self._commit or ""
        try:
            output, _ = self._status.communicate(timeout=_STATUS_S_MAX)
        except subprocess.TimeoutExpired:
            self._status.kill()
            self._status.communicate()
            return self._commit
        known = {self._prefix + file for file in files}
        for entry in output.decode("utf-8", "replace").split("\0"):
            state, path = entry[:2], entry[3:]
            if state not in {"", "??"} or path in known:
                return self._commit + DIRTY
            if path.endswith("/") and any(file.startswith(path) for file in known):
                return self._commit + DIRTY
        return self._commit
