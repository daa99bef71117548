"""Example 15: who hands to whom over many sessions, as a graph for D3 and Cytoscape.

    python examples/15_coordination_graph.py [FOLDER]

A newsroom writes twelve articles, with a script for a model: an editor has a researcher look, and a
writer and a critic pass each draft between them until it is good. The graph over all sessions is
printed, and written to FOLDER, if one is given. It prints:

    critic: specialist, 16 times, 704 tokens
    writer: specialist, 16 times, 576 tokens
    editor: orchestrator, 12 times, 336 tokens
    printer: tool, 12 times, 528 tokens
    researcher: specialist, 12 times, 336 tokens

    writer -> critic: 16 (transfer)
    critic -> printer: 12 (transfer)
    editor -> researcher: 12 (delegation)
    editor -> writer: 12 (transfer)
    critic -> writer: 4 (transfer)

    circles: [['critic', 'writer']]
    critic and writer hand to each other: 4 and 16
    comes in at ['editor'], ends at ['printer', 'researcher']
    in between: ['critic', 'writer']

    d3: 5 nodes, 5 edges
    cytoscape: 5 nodes, 5 edges
    sankey: 6 nodes, 5 links

With `otel-llmops serve` running, the same comes from `GET /api/coordination-graph`, with
`?format=d3` as a picture, and from GraphQL's `coordinationGraph`.
"""

import asyncio
import json
import sys
from pathlib import Path

from opentelemetry import trace
from own_collector import collected, instrumented

from otel_llmops import agent, handoff, monitor_llm
from otel_llmops.storage.queries import Queries
from otel_llmops.views.coordination import FORMATS, export

ARTICLES = 12
tracer = trace.get_tracer("newsroom")


@monitor_llm(operation_name="chat")
def model(task: str, text: str) -> dict[str, object]:
    """Answers as a chat completion does. Swap it for your client: nothing else changes."""
    words = len(text.split())
    return {
        "model": "gpt-4o-mini",
        "choices": [{"message": {"content": f"{task}: {text}"}}],
        "usage": {"prompt_tokens": 4 * words, "completion_tokens": 20},
    }


@agent("researcher", type="specialist")
def research(topic: str) -> str:
    """Find out."""
    model("what is known of", topic)
    return f"notes on {topic}"


@agent("writer", type="specialist")
def write(notes: str) -> str:
    """Write, and let the critic see it."""
    model("write", notes)
    handoff(to="critic")
    return f"draft from {notes}"


@agent("critic", type="specialist")
def criticise(draft: str, *, good: bool) -> None:
    """Read; what is not good goes back, what is good is printed."""
    model("is this good", draft)
    handoff(to="printer" if good else "writer")


@agent("printer", type="tool")
def print_article(draft: str) -> None:
    """Set and print."""
    model("lay out", draft)


@agent("editor", type="orchestrator")
def edit(topic: str) -> str:
    """Have somebody look, then let the writer write."""
    model("what matters about", topic)
    notes = research(topic)
    handoff(to="writer")
    return notes


def publish(number: int) -> None:
    """One article, one session. Every third has to be written again."""
    said = {"gen_ai.conversation.id": f"article-{number}"}
    with tracer.start_as_current_span("publish", attributes=said):
        notes = edit(f"topic {number}")
        for round_ in range(1 + (number % 3 == 0)):
            draft = write(notes)
            criticise(draft, good=number % 3 != 0 or round_ == 1)
        print_article(draft)


async def tell(queries: Queries, folder: Path | None) -> None:
    """The graph over all sessions, in words and as pictures."""
    graph = await queries.coordination_graph()
    for node in graph.nodes:
        print(f"{node.agent}: {node.type}, {node.invocations} times, {node.total_tokens} tokens")
    print()
    for edge in graph.edges:
        kinds = ", ".join(edge.kinds)
        print(f"{edge.from_agent} -> {edge.to_agent}: {edge.handoffs} ({kinds})")
    print(f"\ncircles: {graph.cycles}")
    for one, other, there, back in graph.ping_pongs:
        print(f"{one} and {other} hand to each other: {there} and {back}")
    print(f"comes in at {graph.entry_agents}, ends at {graph.exit_agents}")
    print(f"in between: {[agent_ for agent_, _ in graph.brokers]}\n")
    for name in FORMATS:
        picture = export(name, graph.nodes, graph.edges)
        print(f"{name}: {shape(picture)}")
        if folder is not None:
            (folder / f"newsroom-{name}.json").write_text(json.dumps(picture, indent=2))


def shape(picture: dict[str, object]) -> str:
    """How many of what a picture holds."""
    inside = picture.get("elements", picture)
    return ", ".join(f"{len(held)} {name}" for name, held in inside.items())


def main() -> None:
    spans = instrumented("newsroom")
    for number in range(ARTICLES):
        publish(number)
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    with collected(spans) as queries:
        asyncio.run(tell(queries, folder))


if __name__ == "__main__":
    main()
