"""Ports: taken, forbidden or free, and said so before anything starts."""

import errno
import socket

from otel_llmops.errors import ConfigError

__all__ = ["listening_socket", "require_free"]

_BACKLOG = 2048


def listening_socket(host: str, port: int, *, flag: str) -> socket.socket:
    """A TCP socket that listens on `host` and `port` (0: any free one).

    Raises: ConfigError, which names the port and the `flag` that sets it.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind, protocol)
        try:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(address)
            found.listen(_BACKLOG)
        except OSError:
            found.close()
            raise
    except OSError as error:
        raise _cannot_listen(error, host, port, flag) from error
    return found


def require_free(host: str, port: int, *, flag: str) -> None:
    """Raise ConfigError, as `listening_socket`, where nothing could listen there."""
    listening_socket(host, port, flag=flag).close()


def _cannot_listen(error: OSError, host: str, port: int, flag: str) -> ConfigError:
    if error.errno == errno.EADDRINUSE:
        return ConfigError(
            f"port {port} on {host} is taken",
            hint=f"stop what listens there, or choose another with {flag}",
        )
    return ConfigError(
        f"cannot listen on {host}, port {port}: {error.strerror or error}",
        hint=f"choose another with --host or {flag}",
    )
