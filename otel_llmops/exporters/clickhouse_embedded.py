"""A client of the ClickHouse engine of this process that inserts Arrow tables as they are.

Strategy: clickhouse-connect writes what is inserted to a temporary file, which costs a fifth of the
insert. chDB can read an Arrow table where it lies, so inserts go to chDB itself, and all else to
clickhouse-connect, over one handle each.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import chdb
import clickhouse_connect
import pyarrow as pa
from clickhouse_connect.driver.exceptions import DatabaseError

__all__ = ["EmbeddedClient", "TableBlock"]

_IN_ONE_BLOCK: Mapping[str, Any] = {
    # one insert makes one block for each partition: so its token holds for all of it
    "max_threads": 1,
    "max_insert_threads": 1,
    "min_insert_block_size_rows": 2**31,
    "min_insert_block_size_bytes": 2**40,
}
_PLANNING: Mapping[str, Any] = {
    # to tell which parts to read it would read a projection while it plans: 16 ms, which save none
    "optimize_use_projection_filtering": 0,
}
_CODE = re.compile(r"Code: (\d+)\.")


class TableBlock(Protocol):
    """What is inserted, of which this process may have the table itself."""

    @property
    def rows(self) -> pa.Table:
        """The rows."""


class EmbeddedClient:
    """A client of clickhouse-connect on `folder`, but for inserts; used by one thread at a time."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self._client = clickhouse_connect.get_client(
            interface="chdb", path=str(folder), settings={**settings, **_PLANNING}
        )
        self._settings = {
            name: value for name, value in settings.items() if not name.startswith("output_")
        }
        self._engine = chdb.connect(str(folder))  # type: ignore[no-untyped-call]

    def __getattr__(self, name: str) -> Any:
        """All but inserts is clickhouse-connect's."""
        return getattr(self._client, name)

    def raw_insert(
        self,
        table: str,
        column_names: Sequence[str],
        insert_block: TableBlock,
        *,
        settings: Mapping[str, Any],
        fmt: str,
    ) -> None:
        """Insert `insert_block.rows` by one statement. Raises: DatabaseError."""
        del fmt
        # chDB looks among the variables of this function for what stands in Python(...)
        rows = insert_block.rows  # noqa: F841
        columns = ", ".join(f"`{name}`" for name in column_names)
        clause = ", ".join(
            f"{name} = {_literal(value)}"
            for name, value in {**self._settings, **_IN_ONE_BLOCK, **settings}.items()
        )
        into = f"INSERT INTO {table} ({columns}) SETTINGS {clause}"
        statement = f"{into} SELECT {columns} FROM Python(rows)"  # noqa: S608 - names of ours
        try:
            self._engine.query(statement)
        except chdb.ChdbError as error:
            told = _CODE.search(str(error))
            raise DatabaseError(str(error), code=int(told[1]) if told else None) from error

    def close(self) -> None:
        """Close both handles."""
        self._engine.close()
        self._client.close()


def _literal(value: object) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"
    return str(value)
