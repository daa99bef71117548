"""Waiting for a predecessor: one process at a time may own a store."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import TypeVar

from otel_llmops.errors import ConfigError

__all__ = ["alone", "patiently"]

_PAUSE_S = 0.05

T = TypeVar("T")


def patiently(attempt: Callable[[], T], refusal: type[Exception], *, wait_s: float) -> T:
    """What `attempt` returns; tried again for `wait_s` seconds while it raises `refusal`.

    A process that was killed is gone when the kernel has torn it down, some moments later.
    """
    deadline = monotonic() + wait_s
    while True:
        try:
            return attempt()
        except refusal:
            if monotonic() >= deadline:
                raise
            sleep(_PAUSE_S)


@contextmanager
def alone(path: Path, *, wait_s: float) -> Iterator[None]:
    """Hold the lock at `path`; it goes with this process, however that ends.

    Raises: ConfigError, if another process holds it for longer than `wait_s` seconds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as lock:
        try:
            patiently(
                lambda: fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB),
                BlockingIOError,
                wait_s=wait_s,
            )
        except BlockingIOError as error:
            raise ConfigError(
                f"another process holds {path}", hint="wait until it has ended, or end it"
            ) from error
        yield
