"""How a store's tables come to be, and how those of an earlier release become today's."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from otel_llmops.app.stores import open_store
from otel_llmops.errors import ConfigError
from otel_llmops.storage.migrations import HEAD, VERSION_TABLE
from otel_llmops.storage.queries import Queries
from otel_llmops.storage.tables import STORED, TABLES
from tests.backends import Backend
from tests.support.golden_ddl import FIRST_RELEASE, SCHEMAS, ddl
from tests.support.sql import execute, insert, rows, split
from tests.support.tables import BASE_NS, derived, table

FIRST_SESSION = {"session_id": "first", "agent": "planner"}


@pytest.fixture
def url(backend: Backend, tmp_path: Path) -> str:
    return backend.url(tmp_path / "store")


def first_release(url: str) -> str:
    """The golden DDL of the first release for that store."""
    kind = url.partition("://")[0].replace("chdb", "clickhouse")
    if kind == "mysql" and "mariadb" in str(rows(url, "SELECT VERSION()")).lower():
        kind = "mariadb"
    golden = FIRST_RELEASE / f"{kind}.sql"
    assert golden.exists(), f"{kind} has no DDL"
    return golden.read_text()


def made_by_the_first_release(url: str) -> None:
    """Its tables, with one session in them."""
    # rows that are put in by hand are in no sums: those are made from the rows
    execute(url, *(each for each in split(first_release(url)) if "by_" not in each.split("(")[0]))
    for name in ("agent_operations", "agents"):
        had = {line.strip('`" \t').split()[0].strip("`") for line in _lines(url, name)}
        said = {**FIRST_SESSION, "input_tokens": 7, "invocations": 1, "sign": 1}
        every = table(STORED[name], {k: v for k, v in said.items() if k in STORED[name].names})
        row = every.to_pylist()[0]
        insert(url, name, {k: _plain(url, v) for k, v in row.items() if k in had and v is not None})


def _lines(url: str, name: str) -> list[str]:
    statements = split(first_release(url))
    created = next(each for each in statements if f"EXISTS {name} (" in each)
    return [line for line in created.splitlines()[1:] if line.strip()]


def _plain(url: str, value: Any) -> object:
    if hasattr(value, "timestamp"):
        return value.strftime("%Y-%m-%d %H:%M:%S") if "click" in url or "chdb" in url else BASE_NS
    return value


def answers(url: str) -> tuple[int, list[int], int]:
    """Tokens by the rows, tokens by the sums that are kept, and how often a new column is empty."""
    store = open_store(url)
    try:
        operations = TABLES["agent_operations"].c
        total = sa.func.sum(operations.input_tokens * operations.sign).label("tokens")
        by_rows = total, operations.session_id
        chosen = sa.select(*by_rows).group_by(operations.session_id)
        found = asyncio.run(store.fetch(chosen))
        by_sums = [each.input_tokens for each in asyncio.run(Queries(store).agents())]
        residual = TABLES["token_ledger"].c.residual_tokens
        entries = asyncio.run(store.fetch(sa.select(sa.func.count(residual).label("rows"))))
    finally:
        store.close()
    return found[0]["tokens"], by_sums, entries[0]["rows"]


@pytest.mark.trait("ddl")
def test_what_the_first_release_stored_is_kept_and_counted(url: str) -> None:
    made_by_the_first_release(url)
    open_store(url, migrates=True).close()
    assert answers(url) == (7, [7], 0)


@pytest.mark.trait("ddl")
def test_what_is_lacking_is_added_and_filled(url: str) -> None:
    store = open_store(url)
    rows_before = derived(
        agent_operations=[{**FIRST_SESSION, "input_tokens": 5}],
        agents=[FIRST_SESSION],
        token_ledger=[{"session_id": "first", "residual_tokens": 3}],
    )
    store.replace_sessions(["first"], rows_before)
    store.close()
    sums = (
        ["ALTER TABLE agent_operations DROP PROJECTION by_agent_hour"]
        if url.startswith(("chdb", "clickhouse"))
        else ["DROP TABLE by_agent_hour", "DROP TABLE all_by_agent_hour"]
    )
    execute(url, *sums, "ALTER TABLE token_ledger DROP COLUMN residual_tokens")
    open_store(url, migrates=True).close()
    assert answers(url) == (5, [5], 1)


@pytest.mark.trait("ddl")
def test_an_older_store_is_refused_until_it_is_migrated(url: str) -> None:
    open_store(url).close()
    execute(url, "ALTER TABLE token_ledger DROP COLUMN residual_tokens")
    if url.startswith("chdb"):  # it has one user, and is brought up to date when it is opened
        open_store(url).close()
        assert rows(url, "SELECT count(residual_tokens) FROM token_ledger") == [(0,)]
        return
    with pytest.raises(ConfigError, match="schema is older") as caught:
        open_store(url)
    assert "otel-llmops migrate --store URL" in caught.value.hint


@pytest.mark.trait("ddl")
def test_a_store_of_a_newer_release_is_refused(url: str) -> None:
    open_store(url).close()
    insert(url, VERSION_TABLE, {"version_num": "9999"})
    with pytest.raises(ConfigError, match="the schema 9999, which a newer otel-llmops made"):
        open_store(url, migrates=True)


@pytest.mark.trait("ddl")
def test_a_migrated_store_remembers_today_s_revision(url: str) -> None:
    made_by_the_first_release(url)
    open_store(url, migrates=True).close()
    assert rows(url, f"SELECT version_num FROM {VERSION_TABLE}") == [(HEAD,)]


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schema_is_the_golden_one(name: str) -> None:
    golden = FIRST_RELEASE.parent / f"{name}.sql"
    assert ddl(name) == golden.read_text(), "see tests/support/golden_ddl.py"
