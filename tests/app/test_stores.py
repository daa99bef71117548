"""URLs to stores: what is needed, and what is said where it is missing."""

import subprocess
import sys
from pathlib import Path

import pytest

from otel_llmops.app.stores import open_store, schema_statements
from otel_llmops.errors import ConfigError
from otel_llmops.storage.migrations import REVISIONS

WITHOUT = """
import sys
sys.modules.update(dict.fromkeys({modules}))
from otel_llmops.app.stores import open_store
from otel_llmops.errors import ConfigError
try:
    open_store({url!r})
except ConfigError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("url", "modules", "extra"),
    [
        ("postgresql://h/x", ["asyncpg"], "postgres"),
        ("mysql://h/x", ["pymysql"], "mysql"),
    ],
)
def test_a_missing_extra_is_named(url: str, modules: list[str], extra: str) -> None:
    program = WITHOUT.format(modules=modules, url=url)
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert f"pip install 'otel-llmops[{extra}]'" in ran.stdout


def test_a_password_may_lie_in_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"password_file: .*/nowhere cannot be read"):
        open_store(f"mysql://u@127.0.0.1:1/x?password_file={tmp_path}/nowhere")


def test_only_clickhouse_has_clusters() -> None:
    with pytest.raises(ConfigError, match="cluster: a mysql store has none"):
        schema_statements("mysql://h/x", cluster="main")


def test_all_revisions_are_known_in_their_order() -> None:
    from alembic.config import Config  # noqa: PLC0415 - for this alone
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    folder = Path(__file__).parents[2] / "otel_llmops" / "storage" / "migrations"
    config.set_main_option("script_location", str(folder))
    found = [each.revision for each in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(found)) == REVISIONS
