"""The words that the receiver, the journal and the decoders share."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
import numpy.typing as npt

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
    """One journalled request: decompressed body, and the ordinals to leave out.

    These are what was rejected at the door, and whatever else a reader does not want.
    """

    payload: bytes
    encoding: Encoding = Encoding.PROTOBUF
    rejected: Sequence[int] | npt.NDArray[np.int64] = field(default=())
