"""What agents are told."""

from desk import tickets

RULES = "You sort tickets of a software company by desk. Answer with its name alone. " * 160
RESEARCH = "You read the documentation, one page after the other, and say what matters. " * 20
WRITING = "You write to customers of a software company, kindly and to the point. " * 6


def about(ticket: "tickets.Ticket") -> str:
    """The ticket as a prompt tells it."""
    return f"Ticket {ticket.number}: {ticket.text}"
