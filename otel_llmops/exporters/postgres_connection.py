"""How PostgreSQL is reached: asyncpg on a loop of its own, in a thread of its own.

Strategy: the engine writes from threads and the API reads from another event loop; neither may own
a connection of asyncpg, which belongs to one loop. So there is one loop here, and both ask it.
Errors of the driver are translated here and nowhere else.
"""

import asyncio
import ssl
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import asyncpg
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from otel_llmops.errors import (
    LlmopsError,
    PermanentExport,
    QueryError,
    RetryableExport,
    SchemaError,
)
from otel_llmops.store_url import StoreUrl

__all__ = ["Loop", "engine", "translated"]

_T = TypeVar("_T")

_CONNECT_S = 10.0
_CLOSE_S = 5.0
_PERMANENT_CLASSES = ("22", "21", "54")
"""Data exception, cardinality, program limits: what the same rows will always meet again."""
_PERMANENT = frozenset({"23502", "42804", "42846"})
"""NOT NULL, DATATYPE MISMATCH, CANNOT COERCE."""
_TRANSIENT_CLASSES = ("08", "25", "28", "40", "53", "55", "57", "58", "F0", "XX")
"""Connections, transactions, who may, resources, locks, the operator, the system, its files."""
_TRANSIENT = frozenset({"3D000", "42501", "42P01", "42703", "3F000"})
"""No such database, not allowed, no such table, no such column, no such schema."""
_BROKEN = (asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What asyncpg says of a connection that ended: the second, where the server's word came first."""
_CANCELED = "57014"
"""QUERY CANCELED: what statement_timeout says."""


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def wait(self, work: Coroutine[Any, Any, _T]) -> _T:
        """What `work` gives; the calling thread waits for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def hear(self, work: Coroutine[Any, Any, _T]) -> _T:
        """What `work` gives; the calling loop goes on meanwhile."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def close(self) -> None:
        """End the loop and its thread. Safe to call twice."""
        if self._loop.is_closed():
            return
        self.wait(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CLOSE_S)
        if not self._thread.is_alive():
            self._loop.close()

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._loop.is_closed()


def engine(place: StoreUrl, *, connections: int, statement_s_max: float) -> AsyncEngine:
    """Connections to one database, each made when it is needed. To be used on one loop alone."""

    async def connect() -> Any:
        connection = await asyncpg.connect(
            host=place.host,
            port=place.port,
            user=place.user or None,
            password=place.password or None,
            database=place.database,
            ssl=_tls(place),
            timeout=_CONNECT_S,
            # beyond the server's own limit: for a server that is gone without a word
            command_timeout=statement_s_max + _CONNECT_S,
            server_settings={
                "application_name": "otel-llmops",
                "statement_timeout": str(round(statement_s_max * 1000)),
                "jit": "off",  # it compiles for 100 ms what runs for 5
            },
        )
        # packs long values in a tenth of the time; servers before 14, or built without it, refuse
        with suppress(asyncpg.PostgresError):
            await connection.execute("SET default_toast_compression = 'lz4'")
        return connection

    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        pool_size=connections,
        max_overflow=0,
    )


def _tls(place: StoreUrl) -> ssl.SSLContext | str | None:
    if not place.secure:
        return place.options.get("sslmode")  # None: if the server has it, as libpq does
    context = ssl.create_default_context(cafile=place.ca or None)
    if not place.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@contextmanager
def translated(*, query_s_max: float = 0.0) -> Iterator[None]:
    """Raise RetryableExport, PermanentExport or QueryError in place of what the driver raises."""
    try:
        yield
    except LlmopsError as error:
        if isinstance(error, SchemaError):
            raise PermanentExport(str(error)) from error
        raise
    except (asyncpg.PostgresError, sa.exc.DBAPIError) as error:
        code = _code(error)
        if code == _CANCELED and query_s_max:
            raise QueryError(
                f"the query ran longer than {query_s_max:g} s", hint="ask for a narrower window"
            ) from error
        raise _verdict(code, f"PostgreSQL: {_said(error)}") from error
    except pa.ArrowException as error:
        raise PermanentExport(f"rows that Arrow refuses: {_first_line(error)}") from error
    except (*_BROKEN, sa.exc.SQLAlchemyError, OSError, RuntimeError) as error:
        raise RetryableExport(f"PostgreSQL: {_first_line(error)}") from error


def _code(error: BaseException) -> str:
    """The SQLSTATE; "" where nobody answered."""
    for each in (error, getattr(error, "orig", None)):
        for name in ("sqlstate", "pgcode"):
            with suppress(AttributeError):
                return str(getattr(each, name) or "")
    return ""


def _verdict(code: str, message: str) -> LlmopsError:
    if code in _PERMANENT or code.startswith(_PERMANENT_CLASSES):
        return PermanentExport(message)
    known = not code or code in _TRANSIENT or code.startswith(_TRANSIENT_CLASSES)
    return RetryableExport(message, doubtful=not known)


def _said(error: BaseException) -> str:
    said = _first_line(getattr(error, "orig", None) or error)
    return said.rpartition("'>: ")[2]  # SQLAlchemy puts the class of the driver's error before it


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)[:500]
