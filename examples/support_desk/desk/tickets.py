"""Tickets; and, by an import that goes round in a circle, how they are told."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Ticket:
    """What a customer wrote."""

    number: int
    text: str

    def told(self) -> str:
        """As a prompt tells it."""
        from desk import prompts  # noqa: PLC0415 - the circle: prompts imports this module

        return prompts.about(self)


def inbox(count: int) -> list[Ticket]:
    """As many tickets."""
    kinds = ("I cannot rotate my keys", "I was charged twice", "My export fails since Monday")
    return [Ticket(number, kinds[number % len(kinds)]) for number in range(count)]
