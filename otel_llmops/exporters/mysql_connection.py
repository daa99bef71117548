"""How MySQL and MariaDB are reached: pymysql, whose calls block, in whatever thread asks.

Strategy: one driver for both directions. It is the one that can LOAD DATA LOCAL, and what a query
of ours gives is a page of rows. Errors of the driver are translated here and nowhere else.
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pymysql
import sqlalchemy as sa

from otel_llmops.errors import (
    LlmopsError,
    PermanentExport,
    QueryError,
    RetryableExport,
    SchemaError,
)
from otel_llmops.store_url import StoreUrl

__all__ = ["engine", "translated"]

_CONNECT_S = 10.0
_TOO_LONG = frozenset({1969, 3024})
"""MariaDB's and MySQL's word for max_statement_time, max_execution_time."""
_CLIENT = range(2000, 3000)
"""Numbers that the client makes up: nobody answered, or no longer."""
_PERMANENT = frozenset(
    {
        1048,  # BAD_NULL_ERROR
        1071,  # TOO_LONG_KEY
        1118,  # TOO_BIG_ROWSIZE
        1153,  # NET_PACKET_TOO_LARGE
        1261,  # WARN_TOO_FEW_RECORDS
        1262,  # WARN_TOO_MANY_RECORDS
        1264,  # WARN_DATA_OUT_OF_RANGE
        1265,  # WARN_DATA_TRUNCATED
        1292,  # TRUNCATED_WRONG_VALUE
        1300,  # INVALID_CHARACTER_STRING
        1366,  # TRUNCATED_WRONG_VALUE_FOR_FIELD
        1406,  # DATA_TOO_LONG
    }
)
"""Errors that the same rows will always meet again."""
_TRANSIENT = frozenset(
    {
        1020,  # CHECKREAD: another transaction was faster
        1021,  # DISK_FULL
        1026,  # ERROR_ON_WRITE
        1030,  # GET_ERRNO
        1040,  # CON_COUNT_ERROR
        1044,  # DBACCESS_DENIED
        1045,  # ACCESS_DENIED
        1049,  # BAD_DB
        1053,  # SERVER_SHUTDOWN
        1054,  # BAD_FIELD
        1114,  # RECORD_FILE_FULL
        1142,  # TABLEACCESS_DENIED
        1146,  # NO_SUCH_TABLE
        1158,  # NET_READ_ERROR
        1159,  # NET_READ_INTERRUPTED
        1160,  # NET_ERROR_ON_WRITE
        1161,  # NET_WRITE_INTERRUPTED
        1184,  # NEW_ABORTING_CONNECTION
        1203,  # TOO_MANY_USER_CONNECTIONS
        1205,  # LOCK_WAIT_TIMEOUT
        1213,  # LOCK_DEADLOCK
        1226,  # USER_LIMIT_REACHED
        1290,  # OPTION_PREVENTS_STATEMENT: read only
        1317,  # QUERY_INTERRUPTED
        1836,  # READ_ONLY_MODE
        1927,  # CONNECTION_KILLED
        3100,  # RUN_HOOK_ERROR: of a cluster
    }
)
"""Errors that are about the server or its operator: waited for without end."""


def engine(
    place: StoreUrl, *, connections: int, statement_s_max: float, limited: bool
) -> sa.Engine:
    """Connections to one database, each made when it is needed. From any thread.

    `limited`: the server itself ends a query after `statement_s_max`.
    """
    made = sa.create_engine(
        "mysql+pymysql://",
        creator=lambda: _connect(place, statement_s_max),
        pool_size=connections,
        max_overflow=0,
        pool_recycle=3600,
    )

    @sa.event.listens_for(made, "connect")
    def set_up(connection: Any, _record: object) -> None:
        is_mariadb = "mariadb" in connection.get_server_info().lower()
        wanted = [
            "sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
            "tx_isolation = 'READ-COMMITTED'" if is_mariadb
            else "transaction_isolation = 'READ-COMMITTED'",
        ]  # fmt: skip
        if limited and is_mariadb:
            wanted.append(f"max_statement_time = {statement_s_max}")
        elif limited:
            wanted.append(f"max_execution_time = {round(statement_s_max * 1000)}")
        with connection.cursor() as cursor:
            cursor.execute(f"SET SESSION {', SESSION '.join(wanted)}")

    return made


def _connect(place: StoreUrl, statement_s_max: float) -> Any:
    return pymysql.connect(
        host=place.host,
        port=place.port,
        user=place.user or None,
        password=place.password,
        database=place.database,
        charset="utf8mb4",
        local_infile=True,
        connect_timeout=round(_CONNECT_S),
        # beyond the server's own limit: for a server that is gone without a word
        read_timeout=round(statement_s_max + _CONNECT_S),
        write_timeout=round(statement_s_max + _CONNECT_S),
        ssl=_tls(place),
    )


def _tls(place: StoreUrl) -> ssl.SSLContext | None:
    if not place.secure:
        return None
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
    except (sa.exc.DBAPIError, pymysql.err.Error) as error:
        number, said = _told(error)
        if number in _TOO_LONG and query_s_max:
            raise QueryError(
                f"the query ran longer than {query_s_max:g} s", hint="ask for a narrower window"
            ) from error
        raise _verdict(number, f"MySQL: {said}") from error
    except pa.ArrowException as error:
        raise PermanentExport(f"rows that Arrow refuses: {_first_line(error)}") from error
    except (sa.exc.SQLAlchemyError, OSError, RuntimeError) as error:
        raise RetryableExport(f"MySQL: {_first_line(error)}") from error


def _told(error: BaseException) -> tuple[int, str]:
    """The error's number, 0 where there is none, and its words."""
    arguments = getattr(error, "orig", error).args
    number = arguments[0] if arguments and isinstance(arguments[0], int) else 0
    return number, _first_line(arguments[1] if len(arguments) > 1 else error)


def _verdict(number: int, message: str) -> LlmopsError:
    if number in _PERMANENT:
        return PermanentExport(message)
    known = number in _TRANSIENT or number in _CLIENT or not number
    return RetryableExport(message, doubtful=not known)


def _first_line(error: object) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)[:500]
