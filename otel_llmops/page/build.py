"""Fetches the page's charts library from the npm registry, once, when the package is built.

Strategy: the library is one file inside one published archive, whose version and digest stand
here, so that what runs in a reader's browser is what was reviewed, wherever it came from. Nothing
is unpacked but that file and its licence. Without it the page works and shows tables; it says so.

    python -m otel_llmops.page.build

builds it later, where the package was installed without network. This module needs the standard
library alone: setup.py runs it before anything is installed.

Source: W3C Subresource Integrity, for the form of the digest; npm-packument, for the address.
"""

import base64
import hashlib
import io
import os
import sys
import tarfile
import urllib.request
from configparser import ConfigParser
from configparser import Error as ConfigError
from pathlib import Path

__all__ = ["FILES", "FOLDER", "NotBuilt", "build", "registry"]

FOLDER = Path(__file__).parent / "static" / "vendor"
PACKAGE, VERSION = "echarts", "6.1.0"
INTEGRITY = (
    "sha512-q0yaFPggC9FUdsWH4blavRWFmxdrIodbkoKNAjJudAI6"
    "CA9gNPxHtV2RcZNEepZVlk4yvBYkOkbk6HIVpIyHZA=="
)
FILES = {
    "package/dist/echarts.esm.min.mjs": "echarts.js",
    "package/LICENSE": "echarts-LICENSE.txt",
    "package/NOTICE": "echarts-NOTICE.txt",
}
"""Member of the archive -> our file."""
_REGISTRY = "https://registry.npmjs.org/"
_ARCHIVE_BYTES_MAX = 32 * 2**20
_TIMEOUT_S = 60.0


class NotBuilt(Exception):  # noqa: N818 - a state that the page lives with
    """The charts could not be fetched; the message says why."""


def build(folder: Path = FOLDER) -> list[Path]:
    """Put the library into `folder`; the files, which are left alone where they are right.

    Raises: NotBuilt, if it cannot be had, or is not what was pinned.
    """
    made = [folder / name for name in FILES.values()]
    stamp = folder / "integrity.txt"
    if all(each.exists() for each in made) and stamp.exists() and stamp.read_text() == INTEGRITY:
        return made
    archive = _fetched(f"{registry()}{PACKAGE}/-/{PACKAGE}-{VERSION}.tgz")
    digest = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if digest != INTEGRITY:
        raise NotBuilt(f"{PACKAGE} {VERSION} is not what was pinned: {digest}")
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as members:
        for member, path in zip(FILES, made, strict=True):
            held = members.extractfile(member)
            if held is None:
                raise NotBuilt(f"{PACKAGE} {VERSION} holds no {member}")
            path.write_bytes(held.read())
    stamp.write_text(INTEGRITY)
    return made


def _fetched(url: str) -> bytes:
    if not url.startswith(("https://", "http://")):
        raise NotBuilt(f"{url} is no web address")
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - checked above
            found: bytes = answer.read(_ARCHIVE_BYTES_MAX + 1)
    except OSError as error:
        raise NotBuilt(f"{url}: {error}") from error
    if len(found) > _ARCHIVE_BYTES_MAX:
        raise NotBuilt(f"{url} sends more than {_ARCHIVE_BYTES_MAX >> 20} MiB")
    return found


def registry() -> str:
    """The registry that npm itself would ask here: its environment, the user's file, its own."""
    # npm itself spells its variables small, and takes either
    said = {name.lower(): value for name, value in os.environ.items() if value}
    found = said.get("npm_config_registry")
    return (found or _registry_of(Path.home() / ".npmrc") or _REGISTRY).rstrip("/") + "/"


def _registry_of(file: Path) -> str | None:
    """`registry` of an .npmrc, which is lines of key = value."""
    parser = ConfigParser(interpolation=None, strict=False, allow_no_value=True, delimiters="=")
    try:
        parser.read_string("[npm]\n" + file.read_text())
    except (OSError, ConfigError, UnicodeDecodeError):
        return None
    return parser.get("npm", "registry", fallback=None)


def main() -> int:
    """Build, and say what was done."""
    try:
        made = build()
    except NotBuilt as error:
        sys.stderr.write(f"the page's charts are not built: {error}\n")
        return 1
    sys.stdout.write("".join(f"{path}\n" for path in made))
    return 0


if __name__ == "__main__":
    sys.exit(main())
