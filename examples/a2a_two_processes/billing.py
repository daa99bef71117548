"""The remote agent, a process of its own: it prints its URL and serves until its stdin ends."""

import sys
from http.server import ThreadingHTTPServer
from threading import Thread

import a2a

import otel_llmops


@otel_llmops.monitor_llm(operation_name="read_invoice")
def read_invoice(text: str) -> dict:
    # the model is a script: what a provider's client returns, with its usage
    answer = "Order 7 was charged twice; 12.00 go back." if "twice" in text else "By Friday."
    usage = {"prompt_tokens": 80, "completion_tokens": 12}
    return {"model": "scripted", "text": answer, "usage": usage}


def answer(text: str, context_id: str) -> a2a.Document:
    with otel_llmops.agent("billing", role="knows invoices", conversation_id=context_id):
        return a2a.completed(read_invoice(text)["text"], context_id)


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), a2a.AgentHandler)
    url = f"http://127.0.0.1:{server.server_port}"
    a2a.AgentHandler.agent_card = a2a.card("billing", "knows invoices", f"{url}/")
    a2a.AgentHandler.answer = staticmethod(answer)
    Thread(target=server.serve_forever, daemon=True).start()
    print(url, flush=True)
    sys.stdin.read()
    server.shutdown()


main()
