"""The analysis of lakes, spread over the processes of a Ray cluster.

Strategy: two rounds of tasks. The first reads each file for what ties its traces together; of that
the parts follow here (analysis/partition.py). The second analyses a part each, and reads what is of
its traces from the files that have any. Nothing but ids and answers passes between processes, so a
cluster of several machines needs the lake where each sees it: at the same path, or in a bucket.
"""

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePath
from typing import Any, cast
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.analysis.derive import Derived, analyse
from otel_llmops.analysis.partition import TIES, parts, ties
from otel_llmops.app.extras import extra_required
from otel_llmops.app.lakes import Place, file_spans, named, settled, span_files
from otel_llmops.errors import ConfigError, LlmopsError
from otel_llmops.model.schemas import DERIVED, SPANS, empty

__all__ = ["analyse_on_ray"]

_PART_SPANS_MAX = 100_000
"""A part's spans, and what is made of them, are in the memory of one process."""
_REACH_S = 10.0
_Progress = Callable[[int, int], None]


def analyse_on_ray(
    lakes: Sequence[Place],
    *,
    address: str = "",
    part_spans_max: int = _PART_SPANS_MAX,
    progress: _Progress | None = None,
) -> Derived:
    """Analyse all spans of `lakes` as analysis.derive.analyse does, in tasks of Ray.

    In:     lakes; the `address` of a cluster, as ray.init takes it, "" for processes on this
            machine that end with the analysis; `progress` hears (tasks done, tasks).
    Out:    the same rows in every table of DERIVED, part after part.
    Raises: ConfigError, if Ray is not installed, the cluster is not there, or a lake cannot be
            read, here or where a task runs; LlmopsError, if the cluster fails.
    """
    names = ", ".join(map(named, lakes))
    with _cluster(address) as ray:
        tasks = _Tasks(ray, progress or (lambda _done, _all: None))
        return settled(names, lambda: _analysed(tasks, lakes, part_spans_max))


def _analysed(tasks: "_Tasks", lakes: Sequence[Place], part_spans_max: int) -> Derived:
    files = [(lake, path) for lake in lakes for path in span_files(lake)]
    tied = tasks.run(_ties, files)
    every = pa.concat_tables([TIES.empty_table(), *tied])
    asked = []
    for trace_ids in parts(every, spans_max=part_spans_max):
        where = [file for file, its in zip(files, tied, strict=True) if _has_any(its, trace_ids)]
        asked.append((where, trace_ids))
    found = tasks.run(_part, asked)
    return {
        name: pa.concat_tables([empty(schema), *(tables[name] for tables in found)])
        for name, schema in DERIVED.items()
    }


def _has_any(tied: pa.Table, trace_ids: pa.Array) -> bool:
    return bool(pc.any(pc.is_in(tied["trace_id"], value_set=trace_ids)).as_py())


def _ties(lake: Place, path: PurePath) -> pa.Table:
    """The first round's task."""
    found = [ties(spans) for spans in file_spans(lake, path)]
    return pa.concat_tables([TIES.empty_table(), *found])


def _part(files: Sequence[tuple[Place, PurePath]], trace_ids: pa.Array) -> Derived:
    """The second round's task."""
    found = [spans for lake, path in files for spans in file_spans(lake, path, trace_ids)]
    return analyse(pa.concat_tables([SPANS.empty_table(), *found]))


class _Tasks:
    """Runs rounds of tasks, and tells how many are done."""

    def __init__(self, ray: Any, progress: _Progress) -> None:
        self._ray = ray
        self._progress = progress
        self._done = 0

    def run(self, task: Callable[..., Any], asked: Sequence[tuple[Any, ...]]) -> list[Any]:
        """What `task` answers to each of these arguments, in their order."""
        remote = self._ray.remote(task)
        answers = [remote.remote(*arguments) for arguments in asked]
        waiting = answers
        while waiting:
            ended, waiting = self._ray.wait(waiting, fetch_local=False)
            self._ray.get(ended)  # its error, as soon as there is one
            self._done += len(ended)
            self._progress(self._done, self._done + len(waiting))
        return cast("list[Any]", self._ray.get(answers))


@contextmanager
def _cluster(address: str) -> Iterator[Any]:
    """Ray, connected to the cluster: one that the program is in already stays as it is."""
    with extra_required("analysing on Ray", extra="ray"):
        import ray  # noqa: PLC0415 - an extra
    started = not ray.is_initialized()
    if started:
        _connect(ray, address)
    try:
        yield ray
    except ray.exceptions.RayTaskError:
        raise  # it is also of the class that the task raised
    except ray.exceptions.RayError as error:
        raise LlmopsError(f"the Ray cluster failed: {error}") from error
    finally:
        if started:
            ray.shutdown()


def _connect(ray: Any, address: str) -> None:
    quiet = {"log_to_driver": False, "logging_level": "error"}
    # Ray tells its makers how it is used, unless it is told not to
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        if address:
            _reach(address)
            ray.init(address=address, **quiet)
        else:
            ray.init(address="local", include_dashboard=False, **quiet)
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigError(
            f"the Ray cluster at {address or 'this machine'} is not there: {error}"
        ) from error


def _reach(address: str) -> None:
    """Fail at once where nobody listens: Ray itself tries for many minutes."""
    place = urlsplit(address if "://" in address else f"ray://{address}")
    if place.hostname and place.port:
        socket.create_connection((place.hostname, place.port), _REACH_S).close()
