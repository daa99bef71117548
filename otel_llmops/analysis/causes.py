"""What is wrong with a group, in one word."""

from enum import StrEnum

import numpy as np

from otel_llmops.analysis.blame import CALLS, Groups
from otel_llmops.analysis.findings import Findings
from otel_llmops.analysis.forest import Ints
from otel_llmops.analysis.judgement import MODELS, TOOLS, Counts, Weighed, sort_of
from otel_llmops.analysis.usual import lower_medians

__all__ = ["Cause", "causes_of", "usual_inputs"]


class Cause(StrEnum):
    """What is wrong with a group; the first that fits is told."""

    RATE_LIMIT = "rate_limit"
    RETRIES = "retries"
    FAILURES = "failures"
    WAITING = "waiting"
    SERIAL_CALLS = "serial_calls"
    LARGE_PROMPT = "large_prompt"
    SLOW_TOOL = "slow_tool"
    SLOW_MODEL = "slow_model"
    SLOW_AGENT = "slow_agent"
    DOMINANT = "dominant"


_RETRIES_MIN = 2
"""So many failed calls that were made again are a storm."""

_PROMPT_TIMES, _PROMPT_TOKENS, _PROMPT_PER_OUTPUT = 4, 2000, 10
"""A large prompt is so many times the session's median, has so many {token}, and so many for each
of its answer."""


def usual_inputs(found: Findings, counts: Counts, groups: Groups, rows: Ints) -> Ints:
    """For each of these groups the median of what model calls of its session are given, {token}.

    0 where no prompt of the group is large enough for it to matter.
    """
    ledger, of_span = found.ledger, found.sessions.session
    large = counts.input_tokens[rows] >= _PROMPT_TOKENS * np.maximum(groups.calls[rows], 1)
    asked = np.zeros(len(found.sessions.ids), dtype=bool)
    asked[counts.session[rows[large]]] = True
    calls = np.flatnonzero(ledger.is_call & (ledger.input > 0) & asked[of_span])
    medians = lower_medians(of_span[calls], ledger.input[calls].astype(np.float64))
    sessions = counts.session[rows].tolist()
    return np.array([int(medians.get(session, 0)) for session in sessions], dtype=np.int64)


def causes_of(
    groups: Groups, counts: Counts, weighed: Weighed, rows: Ints, usual_input: Ints
) -> list[Cause]:
    """The cause of each of these groups, by the thresholds of docs/bottlenecks.md."""
    sort, errors = sort_of(groups.label[rows]), counts.errors[rows]
    calls = np.maximum(groups.calls[rows], 1)
    slow, waited, serial = weighed.slow[rows], weighed.waited[rows], weighed.serial[rows]
    fails = (errors > 0) & (np.maximum(weighed.failing, weighed.failed)[rows] > slow + waited)
    fails |= (errors > 0) & (weighed.failed[rows] > 0) & (2 * errors >= calls)
    prompt, answer = counts.input_tokens[rows] / calls, counts.output_tokens[rows] / calls
    is_model, is_tool = np.isin(sort, MODELS), np.isin(sort, TOOLS) | (sort > len(CALLS))
    large = (
        (prompt >= _PROMPT_TOKENS)
        & (prompt >= _PROMPT_TIMES * usual_input)
        & (prompt >= _PROMPT_PER_OUTPUT * answer)
    )
    tests = {
        Cause.RATE_LIMIT: fails & (2 * counts.limited[rows] >= errors) & (counts.limited[rows] > 0),
        Cause.RETRIES: fails & (counts.again[rows] >= _RETRIES_MIN),
        Cause.FAILURES: fails,
        Cause.WAITING: (waited > 0) & (waited >= slow),
        Cause.SERIAL_CALLS: (serial > 0) & (serial >= slow),
        Cause.LARGE_PROMPT: is_model & large,
        Cause.SLOW_TOOL: (slow > 0) & is_tool,
        Cause.SLOW_MODEL: (slow > 0) & is_model,
        Cause.SLOW_AGENT: (slow > 0) & (sort == 0),
    }
    causes = [*tests, Cause.DOMINANT]
    number = np.select(list(tests.values()), range(len(tests)), len(tests))
    return [causes[place] for place in number.tolist()]
