"""Model calls of functions under a commit, as an application that names both would send them."""

from tests.support.otlp import span


def calls_under(commit: str, first: int, function: str, tokens: list[int]) -> list[object]:
    """Spans of as many traces as `tokens`, numbered from `first`."""
    return [
        span(
            "chat",
            trace_id=(first + number).to_bytes(16, "big"),
            start_time_unix_nano=10**18 + number,
            end_time_unix_nano=10**18 + number + 10**6,
            attributes={
                "gen_ai.operation.name": "chat",
                "gen_ai.request.model": "gpt-4o",
                "gen_ai.usage.input_tokens": count,
                "code.function.name": function,
                "code.file.path": "/app/desk.py",
                "code.line.number": 2,
                "vcs.ref.head.revision": commit,
            },
        )
        for number, count in enumerate(tokens)
    ]
