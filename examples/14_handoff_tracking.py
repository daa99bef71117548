"""Example 14: a workflow of several agents, and each handoff in it with how good it was.

    python examples/14_handoff_tracking.py

A travel desk answers three requests, with a script for a model. Its agents are functions under
`@agent` and `@monitor_llm`; `handoff(to=...)` says that control moves on, a call of another agent's
function that it comes back. One of the three goes wrong: the desk asks an agent that it does not
declare, and that one fails. It prints:

    trip-1: 2 handoffs
      desk -> flights  delegation  quality 1.00  seen by parent_child
      desk -> writer  transfer  quality 1.00  seen by attribute, sibling_order
    trip-2: 3 handoffs
      desk -> flights  fan_out  quality 1.00  seen by parent_child
      desk -> hotels  fan_out  quality 1.00  seen by parent_child
      desk -> writer  transfer  quality 1.00  seen by attribute, sibling_order
    trip-3: 1 handoff
      desk -> visas  delegation  quality 0.09  seen by parent_child
        not completed, not among those that desk declares

    desk: 6 handoffs out, 0 in
    flights: 0 handoffs out, 2 in
    hotels: 0 handoffs out, 1 in
    visas: 0 handoffs out, 1 in
    writer: 0 handoffs out, 2 in

With `otel-llmops serve` running, the same comes from `GET /api/handoffs` and GraphQL's `handoffs`.
"""

import asyncio
from contextlib import suppress

from opentelemetry import trace
from own_collector import collected, instrumented

from otel_llmops import agent, handoff, monitor_llm
from otel_llmops.storage.answers import Handoff
from otel_llmops.storage.queries import Queries

REQUESTS = {
    "trip-1": "A flight from Rome to Oslo on Friday, please.",
    "trip-2": "A flight to Oslo, and a hotel for three nights.",
    "trip-3": "Do I need a visa for Norway?",
}
tracer = trace.get_tracer("travel_desk")


@monitor_llm(operation_name="chat")
async def model(task: str, text: str) -> dict[str, object]:
    """Answers as a chat completion does. Swap it for your client: nothing else changes."""
    words = len(text.split())
    await asyncio.sleep(0.01)
    return {
        "model": "gpt-4o-mini",
        "choices": [{"message": {"content": f"{task}: {text}"}}],
        "usage": {"prompt_tokens": 4 * words, "completion_tokens": 12},
    }


@agent("flights", role="knows timetables", type="specialist")
async def flights(request: str) -> str:
    """Look for a flight."""
    await model("find a flight", request)
    return "SK 4711, Friday 10:20"


@agent("hotels", role="knows rooms", type="specialist")
async def hotels(request: str) -> str:
    """Look for a room."""
    await model("find a room", request)
    return "Hotel Bristol, three nights"


@agent("visas", role="knows rules of entry", type="specialist")
async def visas(request: str) -> str:
    """Look at the rules; today they cannot be reached."""
    await model("which rules apply", request)
    raise LookupError("the embassy's page is down")


@agent("writer", role="answers the customer", type="specialist")
async def write(found: str) -> str:
    """Put it kindly."""
    await model("write kindly", found)
    return f"Dear customer, we found: {found}."


@agent(
    "desk",
    role="reads requests",
    type="orchestrator",
    can_handoff_to=["flights", "hotels", "writer"],
)
async def desk(request: str) -> str:
    """Read the request, have colleagues look, and hand over to the writer."""
    await model("who is to look", request)
    if "visa" in request:
        found = await visas(request)
    elif "hotel" in request:
        found = "; ".join(await asyncio.gather(flights(request), hotels(request)))
    else:
        found = await flights(request)
    handoff(to="writer", reason="all is found")
    return found


async def answer(trip: str, request: str) -> None:
    """One conversation: whatever carries `gen_ai.conversation.id` is one session."""
    with tracer.start_as_current_span("POST /trips", attributes={"gen_ai.conversation.id": trip}):
        await write(await desk(request))


async def tell(queries: Queries) -> None:
    """The handoffs of each session, and of each agent."""
    for session in sorted(await queries.sessions(), key=lambda each: each.session_id):
        plural = "" if session.handoffs == 1 else "s"
        print(f"{session.session_id}: {session.handoffs} handoff{plural}")
        for each in await queries.handoffs(session_id=session.session_id):
            print(
                f"  {each.from_agent} -> {each.to_agent}  {each.kind}  "
                f"quality {each.quality:.2f}  seen by {', '.join(each.evidence)}"
            )
            if reasons := ", ".join(why_not_better(each)):
                print(f"    {reasons}")
    print()
    for agent_ in sorted(await queries.agents(), key=lambda each: each.name):
        print(f"{agent_.name}: {agent_.handoffs_out} handoffs out, {agent_.handoffs_in} in")


def why_not_better(found: Handoff) -> list[str]:
    """Quality is made of parts, each from 0 to 1, None where nothing is known."""
    parts = found.quality_parts
    reasons = {
        "not completed": parts.completed,
        "handed straight back": parts.no_bounce,
        f"not among those that {found.from_agent} declares": parts.allowed,
    }
    return [reason for reason, value in reasons.items() if value == 0]


async def work() -> None:
    """Answer all requests; one of them cannot be answered."""
    for trip, request in REQUESTS.items():
        with suppress(LookupError):
            await answer(trip, request)


def main() -> None:
    spans = instrumented("travel-desk")
    asyncio.run(work())
    with collected(spans) as queries:
        asyncio.run(tell(queries))


if __name__ == "__main__":
    main()
