"""`otel-llmops schema`: a store's tables as SQL."""

import sys
from argparse import Namespace

from otel_llmops.app.stores import schema_statements

__all__ = ["run"]


def run(arguments: Namespace) -> int:
    """Print the DDL of `arguments.store`.

    Raises: LlmopsError, if there is no such store or it has no clusters.
    """
    statements = schema_statements(arguments.store, cluster=arguments.cluster or "")
    if arguments.cluster:
        sys.stdout.write("-- Not run on a cluster yet: read it before you do.\n\n")
    sys.stdout.write(";\n\n".join(statements) + ";\n")
    return 0
