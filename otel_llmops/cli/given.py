"""What a command asks for, in the words of the REST API."""

from argparse import Namespace

from otel_llmops.api.parameters import page, share, time
from otel_llmops.cli.reader import Given

__all__ = ["given"]

_TIMES = ("since", "until")


def given(arguments: Namespace, *names: str) -> Given:
    """These arguments, times as the API writes them.

    Raises: QueryError, if one is not what it must be, before anything is asked.
    """
    found = {name: getattr(arguments, name) for name in names}
    page(found.get("limit"), None)
    share(found.get("min_quality"), name="min_quality")
    return {
        name: time(value).isoformat() if name in _TIMES and value is not None else value
        for name, value in found.items()
    }
