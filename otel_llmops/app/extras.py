"""What to say where a package of an extra is missing."""

from collections.abc import Iterator
from contextlib import contextmanager

from otel_llmops.errors import ConfigError

__all__ = ["extra_required"]


@contextmanager
def extra_required(what: str, *, extra: str = "server") -> Iterator[None]:
    """Import inside it; ConfigError says what to install where a foreign package is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if missing.partition(".")[0] == "otel_llmops":
            raise
        raise ConfigError(
            f"{what} needs the package {missing}", hint=f"pip install 'otel-llmops[{extra}]'"
        ) from error
