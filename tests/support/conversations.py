"""Planted conversations: agents that hand over faithfully, and the same where one hand-over drifts.

Strategy: a conversation is a request, facts that agents add, and a chain of hand-overs that pass on
what is known in one of several faithful ways (the whole history, request and note, summary, other
words). A planted fault changes what is known at one hand-over, and all that follow build on it.
What was said is then written in the words of one of several dialects."""

# ruff: noqa: S311 - dice, no secrets

import json
from dataclasses import dataclass, field
from random import Random

from tests.support.planted_texts import BOILERPLATE, CHATTER, SLOTS, SYSTEM, TOPICS
from tests.support.tree import Node

__all__ = ["DIALECTS", "FAITHFUL", "FAULTS", "Plan", "conversation", "plans"]

FAITHFUL = ("history", "request and note", "summary", "other words")
FAULTS = ("topic swapped", "request dropped", "entities replaced", "truncated")
DIALECTS = ("otel", "openinference", "traceloop", "events", "vercel", "langfuse", "plain")
AGENTS = ("desk", "research", "billing", "writer", "reviewer", "legal", "closing")
_LANGUAGES = ("english", "english", "english", "german", "spanish", "russian", "chinese")

Message = tuple[str, str]
Pair = tuple[str, str]


@dataclass(frozen=True)
class Plan:
    """One conversation to be made; `fault` is '' for none, `at` the hand-over it happens at."""

    seed: int
    handoffs: int
    language: str = "english"
    dialect: str = "otel"
    fault: str = ""
    at: int = 0
    trace: int = 1


@dataclass
class _Talk:
    """What is known while a conversation goes on."""

    plan: Plan
    chance: Random
    topic: int
    request: Pair
    facts: list[Pair] = field(default_factory=list)
    history: list[Message] = field(default_factory=list)


def plans(count: int, *, seed: int, handoffs: int, fault: str = "") -> list[Plan]:
    """`count` plans; with the same seed the same conversations, whatever the fault."""
    made = []
    for number in range(count):
        chance = Random(f"{seed}/{handoffs}/{number}")
        made.append(
            Plan(
                seed=chance.randrange(2**32),
                handoffs=handoffs,
                language=chance.choice(_LANGUAGES),
                dialect=chance.choice(DIALECTS),
                fault=fault,
                at=chance.randrange(handoffs),
                trace=number + 1,
            )
        )
    return made


def conversation(plan: Plan) -> list[Node]:
    """The spans of one conversation."""
    chance = Random(plan.seed)
    talk = _begun(plan, chance)
    wrapped, shared_tool = chance.random() < 0.3, chance.random() < 0.5
    received: list[Message] = [("user", talk.request[0])]
    talk.history = list(received)
    said: list[tuple[list[Message], list[Message], str]] = []
    for turn in range(plan.handoffs + 1):
        looked_up = _learned(talk, 1 + chance.randrange(2))
        answer = _answer(talk, looked_up)
        given = [(role, _wrapped(text, wrapped)) for role, text in received]
        said.append((given, [("assistant", answer)], _payload(talk, looked_up, shared_tool)))
        talk.history.append(("assistant", answer))
        if turn < plan.handoffs:
            received = _passed_on(talk, turn, answer)
            talk.history = list(received)
    return _spans(plan, said)


def _begun(plan: Plan, chance: Random) -> _Talk:
    topics = TOPICS[plan.language]
    topic = chance.randrange(len(topics))
    request = chance.choice(topics[topic][0])
    return _Talk(plan, chance, topic, _filled(request, plan.language, chance))


def _filled(pair: Pair, language: str, chance: Random) -> Pair:
    """Both wordings with the same people, places and numbers."""
    slots = {name: chance.choice(values) for name, values in SLOTS[language].items()}
    slots |= {
        "order": f"{chance.choice('ABKX')}{chance.randrange(1000, 99999)}",
        "number": str(chance.randrange(12, 9999)),
        "amount": str(chance.randrange(20, 3000)),
    }
    return pair[0].format(**slots), pair[1].format(**slots)


def _learned(talk: _Talk, count: int) -> list[Pair]:
    facts = TOPICS[talk.plan.language][talk.topic][1]
    new = [
        _filled(fact, talk.plan.language, talk.chance)
        for fact in talk.chance.sample(facts, min(count, len(facts)))
    ]
    talk.facts += new
    return new


def _answer(talk: _Talk, new: list[Pair]) -> str:
    opening = talk.chance.choice(CHATTER)
    return " ".join(
        [opening, *(fact[0] for fact in new), talk.request[1] * talk.chance.randrange(2)]
    )


def _payload(talk: _Talk, new: list[Pair], shared: bool) -> str:
    rows = [{"id": talk.chance.randrange(10**6), "text": fact[0], "score": 0.5} for fact in new]
    return json.dumps({"status": "ok", "took_ms": 12, "results": rows if shared else rows[:1]})


def _passed_on(talk: _Talk, turn: int, answer: str) -> list[Message]:
    """What the next agent is given."""
    faulty = talk.plan.fault and turn == talk.plan.at
    way = talk.chance.choice(FAITHFUL)
    if not faulty:
        return _faithful(talk, way, answer)
    fault = talk.plan.fault
    # a chance of its own: the rest of the conversation stays as it is without the fault
    chance = Random(f"{talk.plan.seed}/{fault}")
    if fault == "topic swapped":
        others = [n for n in range(len(TOPICS[talk.plan.language])) if n != talk.topic]
        talk.topic = chance.choice(others)
        request = chance.choice(TOPICS[talk.plan.language][talk.topic][0])
        talk.request, talk.facts = _filled(request, talk.plan.language, chance), []
        return [("user", talk.request[0])]
    if fault == "request dropped":
        kept = chance.choice(CHATTER)
        fact = chance.choice(talk.facts)[0] if chance.random() < 0.5 else ""
        talk.request, talk.facts = (kept, kept), []
        return [("user", f"{kept} {fact}".strip())]
    if fault == "entities replaced":
        return _with_other_entities(talk, way, answer, chance)
    messages = _faithful(talk, way, answer)
    whole = "\n".join(text for _, text in messages)
    cut = whole[: int(len(whole) * chance.uniform(0.1, 0.3))]
    talk.request, talk.facts = (cut, cut), []
    return [("user", cut)]


def _faithful(talk: _Talk, way: str, answer: str) -> list[Message]:
    if way == "history":
        return [*talk.history, ("user", talk.chance.choice(CHATTER))]
    if way == "request and note":
        return [("user", f"{talk.request[0]}\n\nWhat was found so far: {answer}")]
    if way == "summary":
        kept = [fact[1] for fact in talk.facts[-2:]]
        return [("user", " ".join([talk.request[1], *kept]))]
    kept = [fact[1] for fact in talk.facts]
    talk.chance.shuffle(kept)
    return [("user", " ".join([*kept, talk.request[1]]))]


def _with_other_entities(talk: _Talk, way: str, answer: str, chance: Random) -> list[Message]:
    """The same sentences about other people, places and numbers."""
    requests = [pair for topic in TOPICS[talk.plan.language] for pair in topic[0]]
    facts = [pair for topic in TOPICS[talk.plan.language] for pair in topic[1]]
    before = [talk.request, *talk.facts]
    replaced = [_refilled(pair, [*requests, *facts], talk.plan.language, chance) for pair in before]
    messages = _faithful(talk, way, answer)
    for old, new in zip(before, replaced, strict=True):
        messages = [
            (role, text.replace(old[0], new[0]).replace(old[1], new[1])) for role, text in messages
        ]
    talk.request, talk.facts = replaced[0], replaced[1:]
    return messages


def _refilled(pair: Pair, templates: list[Pair], language: str, chance: Random) -> Pair:
    """The template that a text came from, filled anew."""
    for template in templates:
        fixed = [part.partition("}")[2] for part in ("}" + template[0]).split("{")]
        if all(part in pair[0] for part in fixed) and len(fixed) > 1:
            return _filled(template, language, chance)
    return pair


def _wrapped(text: str, wrapped: bool) -> str:
    return BOILERPLATE.format(text=text) if wrapped else text


def _spans(plan: Plan, said: list[tuple[list[Message], list[Message], str]]) -> list[Node]:
    """A workflow of agents one after the other, each with a call, a tool and a last call."""
    nodes = [Node("workflow", "desk", 0, len(said) * 1000 + 10, 1, trace=plan.trace)]
    for place, (given, answered, payload) in enumerate(said):
        begin, agent = place * 1000 + 5, AGENTS[place]
        head = len(nodes) + 1
        system = SYSTEM.format(agent=agent)
        whole = _agent_words(plan.dialect, system, given, answered)
        nodes.append(Node("agent", agent, begin, begin + 900, head, 1, plan.trace, said=whole))
        first = _words(plan.dialect, system, given, [("assistant", "")])
        last = _words(plan.dialect, system, [*given, ("tool", payload)], answered)
        nodes.append(_called(plan, head, (begin + 10, begin + 300), len(nodes) + 1, first))
        found = {"gen_ai.tool.call.result": payload}
        nodes.append(
            Node(
                "tool", "look_up", begin + 310, begin + 400, len(nodes) + 1, head, plan.trace, found
            )
        )
        nodes.append(_called(plan, head, (begin + 410, begin + 800), len(nodes) + 1, last))
        if place + 1 < len(said):
            to = f"transfer_to_{AGENTS[place + 1]}"
            times = begin + 810, begin + 820
            nodes.append(Node("tool", to, *times, len(nodes) + 1, head, plan.trace))
    return nodes


_Words = tuple[dict[str, str], tuple[tuple[str, dict[str, str]], ...]]


def _called(plan: Plan, head: int, times: tuple[int, int], number: int, words: _Words) -> Node:
    return Node("llm", "gpt", *times, number, head, plan.trace, said=words[0], events=words[1])


def _agent_words(
    dialect: str, system: str, given: list[Message], answered: list[Message]
) -> dict[str, str]:
    """Some dialects say on the agent's span too, and `plain` says it there alone."""
    if dialect not in {"plain", "openinference"}:
        return {}
    return {
        "input.value": "\n".join(text for _, text in [("system", system), *given]),
        "output.value": answered[-1][1],
    }


def _words(  # noqa: PLR0911
    dialect: str, system: str, given: list[Message], answered: list[Message]
) -> _Words:
    whole = [("system", system), *given]
    parts = [{"role": role, "parts": [{"type": "text", "content": text}]} for role, text in given]
    out = [{"role": role, "parts": [{"type": "text", "content": text}]} for role, text in answered]
    match dialect:
        case "otel":
            return {
                "gen_ai.system_instructions": json.dumps([{"type": "text", "content": system}]),
                "gen_ai.input.messages": json.dumps(parts),
                "gen_ai.output.messages": json.dumps(out),
            }, ()
        case "openinference":
            said = _indexed("llm.input_messages.{}.message.", whole)
            return {**said, **_indexed("llm.output_messages.{}.message.", answered)}, ()
        case "traceloop":
            said = _indexed("gen_ai.prompt.{}.", whole)
            return {**said, **_indexed("gen_ai.completion.{}.", answered)}, ()
        case "events":
            events = [(f"gen_ai.{role}.message", {"content": text}) for role, text in whole]
            chosen = [("gen_ai.choice", {"message": text}) for _, text in answered]
            return {}, (*events, *chosen)
        case "vercel":
            flat = [{"role": role, "content": text} for role, text in whole]
            said = {"ai.prompt.messages": json.dumps(flat, ensure_ascii=False)}
            return {**said, "ai.response.text": answered[0][1]}, ()
        case "langfuse":
            flat = [{"role": role, "content": text} for role, text in whole]
            said = {"langfuse.observation.input": json.dumps(flat)}
            return {**said, "langfuse.observation.output": json.dumps(answered[0][1])}, ()
    return {}, ()


def _indexed(prefix: str, messages: list[Message]) -> dict[str, str]:
    said: dict[str, str] = {}
    for number, (role, text) in enumerate(messages):
        said |= {f"{prefix.format(number)}role": role, f"{prefix.format(number)}content": text}
    return said
