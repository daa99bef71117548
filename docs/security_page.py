"""The page of attacks, made of attacks.toml: called by generate.py."""

import tomllib
from pathlib import Path

from markdown_tables import MADE, code, table

__all__ = ["security"]

_ATTACKS = Path(__file__).with_name("attacks.toml")

_PAGE = """# Security

{made}

What arrives in a span was written by others: users, models, tools, web pages that an agent read. It
is untrusted text everywhere: in answers, on pages, in a terminal, in a log, and to a coding agent
that asks over MCP.

- **Who may connect.** Everything listens on this machine alone until you say otherwise, and refuses
  other addresses without tokens or client certificates
  ([operating](operating.md#who-may-ask-the-api)). Put a reverse proxy before what is public.
- **What is kept.** All that is sent, unless `--redact` takes it out before it is written
  ([redaction](redaction.md)). A session can be deleted
  ([operating](operating.md#deleting-a-session)).
- **In your application** nothing of ours opens a connection, blocks your code, or raises into it.

## Attacks, and the tests that answer them

Each of the first column of tests does it over a socket to a real server; a test fails where a named
one is missing. Attacks on the receiver (bombs, slow clients, malformed OTLP, HTTP/2) are in
`tests/receiver/` and `tests/otlp/`.

{attacks}
"""


def security() -> str:
    """The whole page."""
    told = tomllib.loads(_ATTACKS.read_text(encoding="utf-8"))["attack"]
    rows = [
        (
            str(number),
            each["what"],
            each["answer"],
            *(", ".join(code(one) for one in each[kind]) for kind in ("socket", "tests")),
        )
        for number, each in enumerate(told, 1)
    ]
    head = ("", "attack", "answer", "over a socket", "and beside it")
    return _PAGE.format(made=MADE, attacks="\n".join(table(head, rows)))
