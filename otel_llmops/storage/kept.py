"""Summaries as tables of their own, for stores that have nothing like ClickHouse's projections.

Strategy: the queries stay as they are. A store with kept sums writes, in the transaction that
changes rows of a table, what that changes in the sums of its Summaries (`changes`); and a query
that a Summary can answer reads the sums in the place of the rows (`from_kept`, applied by the SQL
compiler of the dialects that keep sums). That is what ClickHouse does with projections, and it is
made of the same expressions. A query that asks for anything else reads the rows.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import visitors
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement, GenericFunction

from otel_llmops.storage.summaries import SUMMARIES, Summary, time_slot
from otel_llmops.storage.tables import TABLES

__all__ = [
    "DIGEST",
    "KEPT",
    "KEPT_SUMMARIES",
    "all_sums",
    "changes",
    "emptied",
    "forgetting",
    "from_kept",
    "summaries_of",
]

DIGEST = "digest"
"""The primary key of a table of sums: what they are sums by, whatever its length."""
_DIGEST_BYTES = 32


class digest(GenericFunction[bytes]):  # noqa: N801 - functions of SQLAlchemy are lower case
    """digest(values...): bytes that stand for the values, which may be too long for an index."""

    type = sa.LargeBinary()
    inherit_cache = True


@compiles(digest, "postgresql")
def _postgresql_digest(element: digest, compiler: SQLCompiler, **kw: Any) -> str:
    return f"sha256(convert_to(ROW({_listed(element, compiler, kw)})::text, 'UTF8'))"


@compiles(digest, "mysql")
def _mysql_digest(element: digest, compiler: SQLCompiler, **kw: Any) -> str:
    return f"UNHEX(SHA2(JSON_ARRAY({_listed(element, compiler, kw)}), 256))"


def _listed(element: digest, compiler: SQLCompiler, kw: dict[str, Any]) -> str:
    return ", ".join(compiler.process(clause, **kw) for clause in element.clauses)


def _kept(summary: Summary, metadata: sa.MetaData) -> sa.Table:
    binary = sa.LargeBinary().with_variant(mysql.BINARY(_DIGEST_BYTES), "mysql")
    return sa.Table(
        summary.name,
        metadata,
        sa.Column(DIGEST, binary, primary_key=True),
        *(sa.Column(key.name, key.type, nullable=_may_be_null(key)) for key in summary.keys),
        *(sa.Column(label.name, label.type, nullable=False) for label in summary.sums),
    )


def _may_be_null(key: sa.ColumnElement[Any]) -> bool:
    return bool(getattr(_bare(key), "nullable", False))


def _bare(key: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return key.element if isinstance(key, sa.Label) else key


def slot_of(summary: Summary) -> tuple[str, int] | None:
    """The key that says when its rows started, and how long its slots are, in ns."""
    started_at = TABLES[summary.table].c.started_at
    for key in summary.keys:
        bare = _bare(key)
        if isinstance(bare, time_slot):
            column, length = bare.clauses
            if column is started_at and isinstance(length, sa.BindParameter):
                return key.name, int(length.value or 0)
    return None


def _total(summary: Summary) -> Summary:
    """The same sums over all time."""
    keys = tuple(key for key in summary.keys if key.name != "slot")
    return Summary(summary.table, f"all_{summary.name}", keys, summary.sums)


def _is_of_sums(summary: Summary) -> bool:
    return all(getattr(label.element, "name", "") == "sum" for label in summary.sums)


_OF_SUMS = [each for each in SUMMARIES.values() if _is_of_sums(each)]

TOTALS: Mapping[str, Summary] = {
    each.name: _total(each) for each in _OF_SUMS if each.slot_ns and slot_of(each) is not None
}
"""Summary name -> its sums over all time: 20,000 functions of 30 days are 600,000 rows to add."""

KEPT_SUMMARIES: Mapping[str, Summary] = {each.name: each for each in (*TOTALS.values(), *_OF_SUMS)}
"""Name -> what is kept; what has fewer rows comes first. A Summary that has anything but sums is
not kept: queries that ask for it read the rows."""

_METADATA = sa.MetaData()

KEPT: Mapping[str, sa.Table] = {
    name: _kept(summary, _METADATA) for name, summary in KEPT_SUMMARIES.items()
}
"""Name -> the table of its sums."""


def summaries_of(table: str) -> list[Summary]:
    """What is kept of one table."""
    return [summary for summary in KEPT_SUMMARIES.values() if summary.table == table]


def forgetting(end_ns: int, dialect: str, *, table: str = "") -> list[tuple[sa.Executable, ...]]:
    """What takes all rows that started before `end_ns` out of the sums: steps that hold together.

    Of one table, or of all. `end_ns` is the start of a day. Where the sums do not say when their
    rows started, the rows do: to be executed while those are there, in the transaction that deletes
    them.
    """
    return [
        _forgotten(summary, end_ns, dialect) for summary in _OF_SUMS if table in {"", summary.table}
    ]


def _forgotten(summary: Summary, end_ns: int, dialect: str) -> tuple[sa.Executable, ...]:
    kept, slot = KEPT[summary.name], slot_of(summary)
    if slot is None:
        table = TABLES[summary.table]
        over = sa.type_coerce(table.c.started_at, sa.BigInteger()) < end_ns
        return (_added_up(summary, over, -table.c.sign, dialect),)
    key, length_ns = slot
    old = kept.c[key] < -(-end_ns // length_ns)
    if summary.name not in TOTALS:
        return (sa.delete(kept).where(old),)
    total = TOTALS[summary.name]
    keys = [kept.c[each.name] for each in total.keys]
    sums = [-sa.func.sum(kept.c[label.name]) for label in total.sums]
    gone = sa.select(digest(*keys), *keys, *sums).where(old).group_by(*keys)
    names = [label.name for label in total.sums]
    return _adding(KEPT[total.name], gone, names, dialect), sa.delete(kept).where(old)


def emptied() -> list[sa.Delete]:
    """What takes sums away that no row adds to any more: else the names in their keys would stay.

    Told by the whole numbers: what is left of a sum of fractions need not be 0.
    """
    statements = []
    for name, summary in KEPT_SUMMARIES.items():
        kept = KEPT[name]
        counts = [label.name for label in summary.sums if isinstance(label.type, sa.Integer)]
        statements.append(sa.delete(kept).where(*(kept.c[each] == 0 for each in counts)))
    return statements


def changes(
    summary: Summary, chosen: sa.ColumnElement[bool], *, generation: int, dialect: str
) -> sa.Insert:
    """Add to the kept sums what it means that `generation` replaces all other rows of `chosen`.

    To be executed while both are in the table.
    """
    table = TABLES[summary.table]
    sign = sa.case((table.c.generation == generation, table.c.sign), else_=-table.c.sign)
    return _added_up(summary, chosen, sign, dialect)


def all_sums(summary: Summary, *, dialect: str) -> sa.Insert:
    """Fill an empty table of sums from the rows that there are."""
    return _added_up(summary, sa.true(), TABLES[summary.table].c.sign, dialect)


def _added_up(
    summary: Summary, chosen: sa.ColumnElement[bool], sign: sa.ColumnElement[int], dialect: str
) -> sa.Insert:
    table = TABLES[summary.table]
    columns = (sign.label("sign") if c.name == "sign" else c for c in table.columns)
    # from a query of their own: read from the table itself, the sums would be those that are kept
    rows = sa.select(*columns).where(chosen).subquery("changed")

    def of_rows(element: Any, **_kw: Any) -> Any:
        if isinstance(element, sa.Column) and element.table is table:
            return rows.c[element.name]
        return element if isinstance(element, sa.BindParameter) else None

    keys = [_replaced(_bare(key), of_rows) for key in summary.keys]
    sums = [_replaced(label.element, of_rows) for label in summary.sums]
    statement = sa.select(digest(*keys), *keys, *sums).group_by(*keys)
    changed = statement.having(sa.or_(*(each != 0 for each in sums)))
    return _adding(KEPT[summary.name], changed, [label.name for label in summary.sums], dialect)


def _adding(
    kept: sa.Table, statement: sa.Select[Any], sums: Sequence[str], dialect: str
) -> sa.Insert:
    """Insert the rows; where one is there already, add to its sums."""
    names = [column.name for column in kept.columns]
    if dialect == "mysql":
        added = {name: kept.c[name] + sa.func.values(kept.c[name]) for name in sums}
        return mysql.insert(kept).from_select(names, statement).on_duplicate_key_update(added)
    insert = postgresql.insert(kept).from_select(names, statement)
    added = {name: kept.c[name] + insert.excluded[name] for name in sums}
    return insert.on_conflict_do_update(index_elements=[kept.c[DIGEST]], set_=added)


def from_kept(statement: sa.Select[Any]) -> sa.Select[Any] | None:
    """The same answer from kept sums; None where no Summary has all that it asks for."""
    sources = statement.get_final_froms()
    if len(sources) != 1 or not isinstance(sources[0], sa.Table):
        return None
    table = sources[0]
    if TABLES.get(table.name) is not table or _is_nested(statement):
        return None
    for summary in summaries_of(table.name):
        found = _from_summary(statement, summary, table)
        if _is_of_sums_alone(found, KEPT[summary.name]) and not _mentions(found, table):
            return found
    return None


def _is_of_sums_alone(statement: sa.Select[Any], kept: sa.Table) -> bool:
    """Whether it asks for sums, by keys: how many rows there are of a key, the sums do not know."""
    functions = [each for each in visitors.iterate(statement) if isinstance(each, FunctionElement)]
    if not functions or not all(_is_sum_of(each, kept) for each in functions):
        return False
    grouped = bool(statement._group_by_clauses)  # noqa: SLF001 - SQLAlchemy has no other way to ask
    return grouped or all(
        any(isinstance(part, FunctionElement) for part in visitors.iterate(column))
        for column in statement.selected_columns
    )


def _is_sum_of(function: FunctionElement[Any], kept: sa.Table) -> bool:
    column = next(iter(function.clauses), None)
    return getattr(function, "name", "") == "sum" and getattr(column, "table", None) is kept


def _from_summary(statement: sa.Select[Any], summary: Summary, table: sa.Table) -> sa.Select[Any]:
    kept = KEPT[summary.name]

    def kept_column(element: Any, **_kw: Any) -> Any:
        if element is table:
            return kept
        if isinstance(element, sa.BindParameter):
            return element
        for label in summary.sums:
            if isinstance(element, FunctionElement) and element.compare(label.element):
                return sa.func.sum(kept.c[label.name], type_=label.type)
        for key in summary.keys:
            bare = _bare(key)
            if element is bare or (isinstance(element, FunctionElement) and element.compare(bare)):
                return kept.c[key.name]
        return None

    made: sa.Select[Any] = _replaced(statement, kept_column)
    return made


def _replaced(element: Any, replace: Callable[..., Any]) -> Any:
    found = replace(element)
    return found if found is not None else visitors.replacement_traverse(element, {}, replace)


def _is_nested(statement: sa.Select[Any]) -> bool:
    return any(
        isinstance(each, sa.SelectBase) and each is not statement
        for each in visitors.iterate(statement)
    )


def _mentions(statement: sa.Select[Any], table: sa.Table) -> bool:
    return any(
        each is table or (isinstance(each, sa.Column) and each.table is table)
        for each in visitors.iterate(statement)
    )


@compiles(sa.Select, "postgresql")
@compiles(sa.Select, "mysql")
def _select(element: sa.Select[Any], compiler: SQLCompiler, **kw: Any) -> str:
    kept = from_kept(element)
    sql: str = compiler.visit_select(  # type: ignore[no-untyped-call]  # SQLAlchemy's is not annotated
        element if kept is None else kept, **kw
    )
    return sql
