"""The one writer of a journal.

Strategy (group commit): callers hash and sum their requests in their own threads and queue them;
one thread takes all that wait, writes them with one writev, makes them durable with one
fdatasync, publishes the new end to the readers and wakes the callers. While it waits for the
disk, the next group gathers: the more callers, the bigger the group.
"""

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import MappingProxyType

from otel_llmops.errors import JournalError, JournalFull
from otel_llmops.journal._disk import Disk
from otel_llmops.journal.extent import Extent
from otel_llmops.journal.files import Layout, read_cursor
from otel_llmops.journal.known import Known
from otel_llmops.journal.opening import Opened, open_directory
from otel_llmops.journal.pending import Pending, running_future, translate
from otel_llmops.journal.record import Body, Header, Position, encode_header, request_hash
from otel_llmops.journal.settings import JournalSettings, JournalStats

__all__ = ["Journal"]

_log = logging.getLogger(__name__)

_GROUP_RECORDS_MAX = 512  # two buffers a record: IOV_MAX is 1024 on Linux
# So that the next requests are hashed while these are written: of 1, 2, 4, 8 and 32 MiB the best
# with 32 senders of 285 KB (benchmarks/bench_journal.py), 590 to 640 MB/s against 480 to 560 at 32
_GROUP_BYTES_MAX = 2 * 2**20
_TIDY_INTERVAL_S = 0.5
_TROUBLE_S = 10.0
"""A refusal is told for so long, unless something is taken before: who would say that it is over,
where nobody sends any more because we said that we are not ready?"""


class Journal:
    """Appends requests durably. `append` and `submit` may be called from any thread."""

    def __init__(
        self,
        opened: Opened,
        *,
        cursors: Sequence[Path],
        quotas: Mapping[Path, int],
        clock_ns: Callable[[], int],
    ) -> None:
        """Use `open`."""
        self._opened = opened
        self._disk = opened.disk
        self._layout = opened.layout
        self._settings = opened.settings
        self._durable = opened.durable
        self._tail = opened.tail
        self._cursors = cursors
        self._quotas = quotas
        self._clock_ns = clock_ns
        self._extent = Extent(opened.recovered.sizes)
        self._known = Known(opened.recovered.hashes, opened.settings.hashes_max)
        self._in_flight: dict[bytes, Pending] = {}
        self._queue: deque[Pending] = deque()
        self._queue_bytes = 0
        self._wake = threading.Condition(threading.Lock())
        self._idle = False
        self._closing = False
        self.damaged_records = opened.recovered.damaged_records
        self.torn_bytes = opened.recovered.torn_bytes
        self.appended_records = 0
        self.appended_bytes = 0
        self.duplicates = 0
        self.commits = 0
        self.refused = 0
        self.lost_records = 0
        self.failures = 0
        self.deleted_segments = 0
        self._trouble: tuple[str, float] | None = None
        self._tidied_at = time.monotonic()
        self._tidy()
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)
        self._thread.start()

    @classmethod
    def open(
        cls,
        directory: Path,
        settings: JournalSettings | None = None,
        *,
        required_consumers: Sequence[str],
        optional_consumers: Mapping[str, int] = MappingProxyType({}),
        disk: Disk | None = None,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> "Journal":
        """Take the lock, recover what the last writer left, and be ready to append.

        Only `required_consumers` fill the budget, and hold back the deletion of segments for as
        long as it takes; each of `optional_consumers` holds so many bytes of its backlog. Raises
        JournalError where another process writes here, or the directory cannot be used.
        """
        layout = Layout(Path(directory))
        cursors = [layout.cursor(name) for name in required_consumers]
        quotas = {layout.cursor(name): quota for name, quota in optional_consumers.items()}
        opened = open_directory(disk or Disk(), layout, settings or JournalSettings())
        return cls(opened, cursors=cursors, quotas=quotas, clock_ns=clock_ns)

    def append(
        self, payload: bytes, *, signal: int, encoding: int, rejected: Sequence[int] = ()
    ) -> bool:
        """Return when the request is durable: True where it was stored, False where it was already.

        Raises JournalFull (budget or disk used up) or JournalError; then it is not in the journal.
        """
        return self.submit(payload, signal=signal, encoding=encoding, rejected=rejected).result()

    def submit(
        self, payload: bytes, *, signal: int, encoding: int, rejected: Sequence[int] = ()
    ) -> "Future[bool]":
        """What `append` does, without waiting; the future cannot be cancelled."""
        body = Body.of(payload, rejected)
        request = request_hash(payload, signal=signal, encoding=encoding)
        pending = Pending(
            Header(
                len(payload), len(rejected), body.sum(), signal, encoding, self._clock_ns(), request
            ),
            body,
        )
        with self._wake:
            if (same := self._same(request)) is not None:
                return same
            if (refusal := self._refusal(pending.size)) is not None:
                self.refused += 1
                self._trouble = refusal.message, time.monotonic()
                pending.first.set_exception(refusal)
                return pending.first
            self._in_flight[request] = pending
            self._queue.append(pending)
            self._queue_bytes += pending.size
            if self._settings.durability == "none":
                pending.first.set_result(True)
            if self._idle:
                self._idle = False
                self._wake.notify()
        return pending.first

    def stats(self) -> JournalStats:
        """Counters and sizes as they stand."""
        return JournalStats(
            appended_records=self.appended_records,
            appended_bytes=self.appended_bytes,
            duplicates=self.duplicates,
            commits=self.commits,
            refused=self.refused,
            lost_records=self.lost_records,
            failures=self.failures,
            damaged_records=self.damaged_records,
            torn_bytes=self.torn_bytes,
            deleted_segments=self.deleted_segments,
            segments=self._extent.segments,
            stored_bytes=self._extent.stored_bytes,
            backlog_bytes=self._extent.backlog_bytes,
            known_requests=len(self._known),
            end=self._tail.end,
            trouble=self._told(),
        )

    def close(self) -> None:
        """Write what was submitted, then let another writer in. Safe to call twice."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _told(self) -> str | None:
        trouble = self._trouble
        return trouble[0] if trouble and time.monotonic() - trouble[1] < _TROUBLE_S else None

    def _same(self, request: bytes) -> "Future[bool] | None":
        """Where the request is in the journal already, or on its way: what to wait for."""
        if request in self._known:
            self.duplicates += 1
            known: Future[bool] = Future()
            known.set_result(False)
            return known
        if (pending := self._in_flight.get(request)) is not None:
            self.duplicates += 1
            again = running_future()
            pending.again.append(again)
            return again
        return None

    def _refusal(self, size: int) -> JournalError | None:
        if self._closing:
            return translate(None)
        backlog = self._extent.backlog_bytes + self._queue_bytes + size
        if backlog > self._settings.budget_bytes:
            return JournalFull(
                f"the journal holds {self._extent.backlog_bytes} bytes that are not stored yet, "
                f"of {self._settings.budget_bytes} allowed",
                hint="see why the store is slow or down, or raise the journal's budget",
            )
        if self._queue_bytes + size > max(self._settings.queue_bytes_max, size):
            return JournalFull(
                f"{self._queue_bytes} bytes wait for the disk already",
                hint="the disk is slower than the senders; they retry",
            )
        return None

    def _run(self) -> None:
        try:
            while self._turn():
                pass
        finally:
            # Whatever ended this thread, nobody may wait for it for ever
            self._end()

    def _turn(self) -> bool:
        group = self._take_group()
        if group:
            self._commit(group)
        if time.monotonic() - self._tidied_at >= _TIDY_INTERVAL_S:
            self._tidy()
        return bool(group) or not self._closing

    def _take_group(self) -> list[Pending]:
        with self._wake:
            if not self._queue and not self._closing:
                self._idle = True
                self._wake.wait(_TIDY_INTERVAL_S)
                self._idle = False
            group: list[Pending] = []
            size = 0
            while self._queue and len(group) < _GROUP_RECORDS_MAX:
                size += self._queue[0].size
                if group and size > _GROUP_BYTES_MAX:
                    break
                group.append(self._queue.popleft())
        return group

    def _commit(self, group: list[Pending]) -> None:
        size = sum(pending.size for pending in group)
        try:
            at = self._tail.place(size)
            self._tail.write(_buffers(group, at), size)
        except OSError as error:
            self._fail(group, error)
            return
        self._publish()
        with self._wake:
            self._extent.grow(self._tail.end)
            if not self._cursors:
                self._extent.consumed(self._tail.end)
            self._queue_bytes -= size
            for pending in group:
                self._known.add(at.segment, pending.header.request)
                del self._in_flight[pending.header.request]
            self.appended_records += len(group)
            self.appended_bytes += size
            self.commits += 1
            self._trouble = None
        for pending in group:
            pending.succeed()

    def _publish(self) -> None:
        try:
            self._durable.publish(self._tail.end)
        except OSError:
            # The group is durable all the same; the next publication covers it
            self.failures += 1
            _log.exception("the journal's readers cannot be told of new records")

    def _fail(self, group: list[Pending], cause: OSError | None) -> None:
        with self._wake:
            self.failures += 1
            self._trouble = translate(cause).message, time.monotonic()
            for pending in group:
                self._queue_bytes -= pending.size
                del self._in_flight[pending.header.request]
        told = sum(pending.fail(cause) for pending in group)
        with self._wake:
            self.refused += told
            if self._settings.durability == "none":
                self.lost_records += len(group)
        _log.error("the journal refused %d requests: %s", len(group), cause or "closed")

    def _tidy(self) -> None:
        """Look where the consumers are, and delete what all of them have left behind."""
        self._tidied_at = time.monotonic()
        try:
            places = [read_cursor(self._disk, path) or Position(0, 0) for path in self._cursors]
            with self._wake:
                self._extent.consumed(min(places, default=self._tail.end))
            held = min(
                (
                    self._extent.held(read_cursor(self._disk, path) or Position(0, 0), quota)
                    for path, quota in self._quotas.items()
                ),
                default=self._tail.end.segment,
            )
            numbers = self._extent.deletable(self._settings.retained_bytes)
            numbers = [number for number in numbers if number < held]
            if numbers:
                # A cursor that was seen may not be on the disk yet, and must not be outlived
                self._disk.sync_directory(self._layout.cursors)
            for number in numbers:
                with contextlib.suppress(FileNotFoundError):
                    self._disk.unlink(self._layout.segment(number))
                with self._wake:
                    self._extent.delete(number)
                    self._known.forget(number)
                self.deleted_segments += 1
        except OSError as error:
            self.failures += 1
            _log.warning("the journal could not be tidied, it will be tried again: %s", error)

    def _end(self) -> None:
        with self._wake:
            self._closing = True
            orphans = list(self._in_flight.values())
            self._queue.clear()
        if orphans:
            self._fail(orphans, None)
        self._opened.close()


def _buffers(group: list[Pending], at: Position) -> list[bytes]:
    buffers: list[bytes] = []
    for pending in group:
        buffers.append(encode_header(pending.header, at) + pending.body.ordinals)
        buffers.append(pending.body.payload)
        at = Position(at.segment, at.byte + pending.size)
    return buffers
