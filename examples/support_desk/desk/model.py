"""The language model: a script, so that nothing leaves this machine. Swap it for your client."""

from otel_llmops import monitor_llm


@monitor_llm(operation_name="chat")
def chat(prompt: str, answer: str) -> dict[str, object]:
    """Answer like a chat completion; its usage is picked up by the decorator."""
    return {
        "model": "gpt-4o-mini",
        "choices": [{"message": {"content": answer}, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": len(prompt.split()),
            "completion_tokens": len(answer.split()),
        },
    }
