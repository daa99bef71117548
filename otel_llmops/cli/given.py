"""What a command asks for, in the words of the REST API."""

from argparse import Namespace
from collections.abc import Mapping

from otel_llmops.api.parameters import page, share, time

__all__ = ["Given", "given"]

Given = Mapping[str, str | int | float | None]
"""Parameters by their names in the REST API; None where nothing was said."""

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
