"""Who may run beside whom, where each takes memory: jobs by their sizes, so much at a time."""

import threading
from collections.abc import Generator, Sequence

__all__ = ["Room"]


class Room:
    """Jobs that wait for room, the largest first; one that is alone always has enough.

    In:     `sizes` of the jobs, in any unit, by their numbers; `size_max`, of all that run at once.
    """

    def __init__(self, sizes: Sequence[int], size_max: int) -> None:
        self._sizes = sizes
        self._waiting = sorted(range(len(sizes)), key=lambda job: -sizes[job])
        self._max = size_max
        self._taken = 0
        self._changed = threading.Condition()

    def jobs(self) -> Generator[int]:
        """Numbers of jobs, each once, whoever asks; a job is over when the next is asked for."""
        while (job := self._next()) is not None:
            try:
                yield job
            finally:
                with self._changed:
                    self._taken -= self._sizes[job]
                    self._changed.notify_all()

    def _next(self) -> int | None:
        with self._changed:
            while self._waiting:
                for job in self._waiting:
                    if self._fits(self._sizes[job]):
                        self._waiting.remove(job)
                        self._taken += self._sizes[job]
                        self._changed.notify_all()
                        return job
                self._changed.wait()
            return None

    def _fits(self, size: int) -> bool:
        return not self._taken or self._taken + size <= self._max

    def wait_for(self, size: int) -> None:
        """Waits until there is room beside all jobs that are not over, begun or not."""

        def is_there() -> bool:
            ahead = self._taken + sum(self._sizes[job] for job in self._waiting)
            return not ahead or ahead + size <= self._max

        with self._changed:
            self._changed.wait_for(is_there)

    def close(self) -> None:
        """Lets no further job begin, and nobody wait for one."""
        with self._changed:
            self._waiting.clear()
            self._changed.notify_all()
