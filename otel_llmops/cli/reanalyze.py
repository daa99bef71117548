"""`otel-llmops reanalyze`: what an earlier version of the analysis answered, answered anew.

Strategy: where a `serve` runs, its engine does it, and this command only asks and looks on; where
none runs, the store is opened here. What is left to do is told by the store either way: a command
that was stopped goes on where it ended, as soon as it is given again.
"""

import sys
import time
from argparse import Namespace
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from otel_llmops.api.parameters import time as moment
from otel_llmops.app.endpoints import read_endpoints
from otel_llmops.app.locks import alone
from otel_llmops.app.places import Places
from otel_llmops.app.stores import open_store
from otel_llmops.cli.reader import Reader
from otel_llmops.config import serve_config, store_url
from otel_llmops.engine.reanalysis import Reanalysis
from otel_llmops.engine.service import AgentIntelligenceService
from otel_llmops.errors import ConfigError, PermanentExport

__all__ = ["run"]

_PAUSE_S = 0.5
_ENGINE_WAIT_S = 1.0

_Progress = Mapping[str, Any]
_Say = Callable[[_Progress], None]


def run(arguments: Namespace) -> int:
    """Have sessions that began at `arguments.since` or later analysed again.

    Raises: QueryError, if `since` is no time; LlmopsError, if there is no store or it fails.
    """
    since = None if arguments.since is None else moment(arguments.since)
    say = _Teller()
    config = serve_config({"data": arguments.data, "store": arguments.store})
    running = read_endpoints(config.data)
    if arguments.url or running is not None:
        api = arguments.url.rstrip("/") if arguments.url else running.api if running else ""
        progress = _by_serve(Reader(api), since, say)
    else:
        progress = _by_ourselves(config.data, config.store, since, say)
    say.end(progress)
    return 0


def _by_serve(reader: Reader, since: datetime | None, say: _Say) -> _Progress:
    progress = reader.reanalyze(since)
    while progress["running"]:
        say(progress)
        time.sleep(_PAUSE_S)
        progress = reader.reanalysis()
    return progress


def _by_ourselves(data: Path, url: str, since: datetime | None, say: _Say) -> _Progress:
    place = store_url(url)
    if place.is_local and not Path(place.path).is_dir():
        raise ConfigError(f"nothing was collected in {data} yet", hint="name a folder with --data")
    with (
        alone(Places(data).engine_lock, wait_s=_ENGINE_WAIT_S),
        closing(open_store(url)) as store,
    ):
        service, again = AgentIntelligenceService(store), Reanalysis(store)
        again.ask(since)

        def analyse(page: list[str]) -> int:
            """One by one where the page is refused: one session must not stop the others."""
            try:
                return min(len(page), service.analyze_sessions(page))
            except PermanentExport:
                if len(page) == 1:
                    return 0
                return sum(analyse([each]) for each in page)

        while again.step(lambda page: analyse(list(page))):
            say(asdict(again.progress()))
        return asdict(again.progress())


class _Teller:
    """Says how far it is on stderr: in place on a terminal, else only at the end."""

    def __init__(self) -> None:
        self._in_place = sys.stderr.isatty()

    def __call__(self, progress: _Progress) -> None:
        if self._in_place:
            sys.stderr.write(f"\r{_line(progress)}")
            sys.stderr.flush()

    def end(self, progress: _Progress) -> None:
        """Say it for the last time, on stdout."""
        if self._in_place:
            sys.stderr.write("\r\x1b[K")
        sys.stdout.write(f"{_line(progress)}\n")


def _line(progress: _Progress) -> str:
    left_out = f", {progress['left_out']:,} left out" if progress["left_out"] else ""
    return (
        f"{progress['done']:,} of {progress['sessions']:,} sessions analysed again by version "
        f"{progress['version']}{left_out}"
    )
