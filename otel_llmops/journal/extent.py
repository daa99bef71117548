"""Which segments there are, how far the consumers have come in them, and which may go."""

from collections.abc import Mapping

from otel_llmops.journal.record import Position

__all__ = ["Extent"]


class Extent:
    """Sizes of segments, in ascending order. Called by one thread; `backlog_bytes` by any."""

    def __init__(self, sizes: Mapping[int, int]) -> None:
        self._sizes = dict(sizes)
        self._slowest = Position(0, 0)
        self.stored_bytes = sum(self._sizes.values())
        self.backlog_bytes = self.stored_bytes

    @property
    def segments(self) -> int:
        """How many segments there are."""
        return len(self._sizes)

    def grow(self, end: Position) -> None:
        """The journal reaches to `end` now."""
        grown = end.byte - self._sizes.get(end.segment, 0)
        self._sizes[end.segment] = end.byte
        self.stored_bytes += grown
        self.backlog_bytes += grown

    def consumed(self, slowest: Position) -> None:
        """All that is required has passed `slowest`."""
        self._slowest = slowest
        self.backlog_bytes = sum(map(self._unpassed, self._sizes))

    def _unpassed(self, segment: int) -> int:
        if segment < self._slowest.segment:
            return 0
        if segment > self._slowest.segment:
            return self._sizes[segment]
        return max(0, self._sizes[segment] - self._slowest.byte)

    def deletable(self, retained_bytes: int) -> list[int]:
        """Oldest segments that every required consumer has left and the retention lets go.

        The newest is never among them, nor the one that a cursor is in, be it at its end: so that
        a cursor in a segment that is gone always means that something was missed.
        """
        behind = self.stored_bytes - self.backlog_bytes
        numbers = []
        for number in list(self._sizes)[:-1]:
            behind -= self._sizes[number]
            if number >= self._slowest.segment or behind < retained_bytes:
                break
            numbers.append(number)
        return numbers

    def held(self, place: Position, quota_bytes: int) -> int:
        """The oldest segment that waits for a consumer at `place`, of whose backlog so much may."""
        waiting, oldest = 0, max(self._sizes, default=0) + 1
        for number in reversed(self._sizes):
            waiting += self._sizes[number]
            if number < place.segment or waiting > quota_bytes:
                break
            oldest = number
        return oldest

    def delete(self, segment: int) -> None:
        """The segment is gone."""
        self.stored_bytes -= self._sizes[segment]
        self.backlog_bytes -= self._unpassed(segment)
        del self._sizes[segment]
