"""One page about a session in plain words, from the document of GET /api/report.

Strategy: the words are made once, as headings and lines; who prints them gives a function that
makes what others wrote harmless in a terminal or in Markdown. Each part of a handoff's quality has
a sentence for what to do where it is the weakest.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from otel_llmops.cli.money import usd

__all__ = ["Part", "Safe", "page"]

Document = Mapping[str, Any]
Safe = Callable[[str], str]
"""What somebody else wrote -> the same, harmless where it is shown."""

_LINES_MAX = 6
"""Of one kind: a page is to be read in one go."""
_POOR = 0.5
_DRIFTED = 0.5
_WORTH_SAYING = 0.1
"""A share of time or tokens from which on it is worth a line."""


class Part(NamedTuple):
    """A heading and its lines; `listed`: each line is a point of its own."""

    heading: str
    lines: list[str]
    listed: bool = True


def page(document: Document, safe: Safe) -> list[Part]:
    """The page's parts; the first heading is the page's own."""
    return [
        Part(f"Session {safe(document['session_id'])}", _what_it_was(document, safe), listed=False),
        Part("Who handed to whom", list(_who_handed_to_whom(document, safe))),
        Part("Where time and tokens went", list(_where_it_went(document, safe))),
        Part("What to change", list(_what_to_change(document, safe))),
    ]


def _what_it_was(document: Document, safe: Safe) -> list[str]:
    agents, outcome = document["agents"], document["outcome"]
    began = document["started_at"][:16].replace("T", " ")
    task = outcome["task_type"] if outcome else ""
    about = f" on {safe(task)}" if task and task not in agents else ""
    lines = [
        f"{_count(len(agents), 'agent')} worked{about} for {_duration(document['duration_ms'])}, "
        f"from {began} UTC: {_enumerated([safe(agent) for agent in agents])}."
        if agents
        else f"No agent was seen in it. It took {_duration(document['duration_ms'])}, from {began} "
        "UTC."
    ]
    tokens = document["input_tokens"] + document["output_tokens"]
    cost = f" ({usd(document['cost_usd'])})" if document["cost_usd"] is not None else ""
    lines.append(
        f"A model was called {_times(document['llm_calls'])}, for {_count(tokens, 'token')}{cost}; "
        f"{_count(document['errors'], 'error')}."
    )
    if outcome:
        lines.append("It succeeded." if outcome["success"] else "It did not succeed.")
    if not document["final"]:
        lines.append("It still grows: these numbers will change.")
    if document["completeness"] < 1:
        lines.append(
            f"Only {document['completeness']:.0%} of its spans arrived, so parts may be missing."
        )
    return lines


def _who_handed_to_whom(document: Document, safe: Safe) -> Iterable[str]:
    graph = document["coordination"]
    if not graph or not graph["edges"]:
        yield "Nobody handed over to anybody."
        return
    for edge in graph["edges"][:_LINES_MAX]:
        kinds = " and ".join(kind.replace("_", " ") for kind in edge["kinds"])
        failed = f"; {_count(edge['failed'], 'one')} failed" if edge["failed"] else ""
        yield (
            f"{safe(edge['from_agent'])} handed to {safe(edge['to_agent'])} "
            f"{_times(edge['handoffs'])} ({kinds}): {_quality(edge['quality'])}{failed}."
        )
    yield from _left(len(graph["edges"]), "pair", "pairs")
    for cycle in graph["cycles"][:_LINES_MAX]:
        yield f"Control went in a circle: {_way([*cycle, cycle[0]], safe)}."
    if graph["outside_share"]:
        yield (
            f"{graph['outside_share']:.0%} of the handoffs of agents that declare whom they may "
            "hand to went to somebody else."
        )


def _where_it_went(document: Document, safe: Safe) -> Iterable[str]:
    for found in document["bottlenecks"][:_LINES_MAX]:
        if found["critical_path_share"] >= _WORTH_SAYING:
            yield (
                f"{_doing(found, safe)}: {found['critical_path_share']:.0%} of the time that the "
                f"session could not have done without, "
                f"{_duration(found['self_time_ms'] + found['wait_ms'])}."
            )
    spent: Counter[str] = Counter()
    for use in document["tokens"]:
        spent[use["agent"] or ""] += use["input_tokens"] + use["output_tokens"]
    total = sum(spent.values())
    for agent, tokens in spent.most_common(_LINES_MAX):
        if total and tokens >= _WORTH_SAYING * total:
            name = safe(agent) if agent else "Nobody's work"
            yield f"{name}: {_count(tokens, 'token')}, {tokens / total:.0%} of all."
    if document["unpriced_tokens"]:
        yield f"{_count(document['unpriced_tokens'], 'token')} have no known price."
    if not total and not document["bottlenecks"]:
        yield "No tokens were reported, and nothing took long."


_TO_DO = {
    "completed": "{to} did not finish what it was given: look at its errors first",
    "context_kept": "{to} got little of what {frm} had: hand over what was asked and found",
    "no_bounce": "{to} handed straight back: let {frm} decide with more to go by, or not hand over",
    "promptness": "{to} began long after {frm} was done: look for what it waited for",
    "allowed": "{frm} does not declare {to} among those it hands to: declare it, or prevent it",
}


def _what_to_change(document: Document, safe: Safe) -> Iterable[str]:
    said = 0
    for line in dict.fromkeys(_advice(document, safe)):
        said += 1
        if said <= _LINES_MAX + 2:
            yield line
    if not said:
        yield "Nothing stands out."


def _advice(document: Document, safe: Safe) -> Iterable[str]:
    for found in document["bottlenecks"][:_LINES_MAX]:
        if found["recommendation"]:
            yield f"{safe(found['recommendation'])}"
    for handoff in sorted(document["handoff_list"], key=lambda each: each["quality"]):
        if handoff["quality"] < _POOR:
            known = {
                name: value for name, value in handoff["quality_parts"].items() if value is not None
            }
            weakest = min(known, key=known.__getitem__, default="completed")
            ends = {"frm": safe(handoff["from_agent"]), "to": safe(handoff["to_agent"])}
            yield f"{_TO_DO[weakest].format(**ends)} (quality {handoff['quality']:.2f})."
    for pair in (document["coordination"] or {"ping_pongs": []})["ping_pongs"][:1]:
        yield (
            f"{_enumerated([safe(agent) for agent in pair['agents']])} hand to each other "
            f"({pair['handoffs']} and {pair['back']}): give one of them what it asks the other for."
        )
    drifted = max(document["drift"], key=lambda each: each["score"], default=None)
    if drifted and drifted["score"] >= _DRIFTED:
        yield (
            f"What {safe(drifted['to_agent'])} worked on had moved away from what was asked "
            f"(drift {drifted['score']:.2f}): pass the request on in the words it came in."
        )


def _doing(found: Document, safe: Safe) -> str:
    agent = safe(found["agent"]) if found["agent"] else "No agent"
    return f"{agent}, {safe(found['operation'])}" if found["operation"] else agent


def _quality(quality: float) -> str:
    word = "well" if quality >= 0.8 else "fairly" if quality >= _POOR else "poorly"
    return f"{word}, quality {quality:.2f}"


def _way(agents: Sequence[str], safe: Safe) -> str:
    return " to ".join(safe(agent) for agent in agents)


def _left(count: int, one: str, more: str) -> Iterable[str]:
    if count > _LINES_MAX:
        left = count - _LINES_MAX
        yield f"And {left:,} more {one if left == 1 else more}."


def _count(count: int, noun: str) -> str:
    if noun == "one":
        return "one" if count == 1 else f"{count:,} of them"
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count:,} times")


def _enumerated(names: Sequence[str]) -> str:
    shown = list(names[: 2 * _LINES_MAX])
    if len(names) > len(shown):
        shown.append(f"{len(names) - len(shown):,} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _duration(ms: float) -> str:
    if ms < 1_000:
        return f"{ms:,.0f} ms"
    if ms < 120_000:
        return f"{ms / 1_000:,.1f} s"
    return f"{ms / 60_000:,.0f} min"
