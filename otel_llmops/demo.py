"""A support desk of four agents: what `otel-llmops demo` runs, and a model of your own program.

It is a program like any other that uses OpenTelemetry: it sends its spans by OTLP/gRPC to
OTEL_EXPORTER_OTLP_ENDPOINT. Only the language model is a script, so that it needs no network and
no key; it answers in the shape of an OpenAI response, whose usage is picked up by itself.

    OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4317 python -m otel_llmops.demo
"""

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from otel_llmops import AgentSpanProcessor, agent, handoff, monitor_llm

__all__ = ["TICKETS", "main"]

TICKETS: Mapping[str, str] = {
    "ticket-101": "How do I rotate the signing keys of my workspace without downtime?",
    "ticket-102": "I was charged twice for November, please give me my money back.",
    "ticket-103": "My export fails since the upgrade, and the invoice shows the old plan.",
}
"""Ticket, and id of its conversation -> what the customer wrote."""

_MODEL = "gpt-4o-mini"
_WORDS_A_SECOND = 900
"""The script thinks a little, so that the timeline looks like one."""

tracer = trace.get_tracer("support_desk")

_ANSWERS: Mapping[str, str] = {
    "classify": "technical",
    "look up": "Found three pages: key rotation, grace periods, and the audit log. Two keys may be "
    "valid at once for 24 hours; sign with the new one from the moment that it is published.",
    "check": "Two charges on the 3rd, one of them a retry after a time-out. A refund is due.",
    "draft": "Hello! You can do this without downtime: publish the new key, wait until all of your "
    "servers have it, then let the old one expire. Here are the steps, one by one.",
}


async def scripted_model(task: str, prompt: str) -> dict[str, Any]:
    """Answer like a chat completion. Swap it for your client: nothing else changes."""
    answer = _ANSWERS[task]
    if task == "classify":
        money = any(word in prompt for word in ("charged", "invoice", "money"))
        broken = any(word in prompt for word in ("fails", "error", "keys"))
        answer = " and ".join(["billing"] * money + ["technical"] * broken)
    words = len(prompt.split()), len(answer.split())
    await asyncio.sleep(sum(words) / _WORDS_A_SECOND)
    return {
        "model": _MODEL,
        "choices": [{"message": {"content": answer}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 4 * words[0] // 3, "completion_tokens": 4 * words[1] // 3},
    }


@monitor_llm(operation_name="classify ticket")
async def classify(ticket: str) -> dict[str, Any]:
    """Which desk is it for."""
    rules = "You route tickets of a software company to a desk. Answer with its name alone. " * 3
    return await scripted_model("classify", rules + ticket)


@monitor_llm(operation_name="look up documentation")
async def look_up(question: str) -> dict[str, Any]:
    """What the documentation says."""
    pages = "Key rotation. Grace periods. Audit log. Export formats. Upgrade notes. " * 40
    return await scripted_model("look up", pages + question)


@monitor_llm(operation_name="check invoice")
async def check_invoice(ticket: str) -> dict[str, Any]:
    """What the customer's account says."""
    return await scripted_model(
        "check", "2026-11-03 charge 49.00, 2026-11-03 charge. " * 8 + ticket
    )


@monitor_llm(operation_name="draft answer")
async def draft(notes: str) -> dict[str, Any]:
    """A friendly answer from notes."""
    return await scripted_model("draft", "Write as our support desk does. " * 10 + notes)


@agent("researcher", role="reads the documentation", type="specialist")
async def research(question: str) -> str:
    """Search twice, because the first page found is seldom the best."""
    found = [text_of(await look_up(question)) for _ in range(2)]
    return " ".join(found)


@agent("billing", role="knows invoices", type="specialist")
async def settle(ticket: str) -> str:
    """Look at the account."""
    return text_of(await check_invoice(ticket))


@agent("writer", role="writes to the customer", type="specialist")
async def write(notes: str) -> str:
    """Put it kindly."""
    return text_of(await draft(notes))


@agent(
    "triage",
    role="first to read a ticket",
    type="orchestrator",
    can_handoff_to=["researcher", "billing"],
)
async def triage(ticket: str) -> tuple[str, str]:
    """Read the ticket, and let the right colleagues work. Gives (desk, what they found)."""
    desk = text_of(await classify(ticket))
    if desk == "billing":
        handoff(to="billing", reason="it is about money")
        return desk, ticket
    if desk == "billing and technical":
        return desk, " ".join(await asyncio.gather(research(ticket), settle(ticket)))
    return desk, await research(ticket)


async def answer(ticket_id: str, ticket: str) -> str:
    """One conversation, as a web framework would run it: one span around it all."""
    conversation = {"gen_ai.conversation.id": ticket_id}
    with tracer.start_as_current_span("POST /tickets", attributes=conversation):
        desk, notes = await triage(ticket)
        if desk == "billing":
            return await settle(notes)
        return await write(notes)


def text_of(response: Mapping[str, Any]) -> str:
    """What a chat completion says."""
    return str(response["choices"][0]["message"]["content"])


async def _answer_all() -> None:
    answers = await asyncio.gather(*(answer(*ticket) for ticket in TICKETS.items()))
    for ticket_id, text in zip(TICKETS, answers, strict=True):
        sys.stdout.write(f"{ticket_id}: {text}\n")


def main() -> None:
    """Answer three tickets, and send the spans."""
    provider = TracerProvider(resource=Resource.create({"service.name": "support-desk"}))
    provider.add_span_processor(AgentSpanProcessor())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    asyncio.run(_answer_all())
    provider.shutdown()


if __name__ == "__main__":
    main()
