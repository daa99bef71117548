"""The tables as SQLAlchemy sees them against the Arrow schemas they are made from."""

import pytest
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.schema import CreateTable

from otel_llmops.model.schemas import DERIVED, LOG_EVENTS, STORED_SPAN_COLUMNS
from otel_llmops.model.topology import TOPOLOGY
from otel_llmops.storage.tables import TABLES, data_columns


def test_every_schema_is_a_table_with_its_columns() -> None:
    found = {name: tuple(table.columns.keys()) for name, table in TABLES.items()}
    assert found == {
        "spans": STORED_SPAN_COLUMNS,
        "log_events": tuple(LOG_EVENTS.names),
        **{name: (*schema.names, "generation", "sign") for name, schema in DERIVED.items()},
        **{name: tuple(schema.names) for name, schema in TOPOLOGY.items()},
    }


@pytest.mark.parametrize("name", DERIVED)
def test_what_a_derived_row_says_is_its_schema(name: str) -> None:
    assert [column.name for column in data_columns(TABLES[name])] == DERIVED[name].names


@pytest.mark.parametrize("dialect", [postgresql, mysql], ids=["postgresql", "mysql"])
@pytest.mark.parametrize("name", TABLES)
def test_other_dialects_have_types_for_all_columns(name: str, dialect: object) -> None:
    ddl = str(CreateTable(TABLES[name]).compile(dialect=dialect.dialect()))  # type: ignore[attr-defined]  # both modules have it
    assert ddl.count("\n\t") == len(TABLES[name].columns)
