"""What the processes of `serve` tell about themselves, and the page that shows all of it.

Strategy: each process posts its figures to a small file every second, and shows those of the other
beside its own, which are fresh. So one page tells everything, on the port of either, and a process
that is dead or hangs is seen by its old post. The age of a post is told by a clock that all
processes of the machine share and nobody sets (CLOCK_MONOTONIC).
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from otel_llmops.metrics import Metric, exposition, labels

__all__ = ["PROCESSES", "Bulletin", "News"]

_log = logging.getLogger(__name__)

PROCESSES = ("receiver", "engine")
_POST_S = 1.0
_OLD_S = 5.0


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
        path = self._path(self._process)
        try:
            self._folder.mkdir(exist_ok=True)
            fresh = path.with_suffix(".new")
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(path)
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
            post = json.loads(self._path(process).read_text(encoding="utf-8"))
            age_s = self._clock() - post["at"]
            # below 0: posted before the machine was started again
            if 0 <= age_s < _OLD_S:
                return News(post["metrics"], post["reasons"])
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return None

    def _path(self, process: str) -> Path:
        return self._folder / f"{process}.json"
