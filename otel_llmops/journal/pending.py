"""A request on its way to the disk."""

import errno
from concurrent.futures import Future
from dataclasses import dataclass, field

from otel_llmops.errors import JournalError, JournalFull
from otel_llmops.journal.record import HEADER_BYTES, Body, Header

__all__ = ["Pending", "running_future", "translate"]

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}


def running_future() -> "Future[bool]":
    """A future that its caller cannot cancel: the request may be on the disk already."""
    future: Future[bool] = Future()
    future.set_running_or_notify_cancel()
    return future


@dataclass(slots=True, eq=False)
class Pending:
    """A request, and all who wait for it: the first appended it, the others sent it again."""

    header: Header
    body: Body
    first: "Future[bool]" = field(default_factory=running_future)
    again: "list[Future[bool]]" = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes of its record."""
        return HEADER_BYTES + len(self.body.ordinals) + len(self.body.payload)

    def succeed(self) -> None:
        """It is durable."""
        if not self.first.done():
            self.first.set_result(True)
        for future in self.again:
            future.set_result(False)

    def fail(self, cause: OSError | None) -> int:
        """It is not; how many are told. Each gets an error of its own: a traceback is not shared.

        An append that was acknowledged before its write (durability "none") is not told.
        """
        waiting = [future for future in (self.first, *self.again) if not future.done()]
        for future in waiting:
            future.set_exception(translate(cause))
        return len(waiting)


def translate(cause: OSError | None) -> JournalError:
    """What the disk said, in our words; None where the journal was closed."""
    if cause is None:
        return JournalError("the journal is closed", hint="send it again after the restart")
    if cause.errno in _NO_SPACE:
        error: JournalError = JournalFull(
            f"no space for the journal: {cause.strerror}",
            hint="free space on the journal's disk; the sender retries meanwhile",
        )
    else:
        error = JournalError(
            f"the disk did not take the journal: {cause.strerror or cause}",
            hint="look at the disk that holds the journal; the sender retries meanwhile",
        )
    error.__cause__ = cause
    return error
