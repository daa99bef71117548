"""Which requests the journal holds, so that a retry is acknowledged and not stored again."""

from collections import deque
from collections.abc import Mapping

__all__ = ["Known"]


class Known:
    """Hashes of requests by segment, the oldest segments forgotten over a limit.

    Not thread-safe: its owner has a lock.
    """

    def __init__(self, hashes: Mapping[int, list[bytes]], hashes_max: int) -> None:
        self._hashes_max = hashes_max
        self._all: set[bytes] = set()
        self._segments: deque[tuple[int, list[bytes]]] = deque()
        for segment, requests in hashes.items():
            for request in requests:
                self.add(segment, request)

    def __contains__(self, request: bytes) -> bool:
        return request in self._all

    def __len__(self) -> int:
        return len(self._all)

    def add(self, segment: int, request: bytes) -> None:
        """The request lies in `segment`, which is never older than the one before."""
        if not self._segments or self._segments[-1][0] != segment:
            self._segments.append((segment, []))
        self._segments[-1][1].append(request)
        self._all.add(request)
        while len(self._all) > self._hashes_max and len(self._segments) > 1:
            self._all.difference_update(self._segments.popleft()[1])

    def forget(self, segment: int) -> None:
        """The segment is gone, and all before it."""
        while self._segments and self._segments[0][0] <= segment:
            self._all.difference_update(self._segments.popleft()[1])
