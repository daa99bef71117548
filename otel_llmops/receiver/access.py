"""Who may send: bearer tokens, the same on every transport."""

from collections.abc import Iterable

from google.rpc.code_pb2 import Code

from otel_llmops.receiver.status import Refusal
from otel_llmops.tokens import Tokens

__all__ = ["Access"]

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
        self._tokens = Tokens(tokens)

    def refusal(self, authorization: str | bytes | None) -> Refusal | None:
        """Why the bearer of this Authorization header may not come in; None where he may."""
        return _REFUSAL if self._tokens and not self._tokens.known(authorization) else None
