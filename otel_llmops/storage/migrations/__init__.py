"""What schema a store has, and how it becomes today's.

Strategy: DDL is generated from the Arrow schemas, so what a store lacks (tables, columns, sums) is
found by comparing, and added: nobody writes that down. Alembic's revisions (versions/) are for what
comparing cannot find, as a column that is renamed; they run first. A store remembers its revision
in the table `otel_llmops_schema`. A store without one was made by the first release.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from otel_llmops.errors import ConfigError

__all__ = ["HEAD", "REVISIONS", "VERSION_TABLE", "Database", "Schema", "prepare", "upgrade"]

REVISIONS = ("0001", "0002")
"""All revisions, oldest first: those of versions/ (a test compares)."""
HEAD = REVISIONS[-1]
VERSION_TABLE = "otel_llmops_schema"

_FOLDER = Path(__file__).parent

Place = tuple[str, str]
"""A table and what it has: a column, or another named part of it."""


class Schema(Protocol):
    """The DDL of one kind of store."""

    @property
    def parts(self) -> frozenset[Place]:
        """All that there should be."""

    def create_statements(self) -> Sequence[str]:
        """All that an empty database needs, in order; what is there already is left alone."""

    def widening_statements(self, has: Iterable[Place]) -> Sequence[str]:
        """What adds to `has` all that is lacking, without touching a row that is there."""


class Database(Protocol):
    """One open store, as far as its schema goes. Every method may raise ConfigError."""

    @property
    def schema(self) -> Schema:
        """Its DDL."""

    def has(self) -> set[Place]:
        """What there is, of tables that the schema names."""

    def revision(self) -> str | None:
        """The revision that the store remembers."""

    def run(self, statements: Sequence[str]) -> None:
        """Execute DDL, in one transaction where the store has such."""

    def connected(self, work: "Work") -> None:
        """Do `work` with a connection of SQLAlchemy, and keep what it did."""


class Work(Protocol):
    """What is done with a connection."""

    def __call__(self, connection: sa.Connection) -> None:
        """Do it."""


def prepare(database: Database, *, migrates: bool) -> None:
    """Have today's schema in `database`: made where it is empty, brought up to date if `migrates`.

    Raises: ConfigError, if it is newer than we are, or older and not to be migrated.
    """
    has, revision = database.has(), database.revision()
    if revision is not None and revision not in REVISIONS:
        raise ConfigError(
            f"the store has the schema {revision}, which a newer otel-llmops made; "
            f"this one knows {HEAD}",
            hint="use a version that is at least as new as the one that wrote to it",
        )
    if not has:
        database.run([*database.schema.create_statements(), *_stamped()])
    elif revision != HEAD or database.schema.parts - has:
        if not migrates:
            raise ConfigError(
                f"the store's schema is older than this otel-llmops ({revision or REVISIONS[0]}; "
                f"this one needs {HEAD})",
                hint="stop what writes to it, then: otel-llmops migrate --store URL",
            )
        upgrade(database)


def upgrade(database: Database) -> None:
    """Run the revisions that are lacking, then add what comparing finds lacking. Keeps all rows."""
    from alembic import command  # noqa: PLC0415 - 200 ms that only a migration takes
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))

    def run(connection: sa.Connection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    database.connected(run)
    database.run(database.schema.widening_statements(database.has()))


def _stamped() -> list[str]:
    """What Alembic itself would write once all revisions are done."""
    return [f"INSERT INTO {VERSION_TABLE} (version_num) VALUES ('{HEAD}')"]  # noqa: S608 - ours
