"""Small repositories drawn as text: path -> source."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pyarrow as pa

from otel_llmops.topology.scan import Scan, scan


def draw(root: Path, files: Mapping[str, str]) -> Path:
    """Write the files; a source may be indented as the test is."""
    for path, source in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(source).lstrip("\n"), encoding="utf-8")
    return root


def scanned(root: Path, files: Mapping[str, str]) -> Scan:
    """Scan what is drawn, in this process, without a cache, at time 0."""
    return scan(draw(root, files), workers=0, now_ns=0)


def rows(table: pa.Table, *columns: str) -> list[tuple[Any, ...]]:
    """The rows of a table, of these columns alone."""
    return list(zip(*(table.column(name).to_pylist() for name in columns), strict=True))
