"""The words that the receiver, the journal and the decoders share."""

from dataclasses import dataclass, field
from enum import IntEnum

__all__ = ["Encoding", "Request", "Signal", "Verdict"]


class Signal(IntEnum):
    """Which of OTLP's services a request was sent to."""

    TRACES = 1
    LOGS = 2
    METRICS = 3


class Encoding(IntEnum):
    """How a request's bytes are to be read."""

    PROTOBUF = 1
    JSON = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the sender is told: `rejected` are ordinals, in wire order, among `records`."""

    records: int
    rejected: tuple[int, ...] = ()
    message: str = ""

    @property
    def accepted(self) -> int:
        """How many records are kept."""
        return self.records - len(self.rejected)


@dataclass(frozen=True, slots=True)
class Request:
    """One journalled request: decompressed body and the verdict it got at the door."""

    payload: bytes
    encoding: Encoding = Encoding.PROTOBUF
    rejected: tuple[int, ...] = field(default=())
