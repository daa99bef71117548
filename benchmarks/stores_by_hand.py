"""The statements of each store's write path, driven by hand: what bench_stores.py compares with."""

import asyncio
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import clickhouse_connect
import pyarrow as pa
import pyarrow.parquet as pq
import pymysql

from otel_llmops.exporters.clickhouse_server import server_connect
from otel_llmops.exporters.mysql_rows import as_csv, load_statement
from otel_llmops.exporters.postgres_rows import as_copy
from otel_llmops.store_url import StoreUrl, store_url

__all__ = ["Hand", "by_hand"]

Hand = Callable[[int, pa.Table], Callable[[], None]]
"""Prepares a batch; what it gives writes it."""


def by_hand(url: str) -> Hand:
    target = store_url(url)
    match target.scheme:
        case "postgresql":
            return _postgres(target)
        case "mysql":
            return _mysql(target)
        case "parquet":
            return _parquet(target)
        case _:
            return _clickhouse(target)


def _clickhouse(target: StoreUrl) -> Hand:
    client: Any = (
        clickhouse_connect.get_client(interface="chdb", path=target.path)
        if target.is_embedded
        else server_connect(target)({})
    )

    def prepare(number: int, rows: pa.Table) -> Callable[[], None]:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, rows.schema) as writer:
            writer.write_table(rows.combine_chunks())
        body, settings = sink.getvalue().to_pybytes(), {"insert_deduplication_token": f"h{number}"}
        return lambda: client.raw_insert(
            "spans", rows.column_names, body, settings=settings, fmt="ArrowStream"
        )

    return prepare


def _postgres(target: StoreUrl) -> Hand:
    loop = asyncio.new_event_loop()
    connection = loop.run_until_complete(
        asyncpg.connect(host=target.host, port=target.port, user=target.user,
                        password=target.password or None, database=target.database)
    )  # fmt: skip

    loop.run_until_complete(connection.execute("SET default_toast_compression = 'lz4'"))

    async def write(number: int, body: bytes, columns: list[str]) -> None:
        async def pieces() -> Any:
            for start in range(0, len(body), 1 << 20):
                yield body[start : start + (1 << 20)]

        async with connection.transaction():
            await connection.execute(
                "INSERT INTO exported_batches (name, batch_id) VALUES ('spans', $1)", f"h{number}"
            )
            await connection.copy_to_table(
                "spans", source=pieces(), columns=columns, format="binary"
            )

    def prepare(number: int, rows: pa.Table) -> Callable[[], None]:
        body = b"".join(as_copy(rows))
        return lambda: loop.run_until_complete(write(number, body, rows.column_names))

    return prepare


def _mysql(target: StoreUrl) -> Hand:
    connection = pymysql.connect(
        host=target.host, port=target.port, user=target.user, password=target.password,
        database=target.database, local_infile=True,
    )  # fmt: skip
    folder = tempfile.mkdtemp(prefix="bench-stores-")

    def prepare(number: int, rows: pa.Table) -> Callable[[], None]:
        path = f"{folder}/{number}.csv"
        as_csv(rows, path)
        load = load_statement("spans", rows.schema, path)

        def write() -> None:
            with connection.cursor() as cursor:
                record = "INSERT INTO exported_batches (name, batch_id) VALUES ('spans', %s)"
                cursor.execute(record, (f"h{number}",))
                cursor.execute(load)
            connection.commit()
            Path(path).unlink()

        return write

    return prepare


def _parquet(target: StoreUrl) -> Hand:
    """A file that is there whole or not at all, and once: as the exporter's, and no more."""
    folder = Path(target.path).with_name("by-hand")
    folder.mkdir()

    def prepare(number: int, rows: pa.Table) -> Callable[[], None]:
        path = folder / f"{number}.parquet"

        def write() -> None:
            if path.exists():
                return
            with path.with_suffix(".fresh").open("wb") as file:
                pq.write_table(rows, file, compression="zstd")
                file.flush()
                os.fsync(file.fileno())
            path.with_suffix(".fresh").rename(path)
            directory = os.open(folder, os.O_RDONLY)
            os.fsync(directory)
            os.close(directory)

        return write

    return prepare
