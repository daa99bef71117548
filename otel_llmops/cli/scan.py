"""`otel-llmops scan`: a repository in, its structure out."""

import json
import os
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from otel_llmops.errors import ConfigError
from otel_llmops.topology.cache import cache_folder
from otel_llmops.topology.pool import Progress
from otel_llmops.topology.scan import Scan, call_graph_of, scan

__all__ = ["run"]

_PROGRESS_AFTER_S = 0.5
_LISTS = {
    "modules": "code_modules",
    "classes": "code_classes",
    "functions": "code_functions",
    "calls": "function_calls",
    "dependencies": "module_dependencies",
}
"""Key of the document -> table."""


def run(arguments: Namespace) -> int:
    """Scan `arguments.path`, print what was found, and keep it.

    Raises: ConfigError, if the path does not exist or is no Python, or the output cannot be
            written.
    """
    if arguments.export == "pycg":
        from otel_llmops.topology.calls import pycg  # noqa: PLC0415 - with numpy, when asked for

        with _progress() as progress:
            graph = call_graph_of(arguments.path, workers=arguments.workers, progress=progress)
        _write(json.dumps(pycg(graph), indent=2), arguments.output)
        return 0
    cache = None if arguments.no_cache else cache_folder(os.environ)
    with _progress() as progress:
        made = scan(arguments.path, cache=cache, workers=arguments.workers, progress=progress)
    try:
        _show(made, arguments)
    finally:  # also where a reader like `head` has read enough
        if not arguments.no_store:
            _keep(made, arguments)
    return 0


def _show(made: Scan, arguments: Namespace) -> None:
    if arguments.export:
        picture = import_module("otel_llmops.views").export(arguments.export, made.tables)
        text = picture if isinstance(picture, str) else json.dumps(picture, allow_nan=False)
        _write(text, arguments.output)
    elif arguments.json:
        _write(json.dumps(_document(made), allow_nan=False, indent=2), arguments.output)
    else:
        from otel_llmops.cli.scan_report import print_scan  # noqa: PLC0415 - rich costs 100 ms

        print_scan(made)


def _keep(made: Scan, arguments: Namespace) -> None:
    from otel_llmops.cli.storing import store_snapshot  # noqa: PLC0415 - may open a store

    where = store_snapshot(made, arguments)
    if sys.stderr.isatty():
        sys.stderr.write(f"kept in {where}; otel-llmops diff compares commits\n")


@contextmanager
def _progress() -> Iterator[Progress | None]:
    """A bar on a terminal's stderr, once the work has proved to be long."""
    if not sys.stderr.isatty():
        yield None
        return
    from otel_llmops.cli.progress import bar  # noqa: PLC0415 - rich costs 100 ms

    with bar("scanning", after_s=_PROGRESS_AFTER_S) as progress:
        yield progress


def _document(made: Scan) -> dict[str, Any]:
    """All of a scan; times as text in UTC."""
    (snapshot,) = _rows(made, "topology_snapshots")
    return {
        "snapshot": snapshot,
        **json.loads(snapshot.pop("graph_data")),
        **{name: _rows(made, table) for name, table in _LISTS.items()},
        "files": made.files,
        "files_reused": made.reused,
        "timings_s": {step: round(seconds, 3) for step, seconds in made.timings.items()},
    }


def _rows(made: Scan, table: str) -> list[dict[str, Any]]:
    columns = made.tables[table]
    for name in ("last_scanned", "scanned_at"):
        if name in columns.column_names:
            place = columns.column_names.index(name)
            columns = columns.set_column(place, name, columns.column(name).cast("string"))
    rows: list[dict[str, Any]] = columns.to_pylist()
    for row in rows:
        for name in ("bases", "decorators"):
            if name in row:
                row[name] = json.loads(row[name])
    return rows


def _write(text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(text + "\n")
        return
    try:
        output.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{output}: cannot be written ({error.strerror})") from error
