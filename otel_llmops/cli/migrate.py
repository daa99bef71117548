"""`otel-llmops migrate`: a store's tables brought up to date."""

import sys
from argparse import Namespace

from otel_llmops.app.stores import open_store
from otel_llmops.store_url import masked

__all__ = ["run"]


def run(arguments: Namespace) -> int:
    """Make of the schema of `arguments.store` today's; all rows are kept.

    Raises: LlmopsError, if it cannot be opened, or a newer otel-llmops made it.
    """
    open_store(arguments.store, migrates=True).close()
    sys.stdout.write(f"{masked(arguments.store)} is up to date\n")
    return 0
