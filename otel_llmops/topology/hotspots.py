"""Where tokens burn, and what the figures say could be done about it.

Strategy: components (functions, modules, calls) are ranked by tokens; a pattern is looked for in
each function, and is a *finding* only where enough was seen. A finding is a sentence for a person
and the figures that it rests on. Every threshold stands here, with its reason.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields

__all__ = ["Component", "EdgeUse", "Finding", "FunctionUse", "hotspots", "module_of"]

LLM_CALLS_MIN = 20
"""Model calls below which a share or a mean says little: at 20 a share of 0.8 is 0.6 to 0.9."""
STEPS_MIN = 10
"""Repeated calls below which growth may be chance: ten rises in ten are so once in 1,000."""
MOST_CALLS = 0.8
"""Share of an agent's model calls that makes one function the place to begin."""
RISING = 0.8
"""Share of repeated calls whose prompt grew, from which on the prompt is a growing history."""
GROWTH_TOKENS_MIN = 50
"""Tokens a step: less is a longer question, not a history."""
CALLS_A_SESSION = 20
CHEAP_TOKENS = 500
"""Model calls in one session, and tokens of each, from which on asking is what costs."""
PROMPT_TOKENS = 2_000
ANSWER_SHARE = 0.02
"""A prompt this long for an answer below this share of it reads much to say little."""
CACHEABLE_TOKENS = 1_024
"""The shortest prompt that OpenAI caches, and Anthropic for most models."""
REPEATED_TOKENS_MIN = 10_000
MISSED = 0.1
"""Tokens that were sent again, and the share read from a cache, below which the cache is missed."""


@dataclass(frozen=True, slots=True)
class FunctionUse:
    """Sums over one function and agent, as model.schemas.FUNCTION_USAGE has them."""

    name: str
    module: str
    agent: str
    sessions: int = 0
    calls: int = 0
    llm_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    loop_steps: int = 0
    loop_rises: int = 0
    loop_growth_tokens: int = 0
    repeated_tokens: int = 0

    @property
    def tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class EdgeUse:
    """Sums over one call edge; tokens are those of the callee and below."""

    caller: str
    callee: str
    calls: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Finding:
    """A pattern, what to do about it, and the figures it rests on."""

    pattern: str
    recommendation: str
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Component:
    """A function, module or call with its tokens; `share` of all tokens."""

    name: str
    kind: str
    tokens: int
    calls: int
    share: float
    findings: Sequence[Finding] = field(default=())


def hotspots(
    functions: Iterable[FunctionUse], edges: Iterable[EdgeUse], *, tokens: int
) -> list[Component]:
    """Components by tokens (most first), then kind and name; each with what was found in it.

    In:     uses by function and agent; edges; `tokens`, all there are, which shares are of.
    Out:    one component for each function, module and edge that has tokens or a finding.
    Edge:   Patterns are looked for in what is given: leave rows out, and they are not seen.
    Cost:   O(rows log rows).
    Source: the thresholds above.
    """
    uses = list(functions)
    by_function, by_module = _summed(uses, _by_name), _summed(uses, _by_module)
    found = _concentrations(uses)
    whole = max(tokens, 1)
    made = [
        Component(
            name, "function", use.tokens, use.calls, use.tokens / whole,
            [*found[name], *_patterns(use)],
        )
        for name, use in by_function.items()
    ]  # fmt: skip
    made += [
        Component(name, "module", use.tokens, use.calls, use.tokens / whole)
        for name, use in by_module.items()
        if name
    ]
    made += [
        Component(f"{edge.caller} -> {edge.callee}", "call", edge.tokens, edge.calls,
                  edge.tokens / whole)
        for edge in edges
    ]  # fmt: skip
    kept = [each for each in made if each.tokens or each.findings]
    return sorted(kept, key=lambda each: (-each.tokens, _KINDS.index(each.kind), each.name))


_KINDS = ("function", "module", "call")


def module_of(function: str, file: str) -> str:
    """The module in a qualified name: as much of it as ends with the name of the file.

    Edge: Where no part of it is that of the file (a program, a bare name), the file itself.
    """
    parts = function.split(".")
    *folders, base = file.replace("\\", "/").rstrip("/").split("/")
    stem = base.rpartition(".")[0] or base
    own = folders[-1] if stem == "__init__" and folders else stem
    for length in range(len(parts) - 1, 0, -1):
        if parts[length - 1] == own:
            return ".".join(parts[:length])
    return file


def _by_name(use: FunctionUse) -> str:
    return use.name


def _by_module(use: FunctionUse) -> str:
    return use.module


_COUNTS = [
    each.name for each in fields(FunctionUse) if each.name not in {"name", "module", "agent"}
]


def _summed(
    uses: Iterable[FunctionUse], key: Callable[[FunctionUse], str]
) -> dict[str, FunctionUse]:
    sums: dict[str, FunctionUse] = {}
    for use in uses:
        held = sums.setdefault(key(use), FunctionUse(key(use), use.module, ""))
        counts = {name: getattr(held, name) + getattr(use, name) for name in _COUNTS}
        sums[key(use)] = FunctionUse(key(use), use.module, "", **counts)
    return sums


def _concentrations(uses: Sequence[FunctionUse]) -> Mapping[str, list[Finding]]:
    """Functions that make most model calls of an agent that has others as well."""
    calls: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for use in uses:
        if use.agent and use.llm_calls:
            calls[use.agent][use.name] += use.llm_calls
    found: dict[str, list[Finding]] = defaultdict(list)
    for agent, by_function in calls.items():
        every = sum(by_function.values())
        name = max(by_function, key=lambda each: (by_function[each], each))
        share = by_function[name] / every
        if len(by_function) > 1 and every >= LLM_CALLS_MIN and share >= MOST_CALLS:
            found[name].append(
                Finding(
                    "most_calls_of_an_agent",
                    f"It makes {by_function[name]:,} of the {every:,} model calls of agent {agent} "
                    f"({share:.0%}): what is saved here is saved for the agent, so begin here.",
                    {"llm_calls": by_function[name], "agent_llm_calls": every, "share": share},
                )
            )
    return found


def _patterns(use: FunctionUse) -> Iterable[Finding]:
    for looked_for in (_growth, _too_often, _small_answers, _missed_cache):
        if (found := looked_for(use)) is not None:
            yield found


def _growth(use: FunctionUse) -> Finding | None:
    if use.loop_steps < STEPS_MIN or use.loop_rises < RISING * use.loop_steps:
        return None
    step = use.loop_growth_tokens / use.loop_rises
    if step < GROWTH_TOKENS_MIN:
        return None
    return Finding(
        "growing_prompt",
        f"Its prompt grew in {use.loop_rises:,} of {use.loop_steps:,} repeated calls, by "
        f"{step:,.0f} tokens a step: it carries its history along. Send a summary of it, or only "
        "the last turns.",
        {
            "loop_steps": use.loop_steps,
            "loop_rises": use.loop_rises,
            "growth_tokens_a_step": step,
        },
    )


def _too_often(use: FunctionUse) -> Finding | None:
    if use.llm_calls < LLM_CALLS_MIN or not use.sessions:
        return None
    a_session, each = use.llm_calls / use.sessions, use.tokens / use.llm_calls
    if a_session < CALLS_A_SESSION or each > CHEAP_TOKENS:
        return None
    return Finding(
        "cheap_call_too_often",
        f"It asks a model {a_session:,.0f} times a session, for {each:,.0f} tokens each: ask for "
        "several answers at once, or remember those it had.",
        {
            "llm_calls": use.llm_calls,
            "sessions": use.sessions,
            "llm_calls_a_session": a_session,
            "tokens_a_call": each,
        },
    )


def _small_answers(use: FunctionUse) -> Finding | None:
    if use.llm_calls < LLM_CALLS_MIN:
        return None
    prompt, answer = use.input_tokens / use.llm_calls, use.output_tokens / use.llm_calls
    if prompt < PROMPT_TOKENS or answer > ANSWER_SHARE * prompt:
        return None
    return Finding(
        "large_prompt_small_answer",
        f"It sends {prompt:,.0f} tokens for answers of {answer:,.0f} ({answer / prompt:.1%}): send "
        "only what the answer needs, or use a smaller model for it.",
        {"llm_calls": use.llm_calls, "prompt_tokens": prompt, "answer_tokens": answer},
    )


def _missed_cache(use: FunctionUse) -> Finding | None:
    if use.loop_rises < STEPS_MIN or use.repeated_tokens < REPEATED_TOKENS_MIN:
        return None
    again = use.repeated_tokens / use.loop_rises
    read = use.cache_read_tokens / use.repeated_tokens
    if again < CACHEABLE_TOKENS or read > MISSED:
        return None
    return Finding(
        "missed_cache_reads",
        f"In {use.loop_rises:,} repeated calls it sent up to {use.repeated_tokens:,} tokens again, "
        f"and {read:.0%} of them were read from the provider's cache: leave the beginning of the "
        "prompt as it was, and switch prompt caching on.",
        {
            "loop_rises": use.loop_rises,
            "repeated_tokens": use.repeated_tokens,
            "cache_read_tokens": use.cache_read_tokens,
        },
    )
