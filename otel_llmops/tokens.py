"""Bearer tokens: who may send, who may read, who may change.

Source: RFC 6750, 2.1 (the scheme's name is case-insensitive, RFC 9110, 11.1).
"""

import hashlib
import hmac
from collections.abc import Iterable
from pathlib import Path

from otel_llmops.errors import ConfigError

__all__ = ["Tokens", "read_tokens"]

_TOKEN_CHARS_MIN = 16


class Tokens:
    """A set of tokens that tells nothing of them by the time it takes to compare."""

    def __init__(self, tokens: Iterable[str] = ()) -> None:
        # digests have one length, so that the time of a comparison tells nothing of a token's
        self._digests = tuple(_digest(token.encode()) for token in tokens)

    def __bool__(self) -> bool:
        return bool(self._digests)

    def known(self, authorization: str | bytes | None) -> bool:
        """Whether this Authorization header bears one of them."""
        given = authorization or b""
        text = given if isinstance(given, bytes) else given.encode("utf-8", "surrogateescape")
        scheme, _, token = text.partition(b" ")
        digest = _digest(token.strip(b" "))
        # every token is compared, whichever fits
        fits = [hmac.compare_digest(digest, known) for known in self._digests]
        return any(fits) and scheme.lower() == b"bearer"


def read_tokens(path: Path, *, flag: str = "--token-file") -> tuple[str, ...]:
    """The tokens of a file: one a line; empty lines and lines that begin with # say nothing.

    Raises: ConfigError, if it cannot be read, holds none, or one that could be guessed.
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the tokens in {path} cannot be read: {error}", hint=f"see {flag}"
        ) from error
    tokens = tuple(line for line in lines if line and not line.startswith("#"))
    if not tokens:
        raise ConfigError(f"{path} holds no token", hint="put one on a line of its own")
    if any(len(token) < _TOKEN_CHARS_MIN or " " in token for token in tokens):
        raise ConfigError(
            f"a token in {path} is shorter than {_TOKEN_CHARS_MIN} characters, or has a space",
            hint="make one with: openssl rand -hex 32",
        )
    return tokens


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()
