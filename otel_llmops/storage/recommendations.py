"""What to do about a bottleneck, in plain words that name the evidence.

Strategy: a sentence of what was seen, with its numbers, then a sentence of what to try. It is made
when it is asked for, from the numbers that are asked for, so that it is true of one session and of
many; docs/bottlenecks.md lists both sentences for each cause.
"""

from collections.abc import Callable, Mapping

from otel_llmops.storage.answers import Bottleneck

__all__ = ["recommendation"]


def recommendation(found: Bottleneck) -> str:
    """What was seen and what to try; two or three sentences."""
    seen, advice = _TEXTS[found.cause]
    parts = [f"{seen(found)}.", f"{advice}."]
    if found.cause not in _SAVES_OTHERWISE and found.saving_ms_high >= 1:
        parts.append(f"Twice as fast here saves {_bounds(found)} a session.")
    return " ".join(parts)


def _who(found: Bottleneck) -> str:
    return found.agent or "Work outside any agent"


def _what(found: Bottleneck) -> str:
    return found.operation or "what it does by itself"


def _ms(duration: float) -> str:
    """A duration as people say it."""
    if duration >= 60_000:
        return f"{duration / 60_000:.1f} min"
    return f"{duration / 1000:.1f} s" if duration >= 1000 else f"{duration:.0f} ms"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"


def _bounds(found: Bottleneck) -> str:
    low, high = _ms(found.saving_ms_low), _ms(found.saving_ms_high)
    return low if low == high else f"between {low} and {high}"


def _takes(found: Bottleneck) -> str:
    """How long a call takes, against the usual."""
    calls = max(found.path_calls, 1)
    mean = (found.self_time_ms + found.wait_ms) * found.occurrences / calls
    usual = f", where {_ms(found.usual_ms)} is usual" if found.usual_ms else ""
    return f"{_ms(mean)} a call{usual}"


def _path(found: Bottleneck) -> str:
    return f"{_percent(found.critical_path_share)} of the critical path"


def _failed(found: Bottleneck) -> str:
    return f"{found.errors:,} of {found.calls:,} calls of {_what(found)} by {_who(found)} failed"


def _rate_limited(found: Bottleneck) -> str:
    waits = f"; waiting for the next try took {_ms(found.wait_ms)}" if found.wait_ms else ""
    return f"{_failed(found)}, mostly because there were too many of them{waits}"


def _retried(found: Bottleneck) -> str:
    return (
        f"{_failed(found)} and {found.retries:,} were made again; all of them take {_path(found)}"
    )


def _waits(found: Bottleneck) -> str:
    if not found.agent:
        return f"For {_ms(found.wait_ms)} of a session no agent runs: {_path(found)}"
    return (
        f"{_who(found)} waits {_ms(found.wait_ms)} of a session in which nothing that it calls "
        f"runs: {_path(found)}"
    )


def _in_turn(found: Bottleneck) -> str:
    return (
        f"{_who(found)} makes calls of {_what(found)} one after the other though none shows that "
        f"it needs another's answer; side by side they would take {_ms(found.serial_ms)} less"
    )


def _prompted(found: Bottleneck) -> str:
    usual = found.usual_input_tokens
    times = f", {found.input_tokens_per_call / usual:.0f} times the usual" if usual else ""
    return (
        f"{_who(found)} gives {_what(found)} {found.input_tokens_per_call:,.0f} tokens a call"
        f"{times}, for {found.output_tokens_per_call:,.0f} back; {_path(found)}"
    )


def _slow(found: Bottleneck) -> str:
    return f"{_what(found)} of {_who(found)} takes {_takes(found)}; {_path(found)}"


def _slow_agent(found: Bottleneck) -> str:
    return f"{_who(found)} takes {_takes(found)}, and nothing that it calls is traced"


def _dominant(found: Bottleneck) -> str:
    return f"{_what(found)} of {_who(found)} takes {_path(found)}, though no call is unusual"


_TEXTS: Mapping[str, tuple[Callable[[Bottleneck], str], str]] = {
    "rate_limit": (
        _rate_limited,
        "Send fewer at once, raise the limit, or spread the calls over more keys or models",
    ),
    "retries": (
        _retried,
        (
            "Look at the error in the example trace before trying again: what fails the same "
            "way each time should fail once, with a limit on tries and a longer pause between them"
        ),
    ),
    "failures": (
        _failed,
        (
            "Look at the error in the example trace: what fails costs its time and that of whoever "
            "waits for it"
        ),
    ),
    "waiting": (
        _waits,
        (
            "Look for a queue, a lock, a pause between tries or a person in between; or trace what "
            "runs there"
        ),
    ),
    "serial_calls": (
        _in_turn,
        "Start them together and wait for all",
    ),
    "large_prompt": (
        _prompted,
        (
            "Pass on only what the call needs: sum up the history, cut tool results, or let the "
            "provider cache the part that repeats"
        ),
    ),
    "slow_tool": (
        _slow,
        "Make the tool faster: cache its results, ask for less, or give it a time limit",
    ),
    "slow_model": (
        _slow,
        "Try a faster model for this step, or ask for a shorter answer",
    ),
    "slow_agent": (
        _slow_agent,
        "Trace its model and tool calls to see where its time goes",
    ),
    "dominant": (
        _dominant,
        "Anything that makes this step faster makes the whole faster",
    ),
}
"""Cause -> what was seen, and what to try."""

_SAVES_OTHERWISE = {"serial_calls"}
