"""Arrow columns grown row by row, for the kinds of column that OTLP needs."""

from collections.abc import Mapping

import pyarrow as pa

from otel_llmops.model.schemas import TIME

__all__ = ["Maps", "clamped", "times"]

_TEXT_MAP = pa.map_(pa.string(), pa.string())
_INT64_MAX = 2**63 - 1


class Maps:
    """A column of text maps."""

    def __init__(self) -> None:
        self._offsets = [0]
        self._keys: list[str] = []
        self._values: list[str] = []

    def append(self, row: Mapping[str, str]) -> None:
        """One more row, with the keys in their order."""
        self._keys += row
        self._values += row.values()
        self._offsets.append(len(self._keys))

    def array(self) -> pa.MapArray:
        """map<string, string>, one for each row appended."""
        return pa.MapArray.from_arrays(
            pa.array(self._offsets, pa.int32()),
            pa.array(self._keys, pa.string()),
            pa.array(self._values, pa.string()),
            type=_TEXT_MAP,
        )


def clamped(time_unix_nano: int) -> int:
    """A fixed64 time held to what int64 ns can say (the year 2262)."""
    return min(time_unix_nano, _INT64_MAX)


def times(values_ns: list[int]) -> pa.Array:
    """timestamp[ns, UTC] of int64 ns since 1970."""
    return pa.array(values_ns, pa.int64()).view(TIME)
