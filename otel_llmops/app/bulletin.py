"""What the processes of `serve` tell about themselves, and the page that shows all of it.

Strategy: each process posts its figures to a small file every second, and shows those of the other
beside its own, which are fresh. So one page tells everything, on the port of either, and a process
that is dead or hangs is seen by its old post. The age of a post is told by a clock that all
processes of the machine share and nobody sets (CLOCK_MONOTONIC). A post is written over the one
before it, in a file that has its room since the start: news of a full disk needs no disk.
"""

import json
import logging
import os
import struct
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from otel_llmops.metrics import Metric, exposition, labels

__all__ = ["PROCESSES", "Bulletin", "News"]

_log = logging.getLogger(__name__)

PROCESSES = ("receiver", "engine")
_POST_S = 1.0
_OLD_S = 5.0
_ROOM_BYTES = 128 * 1024
"""Some times what all figures need."""
_LOOKS = 5
"""A post may be seen half written; the next look sees it whole."""
_MODE = 0o640
_HEAD = struct.Struct("<II")


class News(NamedTuple):
    """Metrics as text, and why the process is not ready; no reasons where it is."""

    metrics: str
    reasons: Sequence[str]


class Bulletin:
    """One process's board: `tell` gives its own news, from any thread."""

    def __init__(
        self,
        folder: Path,
        process: str,
        tell: Callable[[], News],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._process = process
        self._tell = tell
        self._clock = clock
        self._stop = threading.Event()
        self._complained = False

    def start(self) -> None:
        """Post until the process ends or `stop`."""
        threading.Thread(target=self._run, name="bulletin", daemon=True).start()

    def stop(self) -> None:
        """Post no more."""
        self._stop.set()

    def page(self) -> str:
        """The metrics of all processes; of one that has not posted for 5 s, that it is down."""
        news = self._all()
        up = {labels(process=name): int(news[name] is not None) for name in PROCESSES}
        about = "1 where the process runs and tells how it is."
        own = exposition([Metric("process_up", "gauge", about, up)])
        return own + "".join(each.metrics for each in news.values() if each)

    def reasons(self) -> list[str]:
        """Why answers or acknowledgements cannot be relied on now, over all processes."""
        found: list[str] = []
        for name, news in self._all().items():
            found += [f"the {name} does not run"] if news is None else news.reasons
        return found

    def post(self) -> None:
        """Have the others see the news as they are now. Raises nothing: it is only news."""
        text = json.dumps({"at": self._clock(), **self._tell()._asdict()})
        try:
            self._folder.mkdir(exist_ok=True)
            _overwrite(self._path(self._process), text.encode())
        except OSError as error:
            if not self._complained:
                _log.warning("cannot tell other processes how this one is: %s", error)
            self._complained = True
        else:
            self._complained = False

    def _run(self) -> None:
        while True:
            try:
                self.post()
            except Exception:  # noqa: BLE001 - a boundary: news must not end with one that failed
                _log.exception("no news of this process")
            if self._stop.wait(_POST_S):
                return

    def _all(self) -> dict[str, News | None]:
        return {
            name: self._tell() if name == self._process else self._posted(name)
            for name in PROCESSES
        }

    def _posted(self, process: str) -> News | None:
        try:
            post = json.loads(_read(self._path(process)))
            age_s = self._clock() - post["at"]
            # below 0: posted before the machine was started again
            if 0 <= age_s < _OLD_S:
                return News(post["metrics"], post["reasons"])
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return None

    def _path(self, process: str) -> Path:
        return self._folder / f"{process}.post"


def _overwrite(path: Path, content: bytes) -> None:
    head = _HEAD.pack(len(content), zlib.crc32(content))
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
    try:
        if os.fstat(fd).st_size < _ROOM_BYTES:
            os.pwrite(fd, bytes(_ROOM_BYTES), 0)
        os.pwrite(fd, head + content, 0)
    finally:
        os.close(fd)


def _read(path: Path) -> bytes:
    """The post. Raises: OSError; ValueError, if it is never seen whole."""
    for _ in range(_LOOKS):
        found = path.read_bytes()
        size, checksum = _HEAD.unpack_from(found.ljust(_HEAD.size, b"\0"))
        content = found[_HEAD.size : _HEAD.size + size]
        if content and zlib.crc32(content) == checksum:
            return content
    raise ValueError(f"{path} holds no whole post")
