"""Draw spans: an indented outline becomes a SPANS table.

One line a span, `<kind> <name> <start>-<end> [option ...]`, times in ms, children indented:

    agent planner 0-100 conversation=c1
      llm gpt 10-40 in=20 out=5
      tool transfer_to_writer 41-42

Kinds: agent, llm, tool, workflow, embeddings, usage, spending, and span for one that means nothing.
Options are `in=`, `out=`, `cached=` {token}, `trace=`, `id=`, `parent=`, `link=` (numbers; `link`
names a trace), `conversation=`, `service=`, `scope=`, `error` or `error=Type`; any key with a dot
is an attribute as it stands, and wins over what the kind says. Values with blanks go in quotes. A
span is in its parent's trace unless it says otherwise, or in trace 1; its id is its line's number.
"""

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from textwrap import dedent

import pyarrow as pa

from otel_llmops.model.schemas import SPANS

BASE_NS = 1_795_000_000_000_000_000
MS = 1_000_000

OPERATIONS = {
    "agent": "invoke_agent",
    "llm": "chat",
    "tool": "execute_tool",
    "workflow": "invoke_workflow",
    "embeddings": "embeddings",
}
_NAMED_BY = {
    "agent": "gen_ai.agent.name",
    "llm": "gen_ai.request.model",
    "tool": "gen_ai.tool.name",
    "workflow": "gen_ai.workflow.name",
}
_SHORT = {
    "in": "gen_ai.usage.input_tokens",
    "out": "gen_ai.usage.output_tokens",
    "cached": "gen_ai.usage.cache_read.input_tokens",
    "conversation": "gen_ai.conversation.id",
}


@dataclass(frozen=True, slots=True)
class Node:
    """One span; times in ms, ids as numbers, parent 0 for none."""

    kind: str
    name: str
    start: int
    end: int
    id: int
    parent: int = 0
    trace: int = 1
    said: Mapping[str, str] = field(default_factory=dict)
    events: tuple[tuple[str, Mapping[str, str]], ...] = ()
    links: tuple[int, ...] = ()
    failed: bool = False
    message: str = ""
    service: str = "shop"
    scope: str = "test"

    @property
    def attributes(self) -> dict[str, str]:
        """What the kind says in OTel GenAI words, and what was said beside it."""
        made = {}
        if self.kind in OPERATIONS:
            made["gen_ai.operation.name"] = OPERATIONS[self.kind]
        if self.kind in {"usage", "spending"}:
            made["ag2.span.type"] = "usage"
            made["ag2.usage.kind"] = {"usage": "model_call", "spending": "subtask"}[self.kind]
        if self.kind in _NAMED_BY:
            made[_NAMED_BY[self.kind]] = self.name
        return {**made, **self.said}

    @property
    def title(self) -> str:
        """The span's name as OTel GenAI makes it."""
        prefix = OPERATIONS.get(self.kind)
        return f"{prefix} {self.name}" if prefix else self.name

    def tokens(self, which: str) -> int:
        """What the span reports as `in` or `out`, 0 where it reports nothing."""
        return int(self.said.get(_SHORT[which], "0"))

    @property
    def reports(self) -> bool:
        """Whether the span reports usage."""
        return _SHORT["in"] in self.said or _SHORT["out"] in self.said

    @property
    def conversation(self) -> str:
        """The conversation id it carries, '' for none."""
        return self.said.get(_SHORT["conversation"], "")

    @property
    def wire(self) -> bytes:
        """Bytes that differ for spans that differ."""
        return repr(self).encode()


def spans(outline: str) -> pa.Table:
    """The SPANS table of an outline, a row a line."""
    return table(tree(outline))


def tree(outline: str) -> list[Node]:
    """The spans of an outline, a node a line."""
    nodes: list[Node] = []
    above: list[tuple[int, Node]] = []
    for number, line in enumerate(dedent(outline).strip("\n").splitlines(), start=1):
        indent = len(line) - len(line.lstrip())
        above = [(depth, node) for depth, node in above if depth < indent]
        node = _node(line, number, above[-1][1] if above else None)
        above.append((indent, node))
        nodes.append(node)
    return nodes


def usage(tokens_in: int, tokens_out: int) -> dict[str, str]:
    """The attributes by which a span reports tokens."""
    return {_SHORT["in"]: str(tokens_in), _SHORT["out"]: str(tokens_out)}


def conversation(name: str) -> dict[str, str]:
    """The attribute by which a span names its conversation."""
    return {_SHORT["conversation"]: name}


def table(nodes: Iterable[Node]) -> pa.Table:
    """SPANS, a row a node, in their order."""
    return pa.Table.from_pylist([_row(node) for node in nodes], schema=SPANS)


def trace_id(number: int) -> str:
    """The trace id of trace `number`."""
    return f"{number:032x}"


def span_id(number: int) -> str:
    """The span id of span `number`; '' for 0."""
    return f"{number:016x}" if number else ""


def _node(line: str, number: int, parent: Node | None) -> Node:
    kind, name, times, *options = shlex.split(line)
    start, end = times.split("-")
    known = dict(option.partition("=")[::2] for option in options)
    said = {_SHORT.get(key, key): value for key, value in known.items() if _is_said(key)}
    failed = "error" in known
    if known.get("error"):
        said["error.type"] = known["error"]
    return Node(
        kind=kind,
        name=name,
        start=int(start),
        end=int(end),
        id=int(known.get("id", number)),
        parent=int(known.get("parent", parent.id if parent else 0)),
        trace=int(known.get("trace", parent.trace if parent else 1)),
        said=said,
        links=(int(known["link"]),) if "link" in known else (),
        failed=failed,
        service=known.get("service", "shop"),
        scope=known.get("scope", "test"),
    )


def _is_said(key: str) -> bool:
    known = {"trace", "id", "parent", "link", "service", "scope", "error"}
    if key not in known and key not in _SHORT and "." not in key:
        raise ValueError(f"no such option: {key}")
    return key not in known


def _row(node: Node) -> dict[str, object]:
    start = BASE_NS + node.start * MS
    end = BASE_NS + node.end * MS
    return {
        "trace_id": trace_id(node.trace),
        "span_id": span_id(node.id),
        "parent_span_id": span_id(node.parent),
        "trace_state": "",
        "flags": 0,
        "name": node.title,
        "kind": 1,
        "start_time": start,
        "end_time": end,
        "duration_ns": max(0, end - start),
        "status_code": 2 if node.failed else 0,
        "status_message": node.message,
        "service": node.service,
        "scope_name": node.scope,
        "scope_version": "1",
        "attributes": list(node.attributes.items()),
        "resource_attributes": [("service.name", node.service)],
        "events": [
            {"time": end, "name": name, "attributes": list(said.items())}
            for name, said in node.events
        ],
        "links": [
            {"trace_id": trace_id(target), "span_id": span_id(1), "attributes": []}
            for target in node.links
        ],
        "span_wire": node.wire,
        "scope_wire": node.scope.encode(),
        "resource_wire": node.service.encode(),
    }
