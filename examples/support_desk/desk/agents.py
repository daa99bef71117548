"""Who works on a ticket: one sorts it, one reads, one writes."""

from typing import Any

from desk import prompts
from desk.model import chat, text_of
from desk.tickets import Ticket
from otel_llmops import agent, monitor_llm

PAGES = 5


@monitor_llm(operation_name="classify ticket")
def classify(ticket: Ticket) -> dict[str, Any]:
    """The desk it is for: a long prompt for one word."""
    return chat(prompts.RULES + ticket.told(), "technical")


@monitor_llm(operation_name="read page")
def read(history: str, page: int) -> dict[str, Any]:
    """What one page says, to somebody who knows the pages before."""
    return chat(history, f"Page {page} says that two keys may be valid at once. " * 9)


@monitor_llm(operation_name="draft answer")
def draft(notes: str) -> dict[str, Any]:
    """A friendly answer from notes."""
    return chat(prompts.WRITING + notes, "Hello! It is done in three steps. " * 8)


@agent("researcher", role="reads the documentation", type="specialist")
def research(ticket: Ticket) -> str:
    """Read page after page, and carry along all that was read."""
    history = prompts.RESEARCH + ticket.told()
    for page in range(PAGES):
        history += text_of(read(history, page))
    return history


@agent("writer", role="writes to the customer", type="specialist")
def write(notes: str) -> str:
    """Put it kindly."""
    return text_of(draft(notes[-400:]))


@agent("triage", role="first to read a ticket", type="orchestrator")
def handle(ticket: Ticket) -> str:
    """One ticket from the first look to the answer."""
    classify(ticket)
    return write(research(ticket))
