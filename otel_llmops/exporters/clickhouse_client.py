"""How ClickHouse is reached: embedded through chDB, or any client that `connect` makes.

Strategy: a client of clickhouse-connect serialises the calls on it, so there are a few that write
and a few that read. Errors of the driver are translated here and nowhere else.
"""

import fcntl
import io
import queue
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
from clickhouse_connect.driver.exceptions import ClickHouseError

from otel_llmops.errors import (
    ConfigError,
    LlmopsError,
    PermanentExport,
    QueryError,
    RetryableExport,
    SchemaError,
)
from otel_llmops.exporters.clickhouse_embedded import EmbeddedClient
from otel_llmops.exporters.clickhouse_remembered import Remembered

__all__ = ["Clients", "Connect", "FolderLock", "embedded_connect", "translated"]

Connect = Callable[[dict[str, Any]], Any]
"""Makes one client with these ClickHouse settings; called from any thread."""

_SETTINGS: dict[str, Any] = {
    "async_insert": 0,
    "max_partitions_per_insert_block": 0,
    # one statement names up to 10,000 ids of up to some hundred bytes
    "max_query_size": 64 * 2**20,
    "output_format_arrow_string_as_string": 1,
    "output_format_arrow_compression_method": "none",
}
_TIMEOUT_EXCEEDED = 159
_PERMANENT = frozenset(
    {
        6,  # CANNOT_PARSE_TEXT
        16,  # NO_SUCH_COLUMN_IN_TABLE
        20,  # NUMBER_OF_COLUMNS_DOESNT_MATCH
        27,  # CANNOT_PARSE_INPUT_ASSERTION_FAILED
        33,  # CANNOT_READ_ALL_DATA
        44,  # ILLEGAL_COLUMN
        50,  # UNKNOWN_TYPE
        53,  # TYPE_MISMATCH
        70,  # CANNOT_CONVERT_TYPE
        117,  # INCORRECT_DATA
        131,  # TOO_LARGE_STRING_SIZE
        321,  # VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
        349,  # CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
        636,  # CANNOT_EXTRACT_TABLE_STRUCTURE
    }
)
"""ClickHouse's error codes that the same rows will always meet again."""
_TRANSIENT = frozenset(
    {
        3,  # UNEXPECTED_END_OF_FILE
        60,  # UNKNOWN_TABLE
        74,  # CANNOT_READ_FROM_FILE_DESCRIPTOR
        75,  # CANNOT_WRITE_TO_FILE_DESCRIPTOR
        76,  # CANNOT_OPEN_FILE
        81,  # UNKNOWN_DATABASE
        159,  # TIMEOUT_EXCEEDED
        160,  # TOO_SLOW
        164,  # READONLY
        192,  # UNKNOWN_USER
        193,  # WRONG_PASSWORD
        194,  # REQUIRED_PASSWORD
        198,  # DNS_ERROR
        201,  # QUOTA_EXCEEDED
        202,  # TOO_MANY_SIMULTANEOUS_QUERIES
        203,  # NO_FREE_CONNECTION
        209,  # SOCKET_TIMEOUT
        210,  # NETWORK_ERROR
        225,  # NO_ZOOKEEPER
        236,  # ABORTED
        241,  # MEMORY_LIMIT_EXCEEDED
        242,  # TABLE_IS_READ_ONLY
        243,  # NOT_ENOUGH_SPACE
        252,  # TOO_MANY_PARTS
        279,  # ALL_CONNECTION_TRIES_FAILED
        285,  # TOO_FEW_LIVE_REPLICAS
        286,  # UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
        319,  # UNKNOWN_STATUS_OF_INSERT
        394,  # QUERY_WAS_CANCELLED
        425,  # SYSTEM_ERROR
        439,  # CANNOT_SCHEDULE_TASK
        473,  # DEADLOCK_AVOIDED
        497,  # ACCESS_DENIED
        499,  # S3_ERROR
        516,  # AUTHENTICATION_FAILED
        999,  # KEEPER_EXCEPTION
        1001,  # STD_EXCEPTION: what the disk says, in the words of C++
    }
)
"""Codes that are about the server or its operator: waited for without end."""

_STREAMED_ROWS = 2_000

_LOCK_WAIT_S = 2.0
"""How long a predecessor that is being stopped may still hold the store."""


@contextmanager
def translated() -> Iterator[None]:
    """Raise RetryableExport or PermanentExport in place of whatever the driver raises."""
    try:
        yield
    except (RetryableExport, PermanentExport):
        raise
    except SchemaError as error:
        raise PermanentExport(str(error)) from error
    except ClickHouseError as error:
        raise _verdict(getattr(error, "code", None), f"ClickHouse: {_first_line(error)}") from error
    except pa.ArrowException as error:
        raise PermanentExport(f"rows that Arrow refuses: {_first_line(error)}") from error
    except (OSError, RuntimeError) as error:
        raise RetryableExport(f"ClickHouse: {_first_line(error)}") from error


def _verdict(code: int | None, message: str) -> LlmopsError:
    """No code: nobody answered. A code of neither list may be about the rows as well."""
    if code in _PERMANENT:
        return PermanentExport(message)
    return RetryableExport(message, doubtful=code is not None and code not in _TRANSIENT)


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)[:500]


def embedded_connect(folder: Path) -> Connect:
    """Clients of the chDB engine of this process on `folder`. One process holds one folder."""

    def connect(settings: dict[str, Any]) -> Any:
        return EmbeddedClient(folder, settings)

    return connect


class FolderLock:
    """Holds `<folder>.lock` for this process, since chDB's own refusal does not say what is wrong.

    Raises: ConfigError, if another process has it for longer than 2 s, or if it cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file: TextIO = folder.with_name(folder.name + ".lock").open("a")
        except OSError as error:
            raise ConfigError(
                f"the store's folder {folder} cannot be written: {error.strerror}",
                hint="choose another folder, or give this user the right to write there",
            ) from error
        deadline = time.monotonic() + _LOCK_WAIT_S
        while not self._take():
            if time.monotonic() > deadline:
                self._file.close()
                raise ConfigError(
                    f"the store in {folder} is in use by another process",
                    hint="stop the other otel-llmops, or choose another data folder",
                )
            time.sleep(0.05)

    def _take(self) -> bool:
        with suppress(BlockingIOError):
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False

    def release(self) -> None:
        """Let another process have it. Safe to call twice."""
        self._file.close()


class Clients:
    """As many clients that write, and that read, as are needed at a time."""

    def __init__(self, connect: Connect, *, query_s_max: float, alone: bool = False) -> None:
        """`alone`: nobody else writes there, so answers hold until something is written here."""
        self._remembered = Remembered(self.select) if alone else None
        self._connect = connect
        self._query_s_max = query_s_max
        self._readers: queue.LifoQueue[Any] = queue.LifoQueue()
        self._writers: queue.LifoQueue[Any] = queue.LifoQueue()
        self._open: list[Any] = []
        try:
            self._writer = self._made({})
            self._writers.put(self._writer)
        except (ClickHouseError, OSError, RuntimeError) as error:
            raise ConfigError(f"the store cannot be opened: {_first_line(error)}") from error

    def _made(self, more: dict[str, Any]) -> Any:
        client = self._connect({**_SETTINGS, **more})
        self._open.append(client)
        return client

    def command(self, statement: str) -> None:
        """Run DDL. Raises ConfigError with what ClickHouse says."""
        try:
            self._writer.command(statement)
        except ClickHouseError as error:
            raise ConfigError(f"the store's tables: {_first_line(error)}") from error

    def alter(self, statement: str) -> None:
        """Run one statement that changes what is stored. Thread-safe."""
        with self._lent(self._writers, {}) as client, self._changing(), translated():
            client.command(statement)

    def insert(self, table: str, rows: pa.Table, settings: dict[str, Any]) -> None:
        """Insert rows by one statement; returns when they are durable. Thread-safe."""
        with self._lent(self._writers, {}) as client, self._changing(table), translated():
            client.raw_insert(
                table, rows.column_names, _Block(rows), settings=settings, fmt="ArrowStream"
            )

    def select(self, sql: str) -> pa.Table:
        """The rows of a statement. Thread-safe.

        Raises: QueryError, if it runs longer than `query_s_max`; RetryableExport, PermanentExport.
        """
        limits = {"max_execution_time": self._query_s_max}
        with self._lent(self._readers, limits) as client, translated():
            try:
                body = client.raw_query(sql, fmt="Arrow")
            except ClickHouseError as error:
                if getattr(error, "code", None) == _TIMEOUT_EXCEEDED:
                    raise _too_long(self._query_s_max) from error
                raise
            with pa.ipc.open_file(body) as reader:
                return reader.read_all()

    def answer(self, sql: str) -> pa.Table:
        """As `select`, from memory where that is sure to be the same."""
        return self.select(sql) if self._remembered is None else self._remembered.select(sql)

    @contextmanager
    def _changing(self, table: str = "") -> Iterator[None]:
        """What is read meanwhile may be old or new."""
        if self._remembered is None:
            yield
            return
        self._remembered.forget(table)
        try:
            yield
        finally:
            self._remembered.forget(table)

    @contextmanager
    def _lent(self, idle: queue.LifoQueue[Any], more: dict[str, Any]) -> Iterator[Any]:
        """A client that nobody else uses meanwhile, made with `more` settings where none is."""
        try:
            client = idle.get_nowait()
        except queue.Empty:
            with translated():
                client = self._made(more)
        try:
            yield client
        finally:
            idle.put(client)

    def close(self) -> None:
        """Close all clients. Safe to call twice."""
        while self._open:
            self._open.pop().close()


class _Block:
    """Rows to insert: to this process as they are, to a server as an Arrow IPC stream, in pieces.

    A copy of all of them would double the memory.
    """

    def __init__(self, rows: pa.Table) -> None:
        self.rows = rows

    def __iter__(self) -> Iterator[bytes]:
        sink = io.BytesIO()
        with pa.ipc.new_stream(sink, self.rows.schema) as writer:
            for batch in self.rows.to_batches(max_chunksize=_STREAMED_ROWS):
                writer.write_batch(batch)
                yield sink.getvalue()
                sink.seek(0)
                sink.truncate()
        yield sink.getvalue()


def _too_long(seconds: float) -> LlmopsError:
    return QueryError(f"the query ran longer than {seconds:g} s", hint="ask for a narrower window")
