"""What to do when a call fails: again for as long as it may succeed, in parts where it never will.

Source: exponential back-off with jitter; halving finds k bad ones among n in k log n calls.
"""

import logging
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from otel_llmops.errors import PermanentExport, RetryableExport

__all__ = ["Insistence", "StoppedError", "in_parts", "waiting_for_disk"]

_log = logging.getLogger(__name__)

_T = TypeVar("_T")


class StoppedError(Exception):
    """Asked to stop while waiting for a destination."""


class Insistence:
    """Repeats calls until the destination takes them, and knows what it waits for."""

    def __init__(self, *, wait_s_min: float, wait_s_max: float) -> None:
        self._wait_s_min = wait_s_min
        self._wait_s_max = wait_s_max
        self.trouble: str | None = None
        self.retries = 0

    def insist(self, call: Callable[[], None], stop: threading.Event) -> None:
        """Return when `call` has succeeded; what it does twice must be as if it did it once.

        Raises: PermanentExport, as the call; StoppedError, if `stop` comes first.
        """
        wait_s = self._wait_s_min
        while True:
            try:
                call()
            except RetryableExport as error:
                if self.trouble is None:
                    _log.warning("waiting, and trying again: %s", error)
                self.trouble = f"nothing is stored at the moment: {error}"
                self.retries += 1
                pause_s = max(error.delay_s, wait_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
                if stop.wait(pause_s):
                    raise StoppedError from error
                wait_s = min(2 * wait_s, self._wait_s_max)
            else:
                self.trouble = None
                return


def in_parts(
    items: list[_T],
    action: Callable[[list[_T]], None],
    refused: Callable[[_T, PermanentExport], None],
) -> None:
    """Do `action` on all items at once, or on the parts of them that are not refused.

    Where it raises PermanentExport the items are halved, always at the same place, down to single
    ones: those go to `refused`.
    """
    if not items:
        return
    try:
        action(items)
    except PermanentExport as error:
        if len(items) == 1:
            refused(items[0], error)
            return
        middle = len(items) // 2
        for part in (items[:middle], items[middle:]):
            in_parts(part, action, refused)


@contextmanager
def waiting_for_disk() -> Iterator[None]:
    """Have what the disk refuses now tried again: a full disk is made room on."""
    try:
        yield
    except OSError as error:
        raise RetryableExport(f"the data folder cannot be written: {error.strerror}") from error
