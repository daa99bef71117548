"""The agent that customers write to; it hands over to the agent at the URL it is given.

Two turns of one conversation: two traces, which their A2A `contextId` makes one session.
"""

import sys
import uuid

import a2a

import otel_llmops


@otel_llmops.monitor_llm(operation_name="route")
def route(text: str) -> dict:
    return {"model": "scripted", "usage": {"prompt_tokens": 40, "completion_tokens": 3}}


def turn(text: str, context_id: str, remote: a2a.Document) -> str:
    with otel_llmops.agent("frontdesk", role="first to read", conversation_id=context_id):
        route(text)
        otel_llmops.handoff(to=remote["name"], kind="delegation", reason="an invoice")
        # urllib is not instrumented here: the headers that an instrumentation would add
        headers = otel_llmops.outgoing_headers(remote["url"])
        return a2a.text_of(a2a.send_message(remote["url"], text, context_id, headers))


def main() -> None:
    remote = a2a.fetch_card(sys.argv[1])
    context_id = str(uuid.uuid4())
    for text in ("I was charged twice for order 7.", "When do I get it?"):
        print(f"customer:  {text}")
        print(f"{remote['name']}:   {turn(text, context_id, remote)}")


main()
