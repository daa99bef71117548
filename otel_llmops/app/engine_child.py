"""The engine process: journal to store, and the API over the store.

Strategy: the embedded store belongs to one process, so the API lives where the engine writes.
The engine runs in one thread, the API in another; the main thread waits for whichever ends, or
for the parent's word. On the way out the engine drains first, while the API still answers.
"""

import gc
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from otel_llmops.api.application import application
from otel_llmops.api.doors import Doors, Keys
from otel_llmops.api.jaeger.remote import remote_storage
from otel_llmops.app.announcing import announcing
from otel_llmops.app.bulletin import Bulletin, News
from otel_llmops.app.exports import Exports
from otel_llmops.app.forwards import Forwards
from otel_llmops.app.jaeger_storage import JaegerStorage
from otel_llmops.app.lags import Lags, lag_reasons
from otel_llmops.app.lifeline import Lifeline
from otel_llmops.app.locks import alone, patiently
from otel_llmops.app.places import ANALYSIS, STORE, Places
from otel_llmops.app.stores import open_store
from otel_llmops.config import ServeConfig
from otel_llmops.engine.deletion import Deletions
from otel_llmops.engine.figures import engine_metrics
from otel_llmops.engine.pipeline import Engine, EngineSettings
from otel_llmops.engine.reanalysis import Reanalysis
from otel_llmops.errors import ConfigError
from otel_llmops.journal import Reader
from otel_llmops.metrics import exposition
from otel_llmops.receiver.guard import guarded
from otel_llmops.receiver.listening import listening_socket
from otel_llmops.receiver.server import http_config
from otel_llmops.receiver.tls import Tls
from otel_llmops.storage.feed import Feed
from otel_llmops.storage.queries import Queries
from otel_llmops.storage.seams import Destination
from otel_llmops.tokens import Tokens, read_tokens

__all__ = ["run"]

_LOCK_WAIT_S = 10.0
_PORT_WAIT_S = 0.3
_API_STOP_S = 3
_FAILED = 1


def run(config: ServeConfig, lifeline: Lifeline) -> int:
    """Engine and API until `lifeline` says stop; 1, if one of them ended by itself.

    Raises: LlmopsError, if it cannot start.
    """
    with (
        alone(Places(config.data).engine_lock, wait_s=_LOCK_WAIT_S),
        _listening(config) as listener,
        closing(open_store(config.store)) as store,
    ):
        return _run(config, lifeline, listener, store)


def _run(
    config: ServeConfig, lifeline: Lifeline, listener: socket.socket, store: Destination
) -> int:
    places = Places(config.data)
    feed, forwards, exports = Feed(), Forwards(config), Exports(config)
    exporter = announcing(store, feed)
    reanalysis, deletions = Reanalysis(store), Deletions()
    engine = Engine(
        spans_reader=Reader.open(places.journal, STORE),
        analysis_reader=Reader.open(places.journal, ANALYSIS),
        exporter=exporter,
        directory=places.engine,
        settings=EngineSettings(),
        again=reanalysis,
        deletions=deletions,
        pass_on=exports.owe,
    )
    bulletin = Bulletin(places.bulletin, "engine", _news(config, engine, forwards, exports))
    queries, keys, context = Queries(store), _keys(config), _tls(config)
    api = _Api(
        Doors(
            application(
                queries,
                feed,
                readiness=bulletin.reasons,
                notes=lambda: [*forwards.notes(), *exports.notes()],
                metrics=bulletin.page,
                jaeger_url=config.jaeger_url,
                reanalysis=reanalysis,
                deletions=deletions,
                replace_snapshot=store.replace_snapshot,
            ),
            keys,
        ),
        context.context() if context else None,
    )
    jaeger = _jaeger_storage(config, queries, keys, context)
    bulletin.start()
    forwards.start()
    exports.start()
    stop_engine = threading.Event()
    wake = lifeline.stopping
    engine_part = _Part("engine", lambda: engine.run(stop_engine), wake)
    api_part = _Part("api", lambda: api.run(listener), wake)
    gc.freeze()  # what was imported stays: nobody need look through it for garbage
    ports = {"api_port": listener.getsockname()[1]}
    if jaeger is not None:
        ports["jaeger_storage_port"] = jaeger.start()
    lifeline.say({"ready": ports})
    wake.wait()
    failed = [part.name for part in (engine_part, api_part) if part.ended]
    stop_engine.set()
    forwards.stop()
    exports.stop()
    engine_part.join()
    feed.close()  # who listens would keep the API from ending
    api.stop()
    api_part.join()
    if jaeger is not None:
        jaeger.stop()
    return _FAILED if failed else 0


def _news(
    config: ServeConfig, engine: Engine, forwards: Forwards, exports: Exports
) -> Callable[[], News]:
    lags = Lags(Places(config.data).journal)

    def news() -> News:
        lagging = lag_reasons(lags.look(), config.ready_lag_s_max)
        trouble = engine.healthy()
        metrics = [
            *engine_metrics(engine.figures(), store_is_up=engine.store_is_up),
            *forwards.metrics(),
            *exports.metrics(),
        ]
        return News(exposition(metrics), [*([trouble] if trouble else []), *lagging])

    return news


@dataclass
class _Part:
    """A thread that wakes the main thread when it ends, so that no half of us lives on alone."""

    name: str
    work: Callable[[], None]
    wake: threading.Event
    ended: bool = False
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def _run(self) -> None:
        try:
            self.work()
        finally:
            self.ended = True
            self.wake.set()


class _Api:
    """uvicorn in a thread of its own; the signals stay with the main thread."""

    def __init__(self, app: ASGIApp, context: ssl.SSLContext | None) -> None:
        config = http_config(app, guarded(), context, websockets=True)
        config.timeout_graceful_shutdown = _API_STOP_S
        self._server = uvicorn.Server(config)

    def run(self, listener: socket.socket) -> None:
        """Serve until `stop`."""
        self._server.run(sockets=[listener])

    def stop(self) -> None:
        """Finish what is being answered, and end."""
        self._server.should_exit = True


def _keys(config: ServeConfig) -> Keys:
    """Raises: ConfigError, if the tokens cannot be read."""

    def tokens(file: str, flag: str) -> Tokens:
        return Tokens(read_tokens(Path(file), flag=flag) if file else ())

    read = tokens(config.api_token_file, "--api-token-file")
    admin = tokens(config.api_admin_token_file, "--api-admin-token-file")
    hosts = [name.strip() for name in config.api_hosts.split(",") if name.strip()]
    if config.api_is_local:
        return Keys.of_this_machine(hosts, read=read, admin=admin)
    return Keys(read, admin, frozenset(name.lower() for name in hosts))


def _tls(config: ServeConfig) -> Tls | None:
    if not config.api_tls:
        return None
    return Tls(Path(config.tls_certificate), Path(config.tls_key))


def _jaeger_storage(
    config: ServeConfig, queries: Queries, keys: Keys, tls: Tls | None
) -> JaegerStorage | None:
    if config.jaeger_storage_port is None:
        return None
    return JaegerStorage(
        lambda: remote_storage(queries.spans, keys),
        host=config.api_host,
        port=config.jaeger_storage_port,
        credentials=tls.credentials() if tls else None,
    )


def _listening(config: ServeConfig) -> socket.socket:
    """The API's socket, bound before the store is opened: a taken port is told at once."""
    return patiently(
        lambda: listening_socket(config.api_host, config.api_port, flag="--api-port"),
        ConfigError,
        wait_s=_PORT_WAIT_S,
    )
