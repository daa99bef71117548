"""Plain SQL at a store's URL, past everything of ours."""

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
import clickhouse_connect
import pymysql

from otel_llmops.exporters.clickhouse_server import server_connect
from otel_llmops.store_url import store_url

Rows = list[tuple[Any, ...]]


def execute(url: str, *statements: str) -> None:
    """Run statements that give nothing."""
    for statement in statements:
        _run(url, statement, gives=False)


def rows(url: str, query: str) -> Rows:
    """What a query gives."""
    return _run(url, query, gives=True)


def insert(url: str, table: str, row: dict[str, object]) -> None:
    """One row of numbers, texts and truths."""
    quote = '"' if store_url(url).scheme == "postgresql" else "`"
    names = ", ".join(f"{quote}{name}{quote}" for name in row)
    execute(url, f"INSERT INTO {table} ({names}) VALUES ({', '.join(map(_literal, row.values()))})")


def _literal(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)


def _run(url: str, sql: str, *, gives: bool) -> Rows:
    place = store_url(url)
    match place.scheme:
        case "postgresql":
            return asyncio.run(_postgres(url, sql))
        case "mysql":
            return _mysql(url, sql)
        case "parquet" | "s3":
            raise AssertionError("a lake is files: it has no tables that SQL changes")
        case _:
            return _clickhouse(url, sql, gives=gives)


def _clickhouse(url: str, sql: str, *, gives: bool) -> Rows:
    place = store_url(url)
    client: Any = (
        clickhouse_connect.get_client(interface="chdb", path=place.path)
        if place.is_embedded
        else server_connect(place)({})
    )
    found = client.query(sql).result_rows if gives else client.command(sql)
    client.close()
    return [tuple(each) for each in found] if gives else []


async def _postgres(url: str, sql: str) -> Rows:
    connection = await asyncpg.connect(url, timeout=5)
    try:
        return [tuple(each) for each in await connection.fetch(sql)]
    finally:
        await connection.close()


def _mysql(url: str, sql: str) -> Rows:
    place = store_url(url)
    account: dict[str, Any] = {"user": place.user, "password": place.password}
    where: dict[str, Any] = {"host": place.host, "port": place.port, "database": place.database}
    connection = pymysql.connect(**account, **where, autocommit=True)
    with connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def split(script: str) -> Sequence[str]:
    """The statements of a golden file."""
    return [each for each in script.strip().removesuffix(";").split(";\n\n") if each]
