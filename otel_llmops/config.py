"""The operator's configuration: a mapping in, a frozen dataclass out.

Strategy: every value is checked on its own and all problems are reported at once, because an
operator who mends one line at a time starts a server five times. Nothing here reads the
environment, the disk or a socket: what can only be known by trying (a folder that cannot be
written, a port that is taken) is reported by whoever tries.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import unquote, urlsplit

from otel_llmops.errors import ConfigError

__all__ = [
    "DURABILITIES",
    "STORE_SCHEMES",
    "Durability",
    "ServeConfig",
    "StoreUrl",
    "serve_config",
    "store_url",
]

Durability = Literal["fsync", "os", "none"]

DURABILITIES: tuple[Durability, ...] = get_args(Durability)
"""What an acknowledgement means: on the disk, given to the operating system, or in memory."""

STORE_SCHEMES: Mapping[str, str] = {
    "chdb": "chdb:///absolute/folder (ClickHouse embedded in the engine process)",
}
"""Store schemes that can be started -> how their URL is written."""

_SCHEMES_TO_COME = ("clickhouse", "mysql", "parquet", "postgresql")
_PORT_MAX = 65_535
_GIB = 1 << 30
_JOURNAL_BYTES_MIN = 16 << 20


@dataclass(frozen=True, slots=True)
class StoreUrl:
    """A store URL whose scheme is known: `path` is an absolute folder for embedded stores."""

    scheme: str
    path: str


@dataclass(frozen=True, slots=True)
class ServeConfig:
    """All that `serve` starts from. Port 0 takes any free port.

    `data` holds the journal, the embedded store, the locks and the endpoints file.
    """

    data: Path
    store: str
    host: str = "127.0.0.1"
    grpc_port: int = 4317
    http_port: int = 4318
    api_port: int = 8080
    durability: Durability = "fsync"
    journal_bytes_max: int = 4 * _GIB
    jaeger_url: str = ""

    def as_mapping(self) -> dict[str, Any]:
        """The mapping that `serve_config` reads back, of JSON values alone."""
        return asdict(self) | {"data": str(self.data)}


def serve_config(values: Mapping[str, Any]) -> ServeConfig:
    """Check `values` (names as in ServeConfig; only `data` is required, None means the default).

    Raises: ConfigError, which names every problem.
    """
    given = {name: value for name, value in values.items() if value is not None}
    problems = [f"{name}: there is no such setting" for name in sorted(set(given) - _SETTINGS)]
    known = {name: value for name, value in given.items() if name in _SETTINGS}
    for name, value in known.items():
        problems += [f"{name}: {problem}" for problem in _problems(name, value)]
    if "data" not in known:
        problems.append("data: a folder is needed")
    problems += _same_ports(known)
    if problems:
        raise ConfigError("; ".join(problems))
    data = Path(known["data"]).expanduser().absolute()
    return ServeConfig(
        **known | {"data": data, "store": known.get("store", f"chdb://{data / 'store'}")}
    )


def store_url(url: str) -> StoreUrl:
    """Read a store's URL.

    Raises: ConfigError, if it is malformed or of a scheme that cannot be started.
    """
    problems = _store_problems(url)
    if problems:
        raise ConfigError("; ".join(f"store: {problem}" for problem in problems))
    parts = urlsplit(url)
    return StoreUrl(scheme=parts.scheme, path=unquote(parts.path))


_SETTINGS = frozenset(ServeConfig.__dataclass_fields__)


def _problems(name: str, value: object) -> list[str]:
    if name.endswith("_port"):
        return _port_problems(value)
    if name == "journal_bytes_max":
        return _journal_problems(value)
    if name == "jaeger_url" and value == "":
        return []
    if not isinstance(value, str | Path) or not str(value):
        return [f"{value!r} is not a text"]
    checks = {"store": _store_problems, "durability": _durability_problems, "jaeger_url": _web}
    check = checks.get(name)
    return check(str(value)) if check else []


def _port_problems(value: object) -> list[str]:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _PORT_MAX:
        return [f"{value!r} is not a port (0 to {_PORT_MAX})"]
    return []


def _journal_problems(value: object) -> list[str]:
    if isinstance(value, bool) or not isinstance(value, int) or value < _JOURNAL_BYTES_MIN:
        return [f"{value!r} is not a number of bytes from {_JOURNAL_BYTES_MIN}"]
    return []


def _durability_problems(value: str) -> list[str]:
    return [] if value in DURABILITIES else [f"{value!r} is not one of: {', '.join(DURABILITIES)}"]


def _web(value: str) -> list[str]:
    try:
        parts = urlsplit(value)
    except ValueError as error:
        return [f"{value!r} is not a URL: {error}"]
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return [f"{value!r} is not an http:// or https:// URL"]
    return []


def _store_problems(url: str) -> list[str]:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        return [f"{url!r} is not a URL: {error}"]
    if parts.scheme in _SCHEMES_TO_COME:
        return [f"{parts.scheme}:// is not built yet; there is {_known_schemes()}"]
    if parts.scheme not in STORE_SCHEMES:
        return [
            f"{_without_password(url)!r} names no store that exists; there is {_known_schemes()}"
        ]
    if parts.netloc or not parts.path.startswith("/") or not parts.path.strip("/"):
        return [f"{url!r} needs an absolute folder: {STORE_SCHEMES[parts.scheme]}"]
    if parts.query or parts.fragment:
        return [f"{url!r} takes no parameters: {STORE_SCHEMES[parts.scheme]}"]
    return []


def _known_schemes() -> str:
    return ", ".join(STORE_SCHEMES.values())


def _without_password(url: str) -> str:
    """`url` as it may be shown: what stands before an @ can be a password."""
    scheme, mark, rest = url.partition("://")
    return f"{scheme}{mark}***@{rest.rpartition('@')[2]}" if "@" in rest else url


def _same_ports(known: Mapping[str, object]) -> list[str]:
    """Two servers on one port can only fail later, and less clearly."""
    names = ("grpc_port", "http_port", "api_port")
    ports = {
        name: known.get(name, ServeConfig.__dataclass_fields__[name].default) for name in names
    }
    taken = [port for port in ports.values() if isinstance(port, int) and port != 0]
    if len(set(taken)) == len(taken):
        return []
    return ["grpc_port, http_port, api_port: each needs a port of its own, not " + _listed(ports)]


def _listed(ports: Mapping[str, object]) -> str:
    return ", ".join(str(port) for port in ports.values())
