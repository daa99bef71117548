"""Where a scan is kept: by the `serve` that runs, or in its store while none does.

Strategy: to open the embedded store takes longer than a scan in which nothing has changed. So what
was put there last is noted beside it, by a digest of the tables, and not put there again.
"""

import json
from argparse import Namespace
from collections.abc import Mapping
from contextlib import closing, suppress
from hashlib import blake2b
from pathlib import Path

import pyarrow as pa

from otel_llmops.app.endpoints import read_endpoints
from otel_llmops.app.locks import alone
from otel_llmops.app.places import Places
from otel_llmops.cli.reader import Reader, api_url
from otel_llmops.config import serve_config, store_url
from otel_llmops.storage.snapshots import SNAPSHOT_TYPE, snapshot_bytes, snapshot_id_of

__all__ = ["store_snapshot"]

_ENGINE_WAIT_S = 1.0
_NOTE = "scanned.json"


def store_snapshot(tables: Mapping[str, pa.Table], arguments: Namespace) -> str:
    """Store a snapshot where `arguments` (url, data, store, api_token) say; where that was.

    Raises: LlmopsError, if it cannot be reached, refuses, or another process holds it.
    """
    config = serve_config({"data": arguments.data, "store": arguments.store})
    running = read_endpoints(config.data)
    url = api_url(arguments.url) if arguments.url else ""
    if not url and running is not None and (not arguments.store or running.store == config.store):
        url = running.api
    if url:
        reader = Reader(url, token=arguments.api_token)
        reader.post("/api/topology", snapshot_bytes(tables), content_type=SNAPSHOT_TYPE)
        (config.data / _NOTE).unlink(missing_ok=True)
    else:
        _store_alone(tables, config.data, config.store)
    return url or config.store


def _store_alone(tables: Mapping[str, pa.Table], data: Path, url: str) -> None:
    """Put a snapshot into the store at `url`, unless it is the last one that was put there."""
    folder = Path(store_url(url).path)
    note = {"store": url, "digest": _digest(tables)}
    if _noted(data) == note | {"inode": _inode(folder)}:
        return
    from otel_llmops.app.stores import open_store  # noqa: PLC0415 - the driver takes a second

    with (
        alone(Places(data).engine_lock, wait_s=_ENGINE_WAIT_S),
        closing(open_store(url)) as store,
    ):
        store.replace_snapshot(snapshot_id_of(tables), tables)
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


class _Digest:
    """A file of which nothing but a digest is kept."""

    closed = False

    def __init__(self) -> None:
        self.told = blake2b(digest_size=16)

    def write(self, data: bytes) -> int:
        """Take some bytes."""
        self.told.update(data)
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""


def _digest(tables: Mapping[str, pa.Table]) -> str:
    """Of all that the tables say, but for when; the same however they were put together."""
    digest = _Digest()
    sink = pa.PythonFile(digest, mode="w")
    for name, rows in tables.items():
        told = [field.name for field in rows.schema if not pa.types.is_timestamp(field.type)]
        whole = rows.select(told).combine_chunks()
        with pa.ipc.new_stream(sink, whole.schema.with_metadata({"table": name})) as writer:
            writer.write_table(whole.replace_schema_metadata({"table": name}))
    return digest.told.hexdigest()
