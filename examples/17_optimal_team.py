"""Example 17: which team of agents solves which task best, and where the evidence suffices.

    python examples/17_optimal_team.py

A support desk puts teams together by chance and answers 600 tickets of two kinds, with a script
for a model and a seed for the dice. A team that has both the agent who knows invoices and the one
who checks what is written succeeds at refunds far more often than others; for bugs no team is
better. The root span says what the task was (`llmops.task.type`), and what the customer said of the
answer (`llmops.task.success`); without the latter a session succeeds where nothing that came last
failed. It prints:

    refund:
      checker + invoices and others: 45 of 50 solved, surely 79%, others 60%  <- recommended
      invoices + translator: 16 of 19 solved, surely 62%, others 64%
      archive + checker + invoices: 10 of 11 solved, surely 62%, others 64%
      checker + invoices + writer: 9 of 10 solved, surely 60%, others 64%
    bug:
      checker + invoices + writer: 7 of 9 solved, surely 45%, others 48%
      checker + writer: 11 of 17 solved, surely 41%, others 48%
      checker + translator + writer: 7 of 11 solved, surely 35%, others 48%
      archive + checker: 13 of 24 solved, surely 35%, others 48%

With `otel-llmops serve` running, the same comes from `GET /api/coalitions?task_type=refund` and
from GraphQL's `coalitions`; docs/coalitions.md says what is counted and when a team is recommended.
"""

import asyncio
import random

from opentelemetry import trace
from own_collector import collected, instrumented

from otel_llmops import agent, monitor_llm
from otel_llmops.storage.queries import Queries

TICKETS = 600
COLLEAGUES = ("invoices", "checker", "archive", "writer", "translator")
tracer = trace.get_tracer("support_desk")


@monitor_llm(operation_name="chat")
def model(text: str) -> dict[str, object]:
    """Answers as a chat completion does. Swap it for your client: nothing else changes."""
    words = len(text.split())
    usage = {"prompt_tokens": 10 * words, "completion_tokens": 15}
    return {"model": "gpt-4o-mini", "choices": [{"message": {"content": text}}], "usage": usage}


def colleague(name: str, ticket: str) -> str:
    """Let an agent of that name have a look."""

    @agent(name, type="specialist")
    def look(text: str) -> str:
        return str(model(f"{name} looks at {text}"))

    return look(ticket)


def answer(number: int, dice: random.Random) -> None:
    """One ticket, one session."""
    task = dice.choice(("refund", "bug"))
    team = dice.sample(COLLEAGUES, dice.choice((2, 2, 3)))
    good_team = task == "refund" and {"invoices", "checker"} <= set(team)
    solved = dice.random() < (0.92 if good_team else 0.55)
    said = {
        "gen_ai.conversation.id": f"ticket-{number}",
        "llmops.task.type": task,
        "llmops.task.success": solved,
    }
    with tracer.start_as_current_span("POST /tickets", attributes=said):
        for name in team:
            colleague(name, f"a {task} of customer {number}")


async def tell(queries: Queries) -> None:
    """The teams of each task, those first that are recommended, then the surest."""
    for task in ("refund", "bug"):
        print(f"{task}:")
        for each in (await queries.coalitions(task_type=task))[:4]:
            mark = "  <- recommended" if each.recommended else ""
            also = "" if each.exact else " and others"
            print(
                f"  {' + '.join(each.agents)}{also}: {each.successes} of {each.sessions} solved, "
                f"surely {each.success_rate_low:.0%}, others {each.base_rate:.0%}{mark}"
            )


def main() -> None:
    spans = instrumented("support-desk")
    dice = random.Random(17)  # noqa: S311 - seeded on purpose
    for number in range(TICKETS):
        answer(number, dice)
    with collected(spans) as queries:
        asyncio.run(tell(queries))


if __name__ == "__main__":
    main()
