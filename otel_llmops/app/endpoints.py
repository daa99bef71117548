"""Where a running `serve` can be reached: the file that every other command looks into.

Strategy: the file tells where, the lock beside it tells whether: a `serve` that was killed
leaves its file behind, never its lock.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic, sleep

from otel_llmops.errors import ConfigError

__all__ = ["Endpoints", "claimed", "read_endpoints", "remove_endpoints", "write_endpoints"]

_LOCK = "serve.lock"
_FILE = "endpoints.json"
_CLAIM_WAIT_S = 0.5
"""A killed `serve` may have left a child between fork and exec, which still holds its lock."""
_CLAIM_PAUSE_S = 0.05


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The endpoints of a running `serve`; `pid` is the supervisor's.

    The API may listen on another address than OTLP. With `tls`, OTLP is served over TLS, with
    `api_tls` the API.
    """

    pid: int
    host: str
    grpc_port: int
    http_port: int
    api_port: int
    data: str
    store: str
    api_host: str
    tls: bool
    api_tls: bool

    @property
    def grpc(self) -> str:
        """Where OTLP/gRPC is taken, as OTEL_EXPORTER_OTLP_ENDPOINT has it."""
        return f"{self._scheme}://{_authority(self.host, self.grpc_port)}"

    @property
    def http(self) -> str:
        """Where OTLP/HTTP is taken."""
        return f"{self._scheme}://{_authority(self.host, self.http_port)}"

    @property
    def api(self) -> str:
        """Where GraphQL (/graphql) and REST (/api) are."""
        scheme = "https" if self.api_tls else "http"
        return f"{scheme}://{_authority(self.api_host, self.api_port)}"

    @property
    def _scheme(self) -> str:
        return "https" if self.tls else "http"


def _authority(host: str, port: int) -> str:
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - read, not bound
    return f"[{here}]:{port}" if ":" in here else f"{here}:{port}"


@contextmanager
def claimed(data: Path) -> Iterator[None]:
    """Hold the folder `data` for one `serve`; it is made where it is missing.

    Raises: ConfigError, if another `serve` holds it or it cannot be written.
    """
    fd = _open_lock(data)
    try:
        if not _locked(fd, fcntl.LOCK_EX, wait_s=_CLAIM_WAIT_S):
            holder = os.pread(fd, 32, 0).decode(errors="replace").strip() or "unknown"
            raise ConfigError(
                f"{data} is used by another serve, process {holder}",
                hint="stop that one, or choose another folder with --data",
            )
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(fd)


def write_endpoints(endpoints: Endpoints) -> None:
    """Put the file where other commands look, whole or not at all."""
    path = Path(endpoints.data) / _FILE
    fresh = path.with_suffix(".json.new")
    urls = {"grpc": endpoints.grpc, "http": endpoints.http, "api": endpoints.api}
    fresh.write_text(json.dumps(asdict(endpoints) | {"urls": urls}, indent=2) + "\n")
    fresh.replace(path)


def remove_endpoints(data: Path) -> None:
    """Take the file away, if it is there."""
    with suppress(OSError):
        (data / _FILE).unlink(missing_ok=True)


def read_endpoints(data: Path) -> Endpoints | None:
    """The endpoints of the `serve` that runs on `data`, None where none does or none is ready."""
    try:
        with (data / _LOCK).open("rb") as lock:
            if _locked(lock.fileno(), fcntl.LOCK_SH, wait_s=0.0):
                return None
        document = json.loads((data / _FILE).read_text())
        return Endpoints(**{name: document[name] for name in Endpoints.__dataclass_fields__})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _open_lock(data: Path) -> int:
    try:
        data.mkdir(parents=True, exist_ok=True)
        return os.open(data / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise ConfigError(
            f"the data folder {data} cannot be written: {error.strerror}",
            hint="choose another folder with --data",
        ) from error


def _locked(fd: int, kind: int, *, wait_s: float) -> bool:
    deadline = monotonic() + wait_s
    while True:
        try:
            fcntl.flock(fd, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if monotonic() >= deadline:
                return False
            sleep(_CLAIM_PAUSE_S)
        else:
            return True
