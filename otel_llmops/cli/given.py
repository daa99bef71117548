"""What a command asks for, in the words of the REST API."""

from argparse import Namespace
from collections.abc import Mapping

from otel_llmops.api.parameters import time

__all__ = ["Given", "given"]

Given = Mapping[str, str | int | float | None]
"""Parameters by their names in the REST API; None where nothing was said."""

_TIMES = ("since", "until")


def given(arguments: Namespace, *names: str) -> Given:
    """These arguments, times as the API writes them.

    Raises: QueryError, if a time is none.
    """
    found = {name: getattr(arguments, name) for name in names}
    return {
        name: time(value).isoformat() if name in _TIMES and value is not None else value
        for name, value in found.items()
    }
