"""The functions of all files, as columns.

Strategy: a repository has hundreds of thousands of them, each a dozen Python objects. They are
taken from one file after the other and become arrays a chunk at a time, so that never more than a
chunk of them is there as objects.
"""

from typing import Any, Final

import pyarrow as pa

from otel_llmops.model.topology import TOPOLOGY
from otel_llmops.topology.facts import FileSummary

__all__ = ["COLUMNS", "Functions"]

COLUMNS: Final = (
    "function_name", "qualified_name", "kind", "line_first", "line_start", "line_end", "complexity",
    "cognitive_complexity", "is_async", "decorators", "docstring", "body_hash",
)  # fmt: skip
"""Those of code_functions that a file tells, in the order of FunctionFacts."""

_CHUNK: Final = 10_000


class Functions:
    """Functions by file; `counts` says how many each file has, `names` what their ids are of."""

    def __init__(self) -> None:
        self.counts: list[int] = []
        self.names: list[str] = []
        self._chunks: list[pa.RecordBatch] = []
        self._waiting: list[list[Any]] = [[] for _ in COLUMNS]
        table = TOPOLOGY["code_functions"]
        self._schema = pa.schema([table.field(name) for name in COLUMNS])

    def add(self, file: FileSummary | None) -> None:
        """The functions of the next file; None where it was not parsed."""
        self.counts.append(len(file.names) if file else 0)
        if file:
            self.names += file.names
            for column, more in zip(self._waiting, file.functions, strict=True):
                column.extend(more)
            if len(self._waiting[0]) >= _CHUNK:
                self._close()

    def columns(self) -> dict[str, pa.ChunkedArray]:
        """All columns, by name."""
        self._close()
        table = pa.Table.from_batches(self._chunks, self._schema)
        return dict(zip(COLUMNS, table.columns, strict=True))

    def _close(self) -> None:
        self._chunks.append(
            pa.RecordBatch.from_arrays(
                [pa.array(c, f.type) for c, f in zip(self._waiting, self._schema, strict=True)],
                schema=self._schema,
            )
        )
        for column in self._waiting:
            column.clear()
