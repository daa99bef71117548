"""Where a command finds its answers: a running `serve`, its store while it is stopped, or files.

Strategy: one kind of document whatever it came from. A store that nobody serves is opened here,
and captured files are put into a store of their own that lives as long as the command: so every
answer is made by the same queries.
"""

import asyncio
import tempfile
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

from otel_llmops.analysis.derive import analyse
from otel_llmops.api import documents
from otel_llmops.api.rest_report import report
from otel_llmops.app.endpoints import read_endpoints
from otel_llmops.app.locks import alone
from otel_llmops.app.places import Places
from otel_llmops.app.stores import open_store
from otel_llmops.cli import answers
from otel_llmops.cli.reader import Given, Reader, api_url
from otel_llmops.config import serve_config, store_url
from otel_llmops.engine.capture import captured
from otel_llmops.errors import ConfigError
from otel_llmops.storage.queries import Queries

__all__ = ["Source", "source"]

_ENGINE_WAIT_S = 1.0


class Source(Protocol):
    """What a command asks; not found is None."""

    def session(self, session_id: str) -> Mapping[str, Any] | None:
        """A session with its tokens and its ledger, by any id it is known by."""

    def sessions(self, limit: int) -> Sequence[Mapping[str, Any]]:
        """Sessions, newest first."""

    def diagnosis(self, session_id: str | None) -> Mapping[str, Any] | None:
        """How the spans of a session, or of the newest ones, were read."""

    def report(self, session_id: str) -> Mapping[str, Any] | None:
        """All that the page about a session rests on."""

    def difference(self, before: str, after: str) -> Mapping[str, Any]:
        """What moved between two commits."""

    def answer(self, name: str, given: Given) -> list[dict[str, Any]]:
        """The rows of agents, handoffs, bottlenecks, hotspots or usage; `given` as in REST."""

    def graph(self, session_id: str | None, given: Given) -> Any | None:
        """The coordination graph, as a document or in `given["format"]`."""

    def code_picture(self, name: str) -> Any:
        """The newest scan with the tokens of spans, in one of views.FORMATS."""


@contextmanager
def source(arguments: Namespace) -> Iterator[Source]:
    """The source that `arguments` (file, url, data, store) name.

    Raises: ConfigError, if there is none; DecodeError, if a file is not OTLP.
    """
    if arguments.file:
        with _of_files(arguments.file) as found:
            yield found
        return
    config = serve_config({"data": arguments.data, "store": arguments.store})
    running = read_endpoints(config.data)
    if arguments.url:
        yield Reader(api_url(arguments.url), token=arguments.api_token)
    elif running is not None and (not arguments.store or running.store == config.store_shown):
        yield Reader(running.api, token=arguments.api_token)
    else:
        with _of_store(config.data, config.store) as found:
            yield found


class _Stored:
    """The queries of a store that this process has opened."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    def session(self, session_id: str) -> Mapping[str, Any] | None:
        return asyncio.run(documents.session(self._queries, session_id))

    def sessions(self, limit: int) -> Sequence[Mapping[str, Any]]:
        found: list[dict[str, Any]] = documents.plain(
            asyncio.run(self._queries.sessions(limit=limit))
        )
        return found

    def diagnosis(self, session_id: str | None) -> Mapping[str, Any] | None:
        return asyncio.run(documents.diagnosis(self._queries, session_id=session_id))

    def report(self, session_id: str) -> Mapping[str, Any] | None:
        return asyncio.run(report(self._queries, session_id))

    def difference(self, before: str, after: str) -> Mapping[str, Any]:
        moved: dict[str, Any] = documents.plain(
            asyncio.run(self._queries.topology.difference(before, after))
        )
        return moved

    def answer(self, name: str, given: Given) -> list[dict[str, Any]]:
        return asyncio.run(answers.rows(self._queries, name, given))

    def graph(self, session_id: str | None, given: Given) -> Any | None:
        return asyncio.run(answers.graph(self._queries, session_id, given))

    def code_picture(self, name: str) -> Any:
        return asyncio.run(self._queries.topology.module_graph(name))


@contextmanager
def _of_store(data: Path, url: str) -> Iterator[Source]:
    place = store_url(url)
    if place.is_local and not Path(place.path).is_dir():
        raise ConfigError(
            f"nothing was collected in {data} yet",
            hint="start otel-llmops serve, name a folder with --data, or a capture with --file",
        )
    with (
        alone(Places(data).engine_lock, wait_s=_ENGINE_WAIT_S),
        closing(open_store(url)) as store,
    ):
        yield _Stored(Queries(store))


@contextmanager
def _of_files(paths: Sequence[Path]) -> Iterator[Source]:
    spans = captured(paths)
    tables = analyse(spans)
    with (
        tempfile.TemporaryDirectory(prefix="otel-llmops-") as folder,
        closing(open_store(f"chdb://{folder}/store")) as store,
    ):
        store.export_spans(spans, batch_id="captured")
        store.replace_sessions(tables["sessions"]["session_id"].to_pylist(), tables)
        yield _Stored(Queries(store))
