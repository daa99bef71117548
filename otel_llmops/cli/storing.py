"""Where a scan is kept: by the `serve` that runs, or in its store while none does.

Strategy: to open the embedded store takes longer than a scan in which nothing has changed. So what
was put there last is noted beside it, by the digest of its content, and not put there again.
"""

import json
from argparse import Namespace
from contextlib import closing, suppress
from pathlib import Path

from otel_llmops.app.endpoints import read_endpoints
from otel_llmops.app.locks import alone
from otel_llmops.app.places import Places
from otel_llmops.cli.reader import Reader, api_url
from otel_llmops.config import serve_config, store_url
from otel_llmops.storage.snapshots import SNAPSHOT_TYPE, snapshot_bytes, snapshot_id_of
from otel_llmops.topology.scan import Scan

__all__ = ["store_snapshot"]

_ENGINE_WAIT_S = 1.0
_NOTE = "scanned.json"


def store_snapshot(made: Scan, arguments: Namespace) -> str:
    """Store what a scan made where `arguments` (url, data, store, api_token) say; where that was.

    Raises: LlmopsError, if it cannot be reached, refuses, or another process holds it.
    """
    config = serve_config({"data": arguments.data, "store": arguments.store})
    running = read_endpoints(config.data)
    url = api_url(arguments.url) if arguments.url else ""
    if not url and running is not None and (not arguments.store or running.store == config.store):
        url = running.api
    if url:
        reader = Reader(url, token=arguments.api_token)
        reader.post("/api/topology", snapshot_bytes(made.tables), content_type=SNAPSHOT_TYPE)
        (config.data / _NOTE).unlink(missing_ok=True)
    else:
        _store_alone(made, config.data, config.store)
    return url or config.store


def _store_alone(made: Scan, data: Path, url: str) -> None:
    """Put a snapshot into the store at `url`, unless it is the last one that was put there."""
    folder = Path(store_url(url).path)
    note = {"store": url, "digest": made.content}
    if _noted(data) == note | {"inode": _inode(folder)}:
        return
    from otel_llmops.app.stores import open_store  # noqa: PLC0415 - the driver takes a second

    with (
        alone(Places(data).engine_lock, wait_s=_ENGINE_WAIT_S),
        closing(open_store(url)) as store,
    ):
        store.replace_snapshot(snapshot_id_of(made.tables), made.tables)
    with suppress(OSError):  # without a note it is only done again
        (data / _NOTE).write_text(json.dumps(note | {"inode": _inode(folder)}))


def _noted(data: Path) -> object:
    with suppress(OSError, ValueError):
        return json.loads((data / _NOTE).read_text())
    return None


def _inode(folder: Path) -> int:
    """Another folder of that name is another store."""
    with suppress(OSError):
        return folder.stat().st_ino
    return 0
