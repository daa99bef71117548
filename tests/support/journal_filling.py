"""A journal on a disk that is full, and then read only: run as a program, it tells what it saw.

    unshare -rm python -m tests.support.journal_filling FOLDER

The disk is a file system of 1 MiB in memory, in a name space of its own, so that nobody needs to be
root and nothing stays behind.
"""

import json
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from otel_llmops.errors import JournalError, JournalFull
from otel_llmops.journal import Journal, JournalSettings, Reader

SETTINGS = JournalSettings(segment_bytes_max=300_000)
PAYLOADS = [bytes([number]) * 20_000 for number in range(100)]


def mount(folder: Path, *options: str) -> None:
    command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "none", str(folder)]
    subprocess.run(command, check=True)


def opened(folder: Path) -> Journal:
    return Journal.open(folder, SETTINGS, required_consumers=["store"])


def filled(folder: Path) -> dict[str, Any]:
    """Append until the disk is full; make room; send again what was refused."""
    told: dict[str, Any] = {}
    spare = folder / "spare"
    spare.write_bytes(bytes(200_000))
    with opened(folder / "journal") as journal:
        acknowledged = 0
        try:
            for payload in PAYLOADS:
                journal.append(payload, signal=1, encoding=1)
                acknowledged += 1
        except JournalFull as error:
            told["refused"] = error.message
        told["trouble"] = journal.stats().trouble
        spare.unlink()
        again = PAYLOADS[: acknowledged + 3]
        told["taken"] = [journal.append(payload, signal=1, encoding=1) for payload in again]
        told["trouble_later"] = journal.stats().trouble
    told["acknowledged"] = acknowledged
    return told


def found(folder: Path) -> list[int]:
    """How often each request is there, by its number."""
    opened(folder / "journal").close()
    with Reader.open(folder / "journal", "store") as reader:
        names = Counter(record.payload[0] for record in reader.read(2**30))
    return [names[number] for number in range(max(names) + 1)]


def reopened_while_full(folder: Path) -> str | None:
    """What a journal says that is opened on a full disk, and asked to take something."""
    spare = folder / "spare"
    with suppress(OSError), spare.open("wb", buffering=0) as file:
        while file.write(bytes(4096)) == 4096:
            pass
    try:
        with opened(folder / "journal") as journal, suppress(JournalFull):
            journal.append(bytes(20_000), signal=1, encoding=2)
            return "taken"
        return journal.stats().trouble
    finally:
        spare.unlink()


def read_only(folder: Path) -> str:
    mount(folder, "remount", "ro")
    try:
        opened(folder / "journal").close()
    except JournalError as error:
        return str(error)
    return ""


def main(folder: Path) -> dict[str, Any]:
    mount(folder, "size=1m")
    told = filled(folder)
    told["found"] = found(folder)
    told["full_at_start"] = reopened_while_full(folder)
    return told | {"read_only": read_only(folder)}


if __name__ == "__main__":
    json.dump(main(Path(sys.argv[1])), sys.stdout)
