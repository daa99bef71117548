"""What can go wrong, by who is wrong and what the caller does next.

LlmopsError(message, *, hint="")
+- ConfigError        the operator, at start-up; lists every problem     exit 2
+- SchemaError        us: a table breaks its schema (a bug)              500 / INTERNAL
+- DecodeError        the sender: not OTLP                               400 / INVALID_ARGUMENT
+- RedactionError     us: a request could not be redacted, and is not kept  500 / INTERNAL
+- JournalError
|  +- JournalFull     over budget or disk full, nothing lost yet         429 / RESOURCE_EXHAUSTED
|  +- JournalCorrupt  the disk: expected and found sums differ           503 / UNAVAILABLE
+- ExportError
|  +- RetryableExport(delay_s)   the destination, for now                back-off with jitter
|  +- PermanentExport            the batch                               quarantine and counter
|     +- UnsupportedSignal       the destination: it takes no such signal counter
+- QueryError         the API's caller: malformed or too large           400 / GraphQL error

A 429 carries Retry-After, a RESOURCE_EXHAUSTED RetryInfo: the sender keeps the spans and tries
again. A 400 is never retried.
"""

__all__ = [
    "ConfigError",
    "DecodeError",
    "ExportError",
    "JournalCorrupt",
    "JournalError",
    "JournalFull",
    "LlmopsError",
    "PermanentExport",
    "QueryError",
    "RedactionError",
    "RetryableExport",
    "SchemaError",
    "UnsupportedSignal",
]


class LlmopsError(Exception):
    """Base of all our errors: the message says what with the value, `hint` says what to do."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class ConfigError(LlmopsError):
    """The operator asked for something that cannot start."""


class SchemaError(LlmopsError):
    """A table breaks its schema: a bug of ours."""


class DecodeError(LlmopsError):
    """The sender's bytes are not OTLP."""


class RedactionError(LlmopsError):
    """A request could not be redacted; nothing of it was kept."""


class JournalError(LlmopsError):
    """The journal cannot take or give a record."""


class JournalFull(JournalError):  # noqa: N818 - a state to wait out, not a fault
    """The journal's budget or the disk is used up; nothing acknowledged is lost."""


class JournalCorrupt(JournalError):  # noqa: N818 - names what is found
    """Bytes on the disk are not those that were written."""


class ExportError(LlmopsError):
    """A destination did not take a batch."""


class RetryableExport(ExportError):  # noqa: N818 - names what to do next
    """The destination may take the batch later.

    `doubtful`: it answered, and what it said may as well be about the batch.
    """

    def __init__(
        self, message: str, *, hint: str = "", delay_s: float = 0.0, doubtful: bool = False
    ) -> None:
        super().__init__(message, hint=hint)
        self.delay_s = delay_s
        self.doubtful = doubtful


class PermanentExport(ExportError):  # noqa: N818 - names what to do next
    """The destination will never take this batch."""


class UnsupportedSignal(PermanentExport):
    """The destination takes no such signal at all: not traces, or not logs, or not metrics."""


class QueryError(LlmopsError):
    """The API's caller asked for something malformed or too large."""
