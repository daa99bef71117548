"""Who reads and who changes the files of a lake: many at once, or one alone."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Gate"]


class Gate:
    """A query lists files and then reads them: none may come in place of others meanwhile.

    Who waits to change goes before who comes to read after it, so it waits for the queries that
    run and no longer.
    """

    def __init__(self) -> None:
        self._state = threading.Condition()
        self._reading = 0
        self._changing = 0
        self._alone = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Nobody changes files meanwhile."""
        with self._state:
            self._state.wait_for(lambda: not self._changing)
            self._reading += 1
        try:
            yield
        finally:
            with self._state:
                self._reading -= 1
                self._state.notify_all()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Nobody reads, and nobody else changes."""
        with self._state:
            self._changing += 1
        try:
            with self._alone:
                with self._state:
                    self._state.wait_for(lambda: not self._reading)
                yield
        finally:
            with self._state:
                self._changing -= 1
                self._state.notify_all()
