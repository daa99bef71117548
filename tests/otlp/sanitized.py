"""Fuzzes a build of the native decoder with AddressSanitizer and UndefinedBehaviorSanitizer.

    python tests/otlp/sanitized.py [folder] [--count 100000] [--seed 1]

Needs gcc and its sanitizers' libraries. Builds into `folder` (a temporary one by default).
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_GCC = shutil.which("gcc") or "gcc"
_FLAGS = "-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"


def build(folder: Path) -> Path:
    """The extension, built with the sanitizers."""
    subprocess.run(
        [
            sys.executable,
            "setup.py",
            "build_ext",
            f"--build-lib={folder / 'lib'}",
            f"--build-temp={folder / 'temp'}",
        ],
        cwd=_ROOT,
        env=os.environ | {"CFLAGS": _FLAGS, "LDFLAGS": _FLAGS},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (built,) = (folder / "lib").rglob("_native*.so")
    return built


def libraries() -> str:
    """What has to be loaded first."""
    found = [
        subprocess.run(
            [_GCC, f"-print-file-name={name}"], capture_output=True, text=True, check=True
        ).stdout.strip()
        for name in ("libasan.so", "libubsan.so")
    ]
    return " ".join(found)


def main() -> int:
    """Build, fuzz, and give the exit code of the fuzzer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp())
    extension = build(folder)
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.otlp.differential",
            f"--extension={extension}",
            f"--count={arguments.count}",
            f"--seed={arguments.seed}",
        ],
        cwd=_ROOT,
        env=os.environ
        | {
            "LD_PRELOAD": libraries(),
            "PYTHONMALLOC": "malloc",
            # the interpreter leaves what it made to the end of the process
            "ASAN_OPTIONS": "detect_leaks=0",
        },
        check=False,
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
