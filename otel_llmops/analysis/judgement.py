"""How much of a session's time each group takes that it need not take.

Strategy: what could be saved is time beyond twice the usual, the time that failed calls took, or
what calls one after the other would save side by side: whichever is most. Usual is what the same
takes other agents of the session, so a session is its own measure, whatever its models and tools.
The thresholds and their reasons are in docs/bottlenecks.md.
"""

from dataclasses import dataclass

import numpy as np

from otel_llmops.analysis.blame import BY_ITSELF, CALLS, Groups
from otel_llmops.analysis.forest import Ints, Mask
from otel_llmops.analysis.usual import Floats, lower_medians, of_others, sums
from otel_llmops.semconv import Kind

__all__ = ["MODELS", "TOOLS", "Counts", "Weighed", "sort_of", "weigh"]

_SORTS = len(CALLS) + 2
"""By itself, the sorts of calls, and code of one's own."""

MODELS = tuple(1 + CALLS.index(kind) for kind in (Kind.LLM, Kind.EMBEDDINGS))
TOOLS = tuple(1 + CALLS.index(kind) for kind in (Kind.TOOL, Kind.RETRIEVAL))
"""Sorts (`sort_of`) that are models, and tools."""

_UNUSUAL = 2.0
"""Up to so many times the usual is usual: one model or tool takes twice as long as another."""

_WAIT_USUAL = 0.1
"""Of an agent's work so much waiting is usual everywhere: frameworks take time between calls."""

_USUAL_WEIGHT = 0.15
"""What a share of the path counts that nothing suggests could be saved."""

_SAVED_MIN = 0.01
"""Of a session's time: an agent of which more can be saved is told."""

_PART_MIN = 0.25
"""Of what can be saved, or is taken, of an agent's time: what is a smaller part is not told."""

_LEAD_MIN = 0.5
"""Who takes so much of the way from a fair share to all of the time is told, whatever the cause."""

_FAILING_MIN = 0.08
"""A rate of failing calls, at the least: 1 of 2 calls, 3 of 9, 20 of 150."""

_FAILED_MIN = 0.02
"""Of a session's time: a failure that took more is told even if it was the only one."""

_SERIAL_MIN = 0.05
"""Of a session's time: what side by side would save less is not worth the change."""

_Z = 1.96
"""Of the 95 % interval by Wilson: 1 of 2 calls failing says less than 10 of 20."""


@dataclass(frozen=True, slots=True)
class Counts:
    """One row a group, what Groups does not hold.

    `session_ns` is the length of the session's traces; `failed_ns` what failed calls took on the
    path, with the waits for the next try; `serial_ns` what calls one after the other would save.
    """

    session: Ints
    session_ns: Ints
    errors: Ints
    again: Ints
    limited: Ints
    failed_ns: Ints
    serial_ns: Ints
    input_tokens: Ints
    output_tokens: Ints


@dataclass(frozen=True, slots=True)
class Weighed:
    """One row a group, shares of its session's time.

    `saved` is what could be, and of it `slow` beyond the usual, `waited` without anything running,
    `failed` and `serial`; `failing` is the rate at which calls fail at the least. `impact` is all
    of it in [0, 1], `agent_impact` the same of all that the agent does; `usual_ns` is what one such
    call usually takes (0: nobody tells), `told` whether the group is worth a word.
    """

    share: Floats
    slow: Floats
    waited: Floats
    failed: Floats
    serial: Floats
    failing: Floats
    impact: Floats
    agent_impact: Floats
    usual_ns: Floats
    told: Mask


def sort_of(label: Ints) -> Ints:
    """0 for what an agent does by itself, else 1 + the place in CALLS; what is beyond is code."""
    sort: Ints = np.where(label == BY_ITSELF, 0, 1 + (label - 1) % (len(CALLS) + 1))
    return sort


def weigh(groups: Groups, counts: Counts, *, nobody: Mask) -> Weighed:
    """Weigh each group.

    In:   Groups and their Counts, k rows, and which are nobody's.
    Out:  Weighed, k rows.
    Cost: O(k log k).
    """
    _, agent = np.unique(groups.actor, return_inverse=True)
    all_ns = np.maximum(counts.session_ns, 1)
    share = (groups.self_ns + groups.wait_ns) / all_ns
    usual_ns, slow_ns = _slow(groups, counts)
    slow, waited = slow_ns / all_ns, _waited(groups, counts, agent, nobody) / all_ns
    failing, failing_agent, failed = _failing(groups, counts, agent)
    serial = np.where(counts.serial_ns >= _SERIAL_MIN * all_ns, counts.serial_ns / all_ns, 0.0)
    saved = np.minimum(np.maximum.reduce([slow + waited, failed, serial]), share)
    time = saved + _USUAL_WEIGHT * (share - saved)
    of_agent = {
        name: sums(agent, each)[agent]
        for name, each in (("time", time), ("saved", saved), ("share", share))
    }
    fair = _fair_share(groups, counts, agent)
    leads = (of_agent["share"] - fair) >= _LEAD_MIN * (1 - fair)
    told = (
        ((of_agent["saved"] >= _SAVED_MIN) & (saved >= _PART_MIN * of_agent["saved"]))
        | (leads & (fair < 1) & (share >= _PART_MIN * of_agent["share"]))
        | (failing >= _FAILING_MIN)
    )
    impact = _either(time, failing)
    return Weighed(
        share=share,
        slow=slow,
        waited=waited,
        failed=failed,
        serial=serial,
        failing=failing,
        impact=impact,
        agent_impact=_either(of_agent["time"], failing_agent),
        usual_ns=usual_ns,
        told=told & (counts.session_ns > 0) & (impact > 0),
    )


def _slow(groups: Groups, counts: Counts) -> tuple[Floats, Floats]:
    """What one call of each group usually takes, and the time beyond twice that, ns.

    Usual is the lower median of other agents' means for the same sort of call; a tool that only
    one agent calls is measured by what model calls take in its session.
    """
    sort = sort_of(groups.label)
    lasts = np.where(sort == 0, groups.self_ns, groups.call_ns).astype(np.float64)
    times = np.where(sort == 0, groups.on_path, groups.calls)
    usual = np.zeros(groups.count)
    slow = np.zeros(groups.count)
    counted = np.flatnonzero((times > 0) & (lasts > 0) & (sort <= len(CALLS)))
    if not len(counted):
        return usual, slow
    pair, place = np.unique(groups.actor[counted] * _SORTS + sort[counted], return_inverse=True)
    mean = sums(place, lasts[counted]) / sums(place, times[counted])
    session = np.zeros(len(pair), dtype=np.int64)
    session[place] = counts.session[counted]
    heap = session * _SORTS + pair % _SORTS
    found = of_others(heap, mean)[place]
    lone = np.flatnonzero(np.isnan(found) & np.isin(sort[counted], TOOLS))
    if len(lone):
        of_models = lower_medians(heap, mean)
        asked = counts.session[counted[lone]] * _SORTS + MODELS[0]
        found[lone] = [of_models.get(key, np.nan) for key in asked.tolist()]
    usual[counted] = np.nan_to_num(found)
    known = counted[~np.isnan(found)]
    over = 1 - _UNUSUAL * usual[known] * times[known] / lasts[known]
    slow[known] = groups.self_ns[known] * np.maximum(over, 0)
    return usual, slow


def _waited(groups: Groups, counts: Counts, agent: Ints, nobody: Mask) -> Floats:
    """What agents wait beyond twice what others wait for the work they do, ns.

    What nobody waits (a workflow between its steps, say) is measured by the whole session.
    """
    waits = np.where(groups.label == BY_ITSELF, groups.wait_ns, 0)
    works = sums(agent, groups.self_ns)
    works[agent[nobody]] = counts.session_ns[nobody]
    waiting = sums(agent, waits)
    rate = np.divide(waiting, works, out=np.full(len(works), np.nan), where=works > 0)
    session = np.zeros(len(works), dtype=np.int64)
    session[agent] = counts.session
    rate[agent[nobody]] = np.nan
    acts = np.flatnonzero(~np.isnan(rate))
    usual = np.zeros(len(works))
    usual[acts] = np.nan_to_num(of_others(session[acts], rate[acts]))
    allowed = np.maximum(_UNUSUAL * usual, _WAIT_USUAL) * works
    beyond = np.maximum(waiting - allowed, 0)[agent]
    over: Floats = np.where(waits > 0, beyond, 0.0)
    return over


def _fair_share(groups: Groups, counts: Counts, agent: Ints) -> Floats:
    """What each agent on the path would take if all took as much."""
    on = (sums(agent, groups.self_ns + groups.wait_ns) > 0).astype(np.int64)
    session = np.zeros(len(on), dtype=np.int64)
    session[agent] = counts.session
    agents = sums(session, on)
    fair: Floats = 1 / np.maximum(agents, 1)[counts.session]
    return fair


def _failing(groups: Groups, counts: Counts, agent: Ints) -> tuple[Floats, Floats, Floats]:
    """At which rate calls fail at the least, of the group and of its agent; the time it took.

    The time of one failure alone counts where it was long.
    """
    if not counts.errors.any():
        return np.zeros(groups.count), np.zeros(groups.count), np.zeros(groups.count)
    errors, calls = sums(agent, counts.errors), sums(agent, groups.calls)
    of_agent = _wilson(errors, calls)[agent]
    own = _wilson(counts.errors, groups.calls)
    # who fails at every run fails, however well the calls of these runs go
    runs = np.zeros(len(errors))
    np.maximum.at(runs, agent, np.where(groups.label == BY_ITSELF, own, 0.0))
    of_agent = np.maximum(of_agent, runs[agent])
    failed = counts.failed_ns / np.maximum(counts.session_ns, 1)
    told = (errors[agent] > 1) | (failed >= _FAILED_MIN)
    failing = np.where(counts.errors > 0, np.maximum(own, of_agent), 0.0)
    return failing, of_agent, np.where(told, failed, 0.0)


def _wilson(errors: Ints | Floats, calls: Ints | Floats) -> Floats:
    """The lower end of the interval for a rate (Wilson, JASA 22, 1927)."""
    n = np.maximum(calls.astype(np.float64), 1)
    rate = np.minimum(errors / n, 1)
    spread = _Z * np.sqrt(rate * (1 - rate) / n + _Z**2 / (4 * n**2))
    low: Floats = np.maximum((rate + _Z**2 / (2 * n) - spread) / (1 + _Z**2 / n), 0)
    return low


def _either(one: Floats, other: Floats) -> Floats:
    """Two shares as one: what is left after both."""
    both: Floats = 1 - (1 - np.minimum(one, 1)) * (1 - other)
    return both
