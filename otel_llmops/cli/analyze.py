"""`otel-llmops analyze`: captured OTLP or a lake in, what agents did out, without a server."""

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from otel_llmops.analysis.derive import analyse
from otel_llmops.app.lakes import Place, is_lake, lake_spans
from otel_llmops.app.on_ray import analyse_on_ray
from otel_llmops.engine.capture import captured, report
from otel_llmops.errors import ConfigError

__all__ = ["run"]

_HANDOFFS_MAX = 200
_PROGRESS_AFTER_S = 0.5
"""A bar that flashes by is noise: work that ends sooner shows none."""


_Progress = Callable[[int, int], None]


def run(arguments: Namespace) -> int:
    """Analyse `arguments.paths` and print the answer.

    Raises: ConfigError, if a path does not exist or a lake cannot be read; DecodeError, if a file
            is not OTLP.
    """
    lakes: list[Place] = []
    captures: list[Path] = []
    for path in arguments.paths:
        if isinstance(path, Path) and not path.exists():
            raise ConfigError(f"{path}: there is no such file or folder")
        if isinstance(path, Path) and not is_lake(path):
            captures.append(path)
        else:
            lakes.append(path)
    if arguments.on == "ray" and captures:
        raise ConfigError(
            f"{captures[0]}: Ray analyses lakes alone, and this is none",
            hint="leave --on away, or give the folder of a lake",
        )
    with _progress() as progress:
        if arguments.on == "ray":
            found = analyse_on_ray(lakes, address=arguments.ray_address, progress=progress)
        else:
            found = analyse(_spans(lakes, captures, progress))
        document = report(found)
    if arguments.json:
        # ASCII alone: whatever a span's text holds, nothing of it can steer a terminal
        sys.stdout.write(json.dumps(document, allow_nan=False, indent=2) + "\n")
    else:
        _print(document["sessions"])
    return 0


def _spans(
    lakes: Sequence[Place], captures: Sequence[Path], progress: _Progress | None
) -> pa.Table:
    spans = [lake_spans(lake, progress) for lake in lakes]
    if captures:
        spans.append(captured(captures, progress))
    return pa.concat_tables(spans)


@contextmanager
def _progress() -> Iterator[_Progress | None]:
    """A bar on a terminal's stderr, once the work has proved to be long."""
    if not sys.stderr.isatty():
        yield None
        return
    from otel_llmops.cli.progress import bar  # noqa: PLC0415 - rich costs 100 ms

    with bar("analysing", after_s=_PROGRESS_AFTER_S) as progress:
        yield progress


def _print(sessions: Sequence[Mapping[str, Any]]) -> None:
    from otel_llmops.cli.analyzed import print_report  # noqa: PLC0415 - rich costs 100 ms

    print_report(sessions, handoffs_max=_HANDOFFS_MAX)
