"""The operator's configuration: a mapping in, a frozen dataclass out.

Strategy: every value is checked on its own and all problems are reported at once, because an
operator who mends one line at a time starts a server five times. Nothing here reads the
environment, the disk or a socket: what can only be known by trying (a folder that cannot be
written, a port that is taken) is reported by whoever tries.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from otel_llmops.errors import ConfigError
from otel_llmops.store_url import STORE_SCHEMES, StoreUrl, masked, store_problems, store_url

__all__ = [
    "DURABILITIES",
    "NUMBERS_MIN",
    "STORE_SCHEMES",
    "Durability",
    "ServeConfig",
    "StoreUrl",
    "masked",
    "serve_config",
    "store_url",
]

Durability = Literal["fsync", "os", "none"]

DURABILITIES: tuple[Durability, ...] = get_args(Durability)
"""What an acknowledgement means: on the disk, given to the operating system, or in memory."""

_PORT_MAX = 65_535
_GIB = 1 << 30
_MIB = 1 << 20
_LOOPBACK = "127.0.0.1"
NUMBERS_MIN: Mapping[str, int] = {
    "journal_bytes_max": 16 * _MIB,
    "request_bytes_max": 1,
    "memory_bytes_max": 16 * _MIB,
    "connections_max": 1,
    "ready_lag_s_max": 1,
    "forward_quota_bytes": 0,
    "export_quota_bytes": 0,
}
"""Settings that are numbers -> the least that each may be."""
_FILES = (
    "token_file",
    "tls_certificate",
    "tls_key",
    "tls_client_ca",
    "redact_file",
    "api_token_file",
    "api_admin_token_file",
)
_MAY_BE_EMPTY = frozenset(
    {"jaeger_url", "cors_origins", "redact", "telemetry_url", "api_hosts", *_FILES}
)
_FLAGS = frozenset({"insecure_bind", "api_tls"})


@dataclass(frozen=True, slots=True)
class ServeConfig:
    """All that `serve` starts from. Port 0 takes any free port.

    `data` holds the journal, the embedded store, the locks and the endpoints file.
    `request_bytes_max`: of one request, decompressed. `memory_bytes_max`: of all requests that the
    receiver has in memory. `connections_max`: open over HTTP. `token_file`, `tls_*`: PEM files
    and bearer tokens, read by the process that needs them; "" is none. `cors_origins`: of web
    pages that may send, with commas between. `redact`: presets, with commas between, and
    `redact_file`: rules, for what is taken out before it is kept. `insecure_bind`: everybody may
    send, wherever from.
    `ready_lag_s_max`: what waits for longer to be stored or analysed makes /readyz say so.
    `telemetry_url`: where our own figures are sent over OTLP/HTTP; "" is nowhere.
    `api_token_file`: tokens that may read, `api_admin_token_file`: that may change as well.
    `api_hosts`: names, with commas between, that requests to the API may be meant for, beside this
    machine's own. `api_tls`: the API is served over TLS too, with the same certificate.
    `jaeger_storage_port`: where a Jaeger may read over gRPC, beside the API; None is nowhere.
    `forward`: otlp://host:port or otlps://host:port, where requests are passed on as they came;
    `forward_quota_bytes`: what the journal keeps for each of them beyond what the store needs.
    `export`: URLs of servers that are written to as the store is, and not queried;
    `export_quota_bytes` as that of `forward`.
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
    request_bytes_max: int = 64 * _MIB
    memory_bytes_max: int = _GIB
    connections_max: int = 1024
    token_file: str = ""
    tls_certificate: str = ""
    tls_key: str = ""
    tls_client_ca: str = ""
    cors_origins: str = ""
    redact: str = ""
    redact_file: str = ""
    insecure_bind: bool = False
    ready_lag_s_max: int = 60
    telemetry_url: str = ""
    api_token_file: str = ""
    api_admin_token_file: str = ""
    api_hosts: str = ""
    api_tls: bool = False
    jaeger_storage_port: int | None = None
    forward: tuple[str, ...] = ()
    forward_quota_bytes: int = _GIB
    export: tuple[str, ...] = ()
    export_quota_bytes: int = _GIB

    @property
    def api_host(self) -> str:
        """Where the API listens: on this machine alone, unless it asks for tokens or is told."""
        may = self.insecure_bind or self.api_token_file or _is_loopback(self.host)
        return self.host if may else _LOOPBACK

    @property
    def api_is_local(self) -> bool:
        """Whether the API listens on this machine alone."""
        return _is_loopback(self.api_host)

    @property
    def store_shown(self) -> str:
        """The store's URL without its password."""
        return masked(self.store)

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
    problems += _same_ports(known) + _tls_problems(known)
    exposed = _exposed(known)
    if problems or exposed:
        raise ConfigError("; ".join([*problems, *exposed]), hint=_EXPOSED_HINT if exposed else "")
    data = Path(known["data"]).expanduser().absolute()
    store = known.get("store", f"chdb://{data / 'store'}")
    if second := _second_engine(store, known.get("export", ())):
        raise ConfigError(second, hint="give a server as the --store, or leave the export away")
    files = {name: _absolute(known[name]) for name in _FILES if known.get(name)}
    lists = {name: tuple(dict.fromkeys(known.get(name, ()))) for name in _LISTS}
    return ServeConfig(**known | {"data": data, "store": store} | files | lists)


_SETTINGS = frozenset(ServeConfig.__dataclass_fields__)


def _problems(name: str, value: object) -> list[str]:
    if name.endswith("_port"):
        return _port_problems(value)
    if name in NUMBERS_MIN:
        return _number_problems(value, NUMBERS_MIN[name])
    if name in _FLAGS | _LISTS.keys():
        return _flag_problems(value) if name in _FLAGS else _list_problems(value, _LISTS[name])
    if name in _MAY_BE_EMPTY and value == "":
        return []
    if not isinstance(value, str | Path) or not str(value):
        return [f"{value!r} is not a text"]
    check = _TEXTS.get(name)
    return check(str(value)) if check else []


def _port_problems(value: object) -> list[str]:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _PORT_MAX:
        return [f"{value!r} is not a port (0 to {_PORT_MAX})"]
    return []


def _flag_problems(value: object) -> list[str]:
    return [] if isinstance(value, bool) else [f"{value!r} is neither true nor false"]


def _number_problems(value: object, minimum: int) -> list[str]:
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        return [f"{value!r} is not a number from {minimum}"]
    return []


def _tls_problems(known: Mapping[str, object]) -> list[str]:
    has = {name: known.get(name, "") != "" for name in _FILES}
    problems = []
    if has["tls_certificate"] != has["tls_key"]:
        problems.append("tls_certificate, tls_key: one needs the other")
    if has["tls_client_ca"] and not has["tls_certificate"]:
        problems.append("tls_client_ca: needs tls_certificate and tls_key")
    if known.get("api_tls") is True and not has["tls_certificate"]:
        problems.append("api_tls: needs tls_certificate and tls_key")
    return problems


_EXPOSED_HINT = (
    "ask senders for a token with --token-file or for a certificate with --tls-client-ca, or say "
    "--insecure-bind if whoever can reach this machine may send to it and read from it"
)


def _exposed(known: Mapping[str, object]) -> list[str]:
    """A door to the outside that nobody guards is opened only on an explicit word."""
    host = known.get("host", _LOOPBACK)
    is_guarded = any(known.get(name, "") != "" for name in ("token_file", "tls_client_ca"))
    if is_guarded or known.get("insecure_bind") is True or not isinstance(host, str):
        return []
    return [] if _is_loopback(host) else [f"host: everybody who reaches {host} could send"]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:  # another name: what it resolves to is not known here
        return False


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute())


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


def _list_problems(value: object, check: Callable[[str], list[str]]) -> list[str]:
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        return [f"{value!r} is no list of URLs"]
    return [problem for url in value for problem in check(url)]


def _forward_problems(url: str) -> list[str]:
    if _is_otlp(url):
        return []
    return [f"{masked(url)!r} is not otlp://host:port or otlps://host:port"]


def _second_engine(store: str, exports: Sequence[str]) -> str:
    """ClickHouse embedded reads one folder of its own in a process, and a lake is read by it."""
    embedded = [url for url in (store, *exports) if store_url(url).is_embedded]
    if len(set(embedded)) < 2:
        return ""
    told = " and ".join(repr(masked(url)) for url in dict.fromkeys(embedded))
    return f"export: {told} are embedded: one of all stores may be, and the others servers"


def _is_otlp(url: str) -> bool:
    try:
        parts = urlsplit(url)
        whole = parts.hostname and parts.port and "@" not in parts.netloc
    except ValueError:
        return False
    more = parts.path.strip("/") or parts.query or parts.fragment
    return parts.scheme in {"otlp", "otlps"} and bool(whole) and not more


def _origin_problems(value: str) -> list[str]:
    return [
        problem
        for origin in value.split(",")
        if origin.strip() != "*"
        for problem in _web(origin.strip())
    ]


def _same_ports(known: Mapping[str, object]) -> list[str]:
    """Two servers on one port can only fail later, and less clearly."""
    names = ("grpc_port", "http_port", "api_port", "jaeger_storage_port")
    ports = {
        name: known.get(name, ServeConfig.__dataclass_fields__[name].default) for name in names
    }
    taken = [port for port in ports.values() if isinstance(port, int) and port != 0]
    if len(set(taken)) == len(taken):
        return []
    told = {name: port for name, port in ports.items() if port is not None}
    return [f"{', '.join(told)}: each needs a port of its own, not {_listed(told)}"]


def _listed(ports: Mapping[str, object]) -> str:
    return ", ".join(str(port) for port in ports.values())


_TEXTS: Mapping[str, Callable[[str], list[str]]] = {
    "store": store_problems,
    "durability": _durability_problems,
    "jaeger_url": _web,
    "telemetry_url": _web,
    "cors_origins": _origin_problems,
}

_LISTS: Mapping[str, Callable[[str], list[str]]] = {
    "forward": _forward_problems,
    "export": store_problems,
}
