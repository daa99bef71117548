"""`python -m tests.support.bucket_writing URL`: batches into a lake until it is killed.

Says the number of each batch, and of each analysis, once it is there.
"""

import sys
from contextlib import closing
from itertools import count

from otel_llmops.app.lakes import shelf_at
from otel_llmops.exporters.parquet import Parquet
from otel_llmops.store_url import store_url
from tests.support.tables import BASE_NS, derived, spans

DAY_NS = 86_400 * 10**9
TRACE = "a" * 32


def write(store: Parquet, number: int) -> None:
    """A batch of two days, and an analysis of what there is by now."""
    rows = [
        {
            "trace_id": TRACE,
            "span_id": f"{number:08x}{day:08x}",
            "start_time": BASE_NS + day * DAY_NS,
        }
        for day in range(2)
    ]
    store.export_spans(spans(*rows), batch_id=f"{number}-0..{number}-9")
    operations = [{"session_id": "s", "input_tokens": n} for n in range(number + 1)]
    agents = [{"session_id": "s", "agent": f"agent {number}"}]
    store.replace_sessions(["s"], derived(agent_operations=operations, agents=agents))


if __name__ == "__main__":
    with closing(Parquet(shelf_at(store_url(sys.argv[1])))) as opened:
        for each in count():
            write(opened, each)
            print(each, flush=True)  # noqa: T201 - to whoever kills us
