"""Commits as a person names them."""

import re
import subprocess
from shutil import which

__all__ = ["commit_of"]

_GIT_S = 5.0


def commit_of(name: str) -> str:
    """The hash of what git here knows by this name (HEAD~1, a branch, a tag); else the name."""
    git = None if re.fullmatch(r"[0-9a-f]{4,64}", name) or name.startswith("-") else which("git")
    if git is None:
        return name
    asked = [git, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"]
    try:
        ran = subprocess.run(  # noqa: S603 - a list, and no option
            asked, capture_output=True, text=True, check=False, timeout=_GIT_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return name
    return ran.stdout.strip() or name
