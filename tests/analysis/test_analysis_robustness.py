"""Big, torn, skewed and absurd input: what must still hold."""

import json

from otel_llmops.analysis.derive import analyse
from tests.support.tree import Node, conversation, table, trace_id


def test_the_traces_of_a_session_are_listed_by_start_whatever_else_is_analysed() -> None:
    others = [Node("agent", "a", n, n + 5, n, trace=1000 + n) for n in range(1, 3000)]
    talk = [
        Node("agent", "a", 7 * n, 7 * n + 5, 1, trace=1 + n * 37 % 99, said=conversation("c"))
        for n in range(99)
    ]
    found = analyse(table([*others, *talk]))["sessions"]
    [listed] = [row["trace_ids"] for row in found.to_pylist() if row["session_id"] == "c"]
    assert json.loads(listed) == [trace_id(1 + n * 37 % 99) for n in range(99)]
