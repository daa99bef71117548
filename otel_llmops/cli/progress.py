"""A progress bar on stderr for work that has proved to be long."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress

__all__ = ["bar"]


@contextmanager
def bar(about: str, *, after_s: float) -> Iterator[Callable[[int, int], None]]:
    """Give a function of (done, total) that shows a bar from `after_s` seconds on."""
    started = time.monotonic()
    progress = Progress(console=Console(stderr=True), transient=True)
    task = progress.add_task(about, total=None)

    def update(done: int, total: int) -> None:
        progress.update(task, completed=done, total=total)
        if time.monotonic() - started >= after_s:
            progress.start()

    try:
        yield update
    finally:
        progress.stop()
