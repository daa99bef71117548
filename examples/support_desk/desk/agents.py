"""Who works on a ticket: one sorts it, one reads, one writes."""

from desk import prompts
from desk.model import chat
from desk.tickets import Ticket
from otel_llmops import agent

PAGES = 5


def classify(ticket: Ticket) -> str:
    """The desk it is for: a long prompt for one word."""
    return text_of(chat(prompts.RULES + ticket.told(), "technical"))


@agent("researcher", role="reads the documentation", type="specialist")
def research(ticket: Ticket) -> str:
    """Read page after page, and carry along all that was read."""
    history = prompts.RESEARCH + ticket.told()
    for page in range(PAGES):
        found = text_of(chat(history, f"Page {page} says that two keys may be valid at once. " * 9))
        history += found
    return history


@agent("writer", role="writes to the customer", type="specialist")
def write(notes: str) -> str:
    """Put it kindly."""
    return text_of(chat(prompts.WRITING + notes[-400:], "Hello! It is done in three steps. " * 8))


@agent("triage", role="first to read a ticket", type="orchestrator")
def handle(ticket: Ticket) -> str:
    """One ticket from the first look to the answer."""
    classify(ticket)
    return write(research(ticket))


def text_of(response: dict[str, object]) -> str:
    """What a chat completion says."""
    (choice,) = response["choices"]  # type: ignore[misc]  # a list of one
    return str(choice["message"]["content"])
