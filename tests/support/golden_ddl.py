"""The DDL of every store as golden files; `python -m tests.support.golden_ddl` writes them anew.

`first_release` is what a test upgrades from: it is written once, and never again.
"""

from collections.abc import Mapping
from pathlib import Path

from otel_llmops.app.stores import schema_statements

FOLDER = Path(__file__).parents[1] / "golden" / "ddl"
FIRST_RELEASE = FOLDER / "first_release"

SCHEMAS: Mapping[str, tuple[str, str]] = {
    "clickhouse": ("clickhouse://host/database", ""),
    "clickhouse-cluster": ("clickhouse://host/database", "main"),
    "postgresql": ("postgresql://host/database", ""),
    "mysql": ("mysql://host/database", ""),
    "mariadb": ("mariadb://host/database", ""),
}
"""Golden file -> the URL of a store, and the cluster."""


def ddl(name: str) -> str:
    """What the golden file of that name should hold."""
    url, cluster = SCHEMAS[name]
    return ";\n\n".join(schema_statements(url, cluster=cluster)) + ";\n"


if __name__ == "__main__":
    for each in SCHEMAS:
        (FOLDER / f"{each}.sql").write_text(ddl(each))
