"""The URL of a store: where it is, how it is reached, and how long it keeps what it is given.

Strategy: what a scheme takes is a row of a table; all that is wrong with a URL is said at once. A
URL may hold a password, so nothing but `masked` is ever shown.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from otel_llmops.errors import ConfigError

__all__ = [
    "STORE_OPTIONS",
    "STORE_SCHEMES",
    "StoreUrl",
    "masked",
    "schemes_with",
    "store_problems",
    "store_url",
]

_COMMON = frozenset({"retention_days"})
_REMOTE = _COMMON | {"password_file", "secure", "verify", "ca"}
_BUCKET = _COMMON | {"endpoint", "region"}
_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]+")
_PREFIX = re.compile(r"(/[A-Za-z0-9_=-][A-Za-z0-9._=-]*)+/?")
"""What stands in ClickHouse's patterns, and in URLs, as it is."""
_ENDPOINT = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/?")
_GOOGLE = "https://storage.googleapis.com"
_FLAGS = frozenset({"secure", "verify"})
_YES = frozenset({"1", "true", "yes"})
_NO = frozenset({"0", "false", "no"})
_RETENTION_DAYS_MAX = 18_250
"""50 years: rows of 2050 are over before 2106, where the 32 bits of ClickHouse's TTL end."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """What the URLs of a scheme look like. `port` 0: a folder of this machine, or a bucket."""

    form: str
    port: int = 0
    is_bucket: bool = False
    port_secure: int = 0
    options: frozenset[str] = _REMOTE
    database: str = ""
    """Where the URL names none; "" has to be named."""


_KINDS: Mapping[str, _Kind] = {
    "chdb": _Kind(
        "chdb:///absolute/folder (ClickHouse embedded in the engine process)", options=_COMMON
    ),
    "parquet": _Kind(
        "parquet:///absolute/folder (Parquet files, queried through ClickHouse embedded)",
        options=_COMMON,
    ),
    "s3": _Kind(
        "s3://bucket/prefix (Parquet files in an object store)",
        options=_BUCKET,
        is_bucket=True,
    ),
    "gs": _Kind(
        "gs://bucket/prefix (in Google's, by its HMAC keys)", options=_BUCKET, is_bucket=True
    ),
    "clickhouse": _Kind(
        "clickhouse://user@host:8123/database",
        port=8123,
        port_secure=8443,
        database="default",
    ),
    "postgresql": _Kind(
        "postgresql://user@host:5432/database", port=5432, options=_REMOTE | {"sslmode"}
    ),
    "mysql": _Kind("mysql://user@host:3306/database (MariaDB too)", port=3306),
}

_ALIASES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "clickhouses": ("clickhouse", {"secure": "1"}),
    "postgres": ("postgresql", {}),
    "mariadb": ("mysql", {}),
}
"""Other names of schemes, and the options that they stand for."""

STORE_SCHEMES: Mapping[str, str] = {name: kind.form for name, kind in _KINDS.items()}
"""Store schemes that can be started -> how their URL is written."""

STORE_OPTIONS: Mapping[str, tuple[str, str]] = {
    "retention_days": ("none", "drop what is older than so many days"),
    "password_file": ("none", "path; the password, alone in a file, in place of one in the URL"),
    "secure": ("`0`", "`1`: over TLS"),
    "verify": ("`1`", "`0`: do not check the server's certificate"),
    "ca": ("the system's", "path; PEM of the authority that signed the server's certificate"),
    "sslmode": ("`prefer`", "as libpq has it: `disable`, `require`, `verify-full`, ..."),
}
"""Options of a store's URL -> default and meaning."""


def schemes_with(option: str) -> tuple[str, ...]:
    """The schemes whose URLs take that option."""
    return tuple(scheme for scheme, kind in _KINDS.items() if option in kind.options)


@dataclass(frozen=True, slots=True)
class StoreUrl:
    """A store URL that is well formed.

    `path` is the folder of an embedded store, bucket/prefix of one in an object store, else "".

    `options` are those that only one kind of store knows. `retention_days` 0 keeps all for ever.
    """

    scheme: str
    path: str = ""
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = field(default="", repr=False)
    database: str = ""
    secure: bool = False
    verify: bool = True
    ca: str = ""
    password_file: str = ""
    retention_days: int = 0
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_embedded(self) -> bool:
        """Whether ClickHouse embedded reads it, of which a process can have one."""
        return not self.host

    @property
    def is_local(self) -> bool:
        """Whether it is a folder of this machine, which one process at a time has open."""
        return self.is_embedded and not _KINDS[self.scheme].is_bucket


def store_url(url: str) -> StoreUrl:
    """Read a store's URL.

    Raises: ConfigError, if it is malformed or of a scheme that cannot be started.
    """
    problems = store_problems(url)
    if problems:
        raise ConfigError("; ".join(f"store: {problem}" for problem in problems))
    parts = urlsplit(url)
    scheme, implied = _ALIASES.get(parts.scheme, (parts.scheme, {}))
    kind = _KINDS[scheme]
    options = {**implied, **dict(parse_qsl(parts.query, keep_blank_values=True))}
    own = {name: options.pop(name) for name in _COMMON & options.keys()}
    retention_days = int(own.get("retention_days", 0))
    if kind.is_bucket:
        at = {"endpoint": _GOOGLE} if scheme == "gs" else {}
        path = f"{parts.netloc}{parts.path.rstrip('/')}"
        return StoreUrl(scheme, path=path, retention_days=retention_days, options=at | options)
    if not kind.port:
        return StoreUrl(scheme, path=unquote(parts.path), retention_days=retention_days)
    secure = options.pop("secure", "0").lower() in _YES
    return StoreUrl(
        scheme,
        host=parts.hostname or "",
        port=parts.port or (kind.port_secure if secure and kind.port_secure else kind.port),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=unquote(parts.path.strip("/")) or kind.database,
        secure=secure,
        verify=options.pop("verify", "1").lower() in _YES,
        ca=options.pop("ca", ""),
        password_file=options.pop("password_file", ""),
        retention_days=retention_days,
        options=options,
    )


def store_problems(url: str) -> list[str]:
    """What is wrong with a store's URL, each in a sentence without its password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return [f"{masked(url)!r} is not a URL: {error}"]
    scheme, implied = _ALIASES.get(parts.scheme, (parts.scheme, {}))
    if scheme not in _KINDS:
        return [f"{masked(url)!r} names no store that exists; there is {_known_schemes()}"]
    kind = _KINDS[scheme]
    if parts.fragment or port == 0:
        return [f"{masked(url)!r} is not written as {kind.form}"]
    check = _server_problems if kind.port else _folder_problems
    place = (_bucket_problems if kind.is_bucket else check)(url, parts, kind)
    return place + _option_problems(parts.query, kind) + _tls_problems(parts.query, implied)


def _folder_problems(url: str, parts: SplitResult, kind: _Kind) -> list[str]:
    if parts.netloc or not parts.path.startswith("/") or not parts.path.strip("/"):
        return [f"{masked(url)!r} needs an absolute folder: {kind.form}"]
    return []


def _bucket_problems(url: str, parts: SplitResult, kind: _Kind) -> list[str]:
    if "@" in parts.netloc:
        return [f"{masked(url)!r}: credentials are those of AWS_ACCESS_KEY_ID, not of a URL"]
    if not _BUCKET_NAME.fullmatch(parts.netloc) or not _PREFIX.fullmatch(parts.path):
        return [f"{masked(url)!r} needs a bucket and a prefix, of letters, digits, . _ = - and /"]
    return []


def _server_problems(url: str, parts: SplitResult, kind: _Kind) -> list[str]:
    if not parts.hostname:
        return [f"{masked(url)!r} names no host: {kind.form}"]
    database = parts.path.strip("/")
    if "/" in database or not (database or kind.database):
        return [f"{masked(url)!r} names no database: {kind.form}"]
    return []


def _option_problems(query: str, kind: _Kind) -> list[str]:
    problems = []
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in kind.options:
            known = ", ".join(sorted(kind.options))
            problems.append(f"there is no option {name!r}; there is {known}")
        elif name in _FLAGS and value.lower() not in _YES | _NO:
            problems.append(f"{name}: {value!r} is neither 1 nor 0")
        elif name == "endpoint" and not _ENDPOINT.fullmatch(value):
            problems.append(f"{name}: {value!r} is not http://host:port or https://host:port")
        elif name == "retention_days" and not _is_days(value):
            problems.append(f"{name}: {value!r} is not a number of days from 1")
        elif not value:
            problems.append(f"{name}: is empty")
    return problems


def _tls_problems(query: str, implied: Mapping[str, str]) -> list[str]:
    """Who says how a certificate is checked must not be left without TLS."""
    given = {**implied, **dict(parse_qsl(query))}
    if given.get("secure", "0").lower() in _YES:
        return []
    return [f"{name}: needs secure=1" for name in ("verify", "ca") if name in given]


def _is_days(value: str) -> bool:
    return value.isascii() and value.isdigit() and 1 <= int(value) <= _RETENTION_DAYS_MAX


def _known_schemes() -> str:
    return ", ".join(STORE_SCHEMES.values())


def masked(url: str) -> str:
    """`url` as it may be shown: without its password; what stands before an @ may be one."""
    scheme, mark, rest = url.partition("://")
    if "@" not in rest:
        return url
    account, _, place = rest.rpartition("@")
    user, colon, _ = account.partition(":")
    shown = user if "@" not in account and "/" not in user else ""
    return f"{scheme}{mark}{shown}{':***' if colon or not shown else ''}@{place}"
