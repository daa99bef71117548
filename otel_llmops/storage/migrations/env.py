"""What Alembic runs: the revisions, over the connection that it is handed."""

from alembic import context

from otel_llmops.storage.migrations import VERSION_TABLE


def _migrate() -> None:
    context.configure(
        connection=context.config.attributes["connection"], version_table=VERSION_TABLE
    )
    with context.begin_transaction():
        context.run_migrations()


if hasattr(context, "config"):  # else it was imported, not run by Alembic
    _migrate()
