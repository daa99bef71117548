"""Types of the native decoder, which is built from _native.pyx."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

class Refused(Exception):  # noqa: N818 - it says what happened to the request
    args: tuple[int, int, int]

def learn(rows: Sequence[Mapping[int, int]]) -> None: ...
def check(
    payload: bytes, bounds: tuple[int, int, int, int, int, int, int]
) -> tuple[int, list[tuple[int, int]]]: ...
def decode(
    payloads: list[bytes],
    refused: Sequence[npt.NDArray[np.int64]],
    schema: pa.Schema,
    batch_bytes_max: int,
) -> list[pa.RecordBatch]: ...
def span_wire(value: object) -> bytes | None: ...
def text_of_double(number: float) -> str: ...
