"""Who may send: bearer tokens, the same on every transport.

Source: RFC 6750, 2.1 (the scheme's name is case-insensitive, RFC 9110, 11.1).
"""

import hashlib
import hmac
from collections.abc import Iterable
from pathlib import Path

from google.rpc.code_pb2 import Code

from otel_llmops.errors import ConfigError
from otel_llmops.receiver.status import Refusal

__all__ = ["Access", "read_tokens"]

_TOKEN_CHARS_MIN = 16
_REFUSAL = Refusal(
    "unauthenticated",
    Code.UNAUTHENTICATED,
    401,
    "a bearer token that is known here must come in the Authorization header",
    headers={"WWW-Authenticate": "Bearer", "Connection": "close"},
)


class Access:
    """Asks for one of `tokens`; without any, everybody may come in."""

    def __init__(self, tokens: Iterable[str] = ()) -> None:
        # digests have one length, so that the time of a comparison tells nothing of a token's
        self._digests = tuple(_digest(token.encode()) for token in tokens)

    def refusal(self, authorization: str | bytes | None) -> Refusal | None:
        """Why the bearer of this Authorization header may not come in; None where he may."""
        if not self._digests:
            return None
        given = authorization or b""
        text = given if isinstance(given, bytes) else given.encode("utf-8", "surrogateescape")
        scheme, _, token = text.partition(b" ")
        digest = _digest(token.strip(b" "))
        # every token is compared, whichever fits
        fits = [hmac.compare_digest(digest, known) for known in self._digests]
        return None if any(fits) and scheme.lower() == b"bearer" else _REFUSAL


def read_tokens(path: Path) -> tuple[str, ...]:
    """The tokens of a file: one a line; empty lines and lines that begin with # say nothing.

    Raises: ConfigError, if it cannot be read, holds none, or one that could be guessed.
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the tokens in {path} cannot be read: {error}", hint="see --token-file"
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
