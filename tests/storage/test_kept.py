"""Which queries are answered from kept sums, and which from the rows."""

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql

from otel_llmops.storage.kept import KEPT, from_kept
from otel_llmops.storage.summaries import SUMMARIES, Summary, live
from otel_llmops.storage.tables import TABLES

OPERATIONS = TABLES["agent_operations"]
HOURS = SUMMARIES["by_agent_hour"]


def sources(statement: sa.Select[Any]) -> list[str]:
    found = from_kept(statement)
    return [str(each) for each in (statement if found is None else found).get_final_froms()]


@pytest.mark.parametrize("summary", SUMMARIES.values(), ids=lambda each: each.name)
def test_a_summary_by_all_its_keys_is_read_from_its_own_sums(summary: Summary) -> None:
    assert sources(summary.select(*(key.name for key in summary.keys))) == [summary.name]


def test_a_summary_over_all_time_is_read_from_the_sums_over_all_time() -> None:
    assert sources(HOURS.select("agent").where(HOURS.key("agent") == "a")) == ["all_by_agent_hour"]


def test_a_window_of_whole_hours_is_read_from_the_sums_of_hours() -> None:
    slot = HOURS.key("slot").element
    assert sources(HOURS.select("agent").where(slot >= 5)) == ["by_agent_hour"]


@pytest.mark.parametrize(
    "statement",
    [
        HOURS.select("agent").where(OPERATIONS.c.started_at >= 5),
        HOURS.select("agent").where(OPERATIONS.c.session_id == "s"),
        sa.select(OPERATIONS.c.session_id).group_by(OPERATIONS.c.session_id),
        sa.select(OPERATIONS.c.agent, sa.func.max(OPERATIONS.c.line)).group_by(OPERATIONS.c.agent),
        sa.select(sa.func.count(OPERATIONS.c.agent)),
        sa.select(OPERATIONS.c.agent),
        sa.select(OPERATIONS.c.agent).distinct(),
        sa.select(OPERATIONS.c.agent).group_by(OPERATIONS.c.agent),
        sa.select(OPERATIONS.c.agent, live(OPERATIONS), sa.func.count()).group_by(
            OPERATIONS.c.agent
        ),
        HOURS.select("agent").where(OPERATIONS.c.agent.in_(sa.select(TABLES["agents"].c.agent))),
    ],
    ids=[
        "moment",
        "session",
        "keys",
        "maximum",
        "count",
        "rows",
        "distinct",
        "groups",
        "counted",
        "nested",
    ],
)
def test_what_no_sums_know_is_read_from_the_rows(statement: sa.Select[Any]) -> None:
    assert from_kept(statement) is None


@pytest.mark.parametrize("module", [postgresql, mysql], ids=["postgresql", "mysql"])
def test_the_compiler_of_a_dialect_that_keeps_sums_reads_them(module: Any) -> None:
    statement = sa.select(live(OPERATIONS).label("rows"))
    assert "FROM all_by_agent_hour" in str(statement.compile(dialect=module.dialect()))


def test_every_table_of_sums_has_its_keys_and_sums() -> None:
    found = {name: [column.name for column in table.columns][1:] for name, table in KEPT.items()}
    named = {
        each.name: [label.name for label in (*each.keys, *each.sums)] for each in SUMMARIES.values()
    }
    over_all_time = {
        f"all_{name}": [column for column in columns if column != "slot"]
        for name, columns in named.items()
        if "slot" in columns
    }
    assert found == named | over_all_time
