"""A lake's files in an object store that speaks S3.

Strategy: an object is there whole or not at all, so a file is held back until it is to be seen, and
then put. Whoever writes has listed all names once, and knows them from then on, for nobody else
writes: the last process that began to has the lake, and one before it finds that out by the token
in `WRITER_FILE` before it changes anything. To read needs no such right.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import PurePath, PurePosixPath
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pyarrow as pa
from pyarrow import fs

from otel_llmops.errors import ConfigError
from otel_llmops.exporters.parquet_shelf import quoted
from otel_llmops.store_url import StoreUrl

__all__ = ["WRITER_FILE", "Bucket"]

WRITER_FILE = "otel_llmops_writer"
_CONNECT_S = 5.0
_REQUEST_S = 30.0
_ATTEMPTS = 3
_PUTS = 8
"""Files that are written at once: each waits for an answer most of the time."""


class Bucket:
    """The objects below a prefix of a bucket."""

    has_lock = False

    def __init__(self, place: StoreUrl) -> None:
        """Raises: ConfigError, if what the environment says of the region is no use."""
        endpoint = urlsplit(place.options.get("endpoint", ""))
        self.root = PurePosixPath(place.path)
        try:
            self._store = fs.S3FileSystem(
                region=place.options.get("region"),
                scheme=endpoint.scheme or None,
                endpoint_override=endpoint.netloc or None,
                connect_timeout=_CONNECT_S,
                request_timeout=_REQUEST_S,
                retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
                allow_delayed_open=True,  # a small file is one request
            )
        except (OSError, ValueError) as error:
            raise ConfigError(f"the object store of {place.path}: {error}") from error
        amazon = f"https://s3.{self._store.region}.amazonaws.com"
        self._url = f"{endpoint.geturl() or amazon}".rstrip("/")
        self._listing = threading.RLock()
        self._sizes: dict[PurePath, dict[str, int]] | None = None
        self._held_back: dict[PurePath, memoryview] = {}
        self._token = uuid4().hex.encode()
        self._has_begun = False

    def lock(self) -> Callable[[], None]:
        """As Shelf.lock: nobody is kept away, but the bucket has to be there."""
        bucket = self.root.parts[0]
        try:
            found = self._store.get_file_info(bucket)
        except OSError as error:
            raise ConfigError(
                f"the bucket {bucket} at {self._url} cannot be reached: {error}",
                hint="credentials are those of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, of "
                "~/.aws, or of the machine",
            ) from error
        if found.type == fs.FileType.NotFound:
            raise ConfigError(f"there is no bucket {bucket} at {self._url}", hint="make it first")
        return lambda: None

    def source(self, pattern: str, structure: str) -> str:
        """As Shelf.source."""
        where = f"{self._url}/{self.root}/{pattern}"
        return f"s3({quoted(where)}, 'Parquet', {quoted(structure)})"

    def make(self, folder: PurePath) -> None:
        """As Shelf.make: folders are in names alone."""

    def names(self, folder: PurePath) -> Sequence[str]:
        """As Shelf.names."""
        with self._listing:
            return list(self._listed().get(folder, ()))

    def folders(self, folder: PurePath) -> Sequence[PurePath]:
        """As Shelf.folders."""
        with self._listing:
            return sorted(p for p, names in self._listed().items() if p.parent == folder and names)

    def size(self, path: PurePath) -> int | None:
        """As Shelf.size."""
        with self._listing:
            return self._listed().get(path.parent, {}).get(path.name)

    def opened(self, path: PurePath) -> Any:
        """As Shelf.opened."""
        return self._store.open_input_file(str(path))

    def content(self, path: PurePath) -> bytes | None:
        """As Shelf.content."""
        try:
            with self._store.open_input_stream(str(path)) as stream:
                return bytes(stream.read())
        except FileNotFoundError:
            return None

    def replace(self, path: PurePath, content: bytes) -> None:
        """As Shelf.replace."""
        self._begin()
        self._put(path, memoryview(content))

    def write(self, path: PurePath, fill: Callable[[Any], None]) -> None:
        """As Shelf.write: in memory."""
        sink = pa.BufferOutputStream()
        fill(sink)
        self._held_back[path] = memoryview(sink.getvalue())

    def publish(self, paths: Sequence[PurePath]) -> None:
        """As Shelf.publish."""
        contents = [(path, self._held_back.pop(path)) for path in paths]
        self._begin()
        try:
            if len(contents) == 1:
                self._put(*contents[0])
            else:
                with ThreadPoolExecutor(_PUTS, "lake-put") as pool:
                    for done in [pool.submit(self._put, *each) for each in contents]:
                        done.result()
        except OSError:
            self._forget()
            raise

    def remove(self, paths: Sequence[PurePath]) -> None:
        """As Shelf.remove."""
        if not paths:
            return
        self._begin()
        try:
            for path in paths:
                with suppress(FileNotFoundError):
                    self._store.delete_file(str(path))
                with self._listing:
                    self._listed().get(path.parent, {}).pop(path.name, None)
        except OSError:
            self._forget()
            raise

    def remove_folder(self, folder: PurePath) -> None:
        """As Shelf.remove_folder."""
        self.remove([folder / name for name in self.names(folder)])

    def clear(self, folder: PurePath) -> None:
        """As Shelf.clear: what was held back is gone with its process."""

    def _put(self, path: PurePath, content: memoryview) -> None:
        with self._store.open_output_stream(str(path)) as stream:
            stream.write(content)
        with self._listing:
            self._listed().setdefault(path.parent, {})[path.name] = len(content)

    def _listed(self) -> dict[PurePath, dict[str, int]]:
        if self._sizes is None:
            below = fs.FileSelector(str(self.root), allow_not_found=True, recursive=True)
            sizes: dict[PurePath, dict[str, int]] = defaultdict(dict)
            for info in self._store.get_file_info(below):
                if info.type == fs.FileType.File:
                    path = PurePosixPath(info.path)
                    sizes[path.parent][path.name] = info.size
            self._sizes = dict(sizes)
        return self._sizes

    def _forget(self) -> None:
        """After an error nobody knows what the store did."""
        with self._listing:
            self._sizes = None

    def _begin(self) -> None:
        """Have the right to write, or find that another process took it."""
        path = self.root / WRITER_FILE
        if self._has_begun:
            if self.content(path) != self._token:
                raise OSError(f"another process writes to {self.root} since this one did")
            return
        with self._store.open_output_stream(str(path)) as stream:
            stream.write(self._token)
        self._forget()
        self._has_begun = True
