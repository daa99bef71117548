"""`otel-llmops delete`: a session taken out of the store.

Strategy: where a `serve` runs, its engine does it; where none runs, an engine is made here that
stores nothing, so that what was stored and not analysed is found as well, and does not come back.
"""

import json
import sys
import threading
from argparse import Namespace
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from otel_llmops.app.endpoints import read_endpoints
from otel_llmops.app.exports import owe
from otel_llmops.app.locks import alone
from otel_llmops.app.places import ANALYSIS, STORE, Places
from otel_llmops.app.stores import open_store
from otel_llmops.cli.reader import Reader, api_url
from otel_llmops.cli.terminal import one_line
from otel_llmops.config import ServeConfig, serve_config, store_url
from otel_llmops.engine.pipeline import Engine
from otel_llmops.errors import ConfigError, QueryError
from otel_llmops.journal import Reader as JournalReader

__all__ = ["run"]

_ENGINE_WAIT_S = 1.0


def run(arguments: Namespace) -> int:
    """Delete `arguments.session`, if the user means it; 1 where nothing was deleted.

    Raises: LlmopsError, if there is no store, it refuses, or nobody can be asked.
    """
    session = one_line(arguments.session)
    if not arguments.yes and not _agreed(f"Delete all that is stored of {session}? [y/N] "):
        sys.stderr.write("nothing was deleted\n")
        return 1
    config = serve_config({"data": arguments.data, "store": arguments.store})
    running = read_endpoints(config.data)
    if arguments.url or running is not None:
        url = api_url(arguments.url) if arguments.url else running.api if running else ""
        found = Reader(url, token=arguments.api_token).delete(arguments.session)
    else:
        found = _by_ourselves(config, arguments.session)
    if found is None:
        raise QueryError(f"there is no session {session}", hint="see otel-llmops tokens")
    sys.stdout.write(f"{json.dumps(found, indent=2)}\n" if arguments.json else _told(found))
    return 0


def _agreed(question: str) -> bool:
    if not sys.stdin.isatty():
        raise ConfigError("nobody is there to be asked", hint="say --yes")
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _by_ourselves(config: ServeConfig, session_id: str) -> dict[str, Any] | None:
    place, places = store_url(config.store), Places(config.data)
    if place.is_local and not Path(place.path).is_dir():
        raise ConfigError(
            f"nothing was collected in {config.data} yet", hint="name a folder with --data"
        )
    with (
        alone(places.engine_lock, wait_s=_ENGINE_WAIT_S),
        closing(open_store(config.store)) as store,
        JournalReader.open(places.journal, STORE) as spans,
        JournalReader.open(places.journal, ANALYSIS) as analysis,
    ):
        engine = Engine(
            spans_reader=spans,
            analysis_reader=analysis,
            exporter=store,
            directory=places.engine,
            pass_on=partial(owe, places),
        )
        stop = threading.Event()
        engine.resume(stop)
        deleted = engine.delete(session_id, stop)
    return asdict(deleted) if any(deleted.rows.values()) else None


def _told(found: dict[str, Any]) -> str:
    rows = {name: count for name, count in found["rows"].items() if count}
    width = max(map(len, rows), default=0)
    lines = [f"{one_line(name):<{width}}  {count:>9,}\n" for name, count in rows.items()]
    traces = len(found["trace_ids"])
    return "".join([f"deleted, of {traces:,} trace{'s' * (traces != 1)}, rows of\n", *lines])
