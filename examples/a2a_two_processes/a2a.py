"""As much of A2A as two agents need: a card, a message that is sent, a task that comes back.

A2A protocol 0.3.0, JSON-RPC over HTTP (version 1.0 calls the method `SendMessage`). The client
makes a `contextId` for the conversation and sends it with each message; a message makes a task.
"""

import json
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any

from opentelemetry import context, trace
from opentelemetry.propagate import extract

CARD_PATH = "/.well-known/agent-card.json"
METHOD_NOT_FOUND = -32601

Document = dict[str, Any]


def card(name: str, description: str, url: str) -> Document:
    return {
        "protocolVersion": "0.3.0",
        "name": name,
        "description": description,
        "url": url,
        "preferredTransport": "JSONRPC",
        "version": "1.0.0",
        "capabilities": {"streaming": False},
        "defaultInputModes": ["text/plain"],
        "defaultOutputModes": ["text/plain"],
        "skills": [{"id": name, "name": name, "description": description, "tags": []}],
    }


def fetch_card(base_url: str) -> Document:
    with urllib.request.urlopen(base_url + CARD_PATH) as response:  # noqa: S310 - http, ours
        return json.load(response)


def send_message(url: str, text: str, context_id: str, headers: Mapping[str, str]) -> Document:
    """The task that the agent behind `url` made of a message."""
    message = {
        "kind": "message",
        "role": "user",
        "messageId": str(uuid.uuid4()),
        "contextId": context_id,
        "parts": [{"kind": "text", "text": text}],
    }
    call = {"jsonrpc": "2.0", "id": 1, "method": "message/send", "params": {"message": message}}
    request = urllib.request.Request(  # noqa: S310 - http, ours
        url,
        data=json.dumps(call).encode(),
        headers={"Content-Type": "application/json", **headers},
    )
    with urllib.request.urlopen(request) as response:  # noqa: S310
        return json.load(response)["result"]


def text_of(task: Document) -> str:
    return task["artifacts"][0]["parts"][0]["text"]


def completed(text: str, context_id: str) -> Document:
    return {
        "kind": "task",
        "id": str(uuid.uuid4()),
        "contextId": context_id,
        "status": {"state": "completed"},
        "artifacts": [{"artifactId": str(uuid.uuid4()), "parts": [{"kind": "text", "text": text}]}],
    }


class AgentHandler(BaseHTTPRequestHandler):
    """Serves one agent: `answer(text, context_id)` makes a task of a message."""

    agent_card: Document
    answer: Callable[[str, str], Document]

    def do_GET(self) -> None:
        if self.path == CARD_PATH:
            self._reply(type(self).agent_card)
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        # what an instrumentation of the web framework does, if there is one
        token = context.attach(extract(self.headers))
        try:
            with trace.get_tracer(__name__).start_as_current_span(
                "POST /", kind=trace.SpanKind.SERVER
            ):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self._reply(self._called(json.loads(body)))
        finally:
            context.detach(token)

    def _called(self, call: Document) -> Document:
        reply = {"jsonrpc": "2.0", "id": call["id"]}
        if call["method"] != "message/send":
            return reply | {"error": {"code": METHOD_NOT_FOUND, "message": "Method not found"}}
        message = call["params"]["message"]
        return reply | {
            "result": type(self).answer(message["parts"][0]["text"], message["contextId"])
        }

    def _reply(self, document: Document) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
