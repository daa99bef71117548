"""What to do when a call fails: again for as long as it may succeed, in parts where it never will.

Source: exponential back-off with jitter; halving finds k bad ones among n in k log n calls.
"""

import logging
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from otel_llmops.errors import JournalError, PermanentExport, RetryableExport

__all__ = ["Insistence", "StoppedError", "in_parts", "waiting_for_disk"]

_log = logging.getLogger(__name__)

_T = TypeVar("_T")


class StoppedError(Exception):
    """Asked to stop while waiting for a destination."""


class Insistence:
    """Repeats calls until the destination takes them, and knows what it waits for."""

    def __init__(self, what: str, *, wait_s_min: float, wait_s_max: float) -> None:
        """`what` is the trouble in words, while there is one."""
        self._what = what
        self._wait_s_min = wait_s_min
        self._wait_s_max = wait_s_max
        self.trouble: str | None = None
        self.retries = 0

    def insist(
        self, call: Callable[[], _T], stop: threading.Event, *, doubt_s_max: float = float("inf")
    ) -> _T:
        """What `call` returns, once it succeeds; done twice it must be as if it was done once.

        A destination that cannot be reached is waited for without end; one that answers what may
        as well be about the batch, for `doubt_s_max`.
        Raises: PermanentExport, as the call, or where the doubt has lasted; StoppedError, if `stop`
                comes first.
        """
        wait_s, doubted_s = self._wait_s_min, 0.0
        while True:
            try:
                found = call()
            except RetryableExport as error:
                if error.doubtful and doubted_s >= doubt_s_max:
                    self.trouble = None
                    raise PermanentExport(
                        f"refused for {doubted_s:.1f} s, at last with: {error}"
                    ) from error
                pause_s = max(error.delay_s, wait_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
                self._wait(pause_s, error, stop)
                doubted_s = doubted_s + pause_s if error.doubtful else 0.0
                wait_s = min(2 * wait_s, self._wait_s_max)
            except PermanentExport:
                self.trouble = None
                raise
            else:
                self.trouble = None
                return found

    def _wait(self, pause_s: float, error: RetryableExport, stop: threading.Event) -> None:
        if self.trouble is None:
            _log.warning("waiting, and trying again: %s", error)
        self.trouble = f"{self._what}: {error}"
        self.retries += 1
        if stop.wait(pause_s):
            raise StoppedError from error


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
        raise RetryableExport(f"the data folder: {error.strerror or error}") from error
    except JournalError as error:
        if not isinstance(error.__cause__, OSError):
            raise
        raise RetryableExport(str(error)) from error
