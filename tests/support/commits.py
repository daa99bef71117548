"""Model calls of functions under a commit, as an application that names both would send them."""

from collections.abc import Sequence

from otel_llmops.topology.difference import PerCall
from tests.support.otlp import span


def per_call(sessions: Sequence[Sequence[int]]) -> PerCall:
    """What is kept of calls whose tokens these are, by session."""
    tokens = [each for session in sessions for each in session]
    sums = [(len(session), sum(session)) for session in sessions]
    return PerCall(
        len(tokens),
        sum(tokens),
        float(sum(each * each for each in tokens)),
        len(sessions),
        float(sum(calls * calls for calls, _ in sums)),
        float(sum(calls * spent for calls, spent in sums)),
        float(sum(spent * spent for _, spent in sums)),
    )


def calls_under(
    commit: str, first: int, function: str, tokens: list[int], *, calls_a_session: int = 1
) -> list[object]:
    """Spans of as many traces as `tokens`, numbered from `first`; so many are one conversation."""
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
                "gen_ai.conversation.id": f"{commit} {function} {number // calls_a_session}",
            },
        )
        for number, count in enumerate(tokens)
    ]
