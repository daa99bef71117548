"""Which agents acted, when, and which span is whose work.

Strategy: marks (marks.py) say where an activation may start. A handoff tool that holds the
delegate's calls is a strong one too; a weak one stands only if model or tool calls run under it.
The topmost of nested marks of one agent is the activation's head. An operation belongs to the
nearest head above it.
"""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.analysis.columns import codes, filled
from otel_llmops.analysis.forest import Ints, Mask
from otel_llmops.analysis.marks import marks
from otel_llmops.analysis.names import by_session, plain, plumbing
from otel_llmops.analysis.readings import Readings
from otel_llmops.analysis.relay import Created, created, relayed
from otel_llmops.semconv import Kind

__all__ = ["Activations", "activations"]


_NAME_CHARS_MAX = 256
"""Longer names are cut: a page of answers names a thousand of them in one statement."""

_NAME_WORDS_MAX = 8
"""No tool is named after an agent of more words. The bound keeps the search linear: every agent
against every tool took 30 s for 1,000 of each."""


_AGENTS_UP = 64
"""So many agents around one that has ended are asked whether they still run. The bound keeps the
search linear: a chain of 20,000 agents took 12 s."""


@dataclass(frozen=True, slots=True)
class Activations:
    """Activations by number, in the order of their head's row; -1 stands for none.

    Of each activation: `head` its row, `end` when it ended, ns, `agent` its agent's number (equal
    for names of one session that differ only in case, `_`, `-` and blanks), `up` the activation
    around it, `container` the row of the workflow between it and `up`, `tool_made` whether it is
    seen only as a tool. Of each agent: `names` and `home`, its session. Of each span: `owner`, the
    activation whose work it is.
    """

    head: Ints
    end: Ints
    agent: Ints
    names: pa.Array
    home: Ints
    up: Ints
    container: Ints
    owner: Ints
    tool_made: Mask

    @property
    def count(self) -> int:
        """How many activations there are."""
        return len(self.head)


def activations(readings: Readings, session: Ints) -> Activations:
    """Find the activations of agents.

    In:   Readings, n rows, and the number of each row's session.
    Out:  Activations.
    Edge: Spans on a parent cycle belong to the activations found above its first row.
    Cost: O(n log n).
    """
    made = created(readings, session)
    name, strong = marks(readings)
    name = _loops_of_created(readings, name, made, session)
    head, _ = _heads(readings, name)
    delegate = _delegates(readings, head, made, session)
    handed = filled(delegate)
    name = pc.if_else(pa.array(handed), delegate, name)
    name = _without_idle(readings, name, strong | handed)
    head, head_of = _heads(readings, name)
    relay, pieces = relayed(readings, name, head, head_of, made, session)
    name = pc.if_else(pc.equal(relay, ""), name, relay)
    acts = _numbered(readings, name, _heads(readings, name), session, handed, pieces)
    return replace(acts, owner=_authors(readings, acts, session))


def _authors(readings: Readings, acts: Activations, session: Ints) -> Ints:
    """Owners, with messages as the work of the agent that they name as their source.

    Whoever passes a message on is not who wrote it; of the author's activations it is the last one
    that had begun.
    """
    rows = np.flatnonzero(readings.is_kind(Kind.MESSAGE))
    if not len(rows):
        return acts.owner
    source = plain(readings.concept("message_source").take(pa.array(rows)))
    known = by_session(acts.home, plain(acts.names))
    found = pc.index_in(by_session(session[rows], source), value_set=known)
    agent = np.asarray(pc.fill_null(found, -1)).astype(np.int64)
    start = readings.start[acts.head]
    times, rank = np.unique(np.concatenate([start, readings.start[rows]]), return_inverse=True)
    key = acts.agent * len(times) + rank[: acts.count]
    order = np.argsort(key, kind="stable")
    asked = agent * len(times) + rank[acts.count :]
    place = np.searchsorted(key[order], asked, side="right") - 1
    last = order[np.maximum(place, 0)] if acts.count else place
    written = (agent >= 0) & (place >= 0)
    written[written] = acts.agent[last[written]] == agent[written]
    owner = acts.owner.copy()
    owner[rows[written]] = last[written]
    return owner


def _numbered(
    readings: Readings,
    name: pa.Array,
    heads: tuple[Mask, Ints],
    session: Ints,
    handed: Mask,
    pieces: Mask,
) -> Activations:
    """Activations from heads; pieces of one agent's work that follow each other are one."""
    head, head_of = heads
    rows = np.flatnonzero(head)
    agent, names, home = _agents(name.take(pa.array(rows)), session[rows])
    # By its own times, as any span: where its parent was counted says nothing of it
    above = _at_work(readings, head, rows, readings.forest.nearest(head, inclusive=False)[rows])
    container = _containers(readings, head, rows)
    first = _joined(readings, rows, agent, np.where(container >= 0, container, above), pieces[rows])
    kept, place = np.unique(first, return_inverse=True)
    number = np.full(len(head), -1, dtype=np.int64)
    number[rows] = place
    end = np.full(len(kept), np.iinfo(np.int64).min)
    np.maximum.at(end, place, readings.end[rows])
    return Activations(
        head=rows[kept],
        end=end,
        agent=agent[kept],
        names=names,
        home=home,
        up=np.where(above >= 0, number[np.maximum(above, 0)], -1)[kept],
        container=container[kept],
        owner=np.where(head_of >= 0, number[np.maximum(head_of, 0)], -1),
        tool_made=handed[rows[kept]],
    )


def _joined(readings: Readings, rows: Ints, agent: Ints, around: Ints, pieces: Mask) -> Ints:
    """For each head the first of the run of pieces of one agent that it is in."""
    root = readings.forest.root()[rows]
    order = np.lexsort((rows, readings.start[rows], around, root))
    follows = np.zeros(len(rows), dtype=bool)
    before, after = order[:-1], order[1:]
    follows[after] = (
        pieces[before]
        & pieces[after]
        & (agent[before] == agent[after])
        & (around[before] == around[after])
        & (root[before] == root[after])
    )
    starts = np.where(follows[order], 0, np.arange(len(rows)))
    first = np.empty(len(rows), dtype=np.int64)
    first[order] = order[np.maximum.accumulate(starts)] if len(rows) else starts
    return first


def _loops_of_created(readings: Readings, name: pa.Array, made: Created, session: Ints) -> pa.Array:
    """Workflows that have the name of an agent that their session made are that agent at work."""
    workflow = np.flatnonzero(readings.is_kind(Kind.WORKFLOW) & ~filled(name))
    if not len(made.session) or not len(workflow):
        return name
    known = by_session(made.session, plain(made.name))
    asked = by_session(session[workflow], plain(readings.clean_name.take(pa.array(workflow))))
    same = np.zeros(len(name), dtype=bool)
    same[workflow] = np.asarray(pc.is_in(asked, value_set=known))
    return pc.if_else(pa.array(same), readings.clean_name, name)


def _delegates(readings: Readings, head: Mask, made: Created, session: Ints) -> pa.Array:
    """Agents that are seen only as a tool under which models are called; '' elsewhere.

    Such a tool says whom it calls (a handoff tool), or has the name of an agent in its own: the
    longest such name, for a `ghost_writer` is no `writer`.
    """
    tool = readings.is_kind(Kind.TOOL)
    nearest = readings.forest.nearest(tool | head)
    around = nearest[readings.is_kind(Kind.LLM) & (nearest >= 0)]
    holds = np.unique(around[tool[around]])
    names: list[str | None] = [None] * len(tool)
    told = readings.hints.target
    told = pc.if_else(pa.array(plumbing(told)), "", told)
    targets = told.take(pa.array(holds)).to_pylist()
    tools = plain(readings.tool.take(pa.array(holds))).to_pylist()
    known: dict[int, dict[str, str]] = {}
    for number, agent, name in zip(
        made.session.tolist(), made.name.to_pylist(), plain(made.name).to_pylist(), strict=True
    ):
        known.setdefault(number, {}).setdefault(name, agent)
    for row, target, said in zip(holds.tolist(), targets, tools, strict=True):
        names[row] = target or _named_in(said, known.get(int(session[row]), {}))
    return pc.fill_null(pa.array(names, type=pa.string()), "")


def _named_in(said: str, known: dict[str, str]) -> str | None:
    """The agent whose plain name, of some words at most, is the longest in what is said."""
    words = said.split(" ") if known else []
    runs = (
        " ".join(words[start : start + count])
        for count in range(1, _NAME_WORDS_MAX + 1)
        for start in range(len(words) - count + 1)
    )
    found = max((run for run in runs if run in known), key=len, default=None)
    return None if found is None else known[found]


def _without_idle(readings: Readings, name: pa.Array, strong: Mask) -> pa.Array:
    """Take back marks under which nothing is called: weak ones, and doubles of a busy sibling."""
    head, head_of = _heads(readings, name)
    marked = filled(name)
    called = readings.is_kind(Kind.LLM, Kind.EMBEDDINGS, Kind.TOOL)
    work = np.bincount(head_of[called & (head_of >= 0)], minlength=len(marked)) > 0
    strength = np.bincount(head_of[marked & strong], minlength=len(marked)) > 0
    double = _doubles(readings, name, head, work)
    keep = marked & ((work | strength) & ~double)[np.maximum(head_of, 0)] & (head_of >= 0)
    return pc.if_else(pa.array(keep), name, "")


def _doubles(readings: Readings, name: pa.Array, head: Mask, work: Mask) -> Mask:
    """Idle heads with a busy head of the same agent beside them, under the same parent.

    Some instrumentations put an agent's span beside the step that does its work, not around it.
    """
    parent = readings.forest.parent
    same, _ = codes(plain(name))
    place = parent * (int(same.max(initial=0)) + 1) + same
    busy = np.unique(place[head & work & (parent >= 0)])
    double: Mask = head & ~work & (parent >= 0) & np.isin(place, busy)
    return double


def _heads(readings: Readings, name: pa.Array) -> tuple[Mask, Ints]:
    """Marks that start an activation, and for each row the head that it belongs to."""
    marked = filled(name)
    same, _ = codes(plain(name))
    above = readings.forest.nearest(marked, inclusive=False)
    nested = marked & (above >= 0) & (same == same[np.maximum(above, 0)])
    head = marked & ~nested
    head_of = readings.forest.nearest(head)
    rows = np.flatnonzero(~head & (head_of >= 0))
    head_of[rows] = _at_work(readings, head, rows, head_of[rows])
    return head, head_of


def _at_work(readings: Readings, head: Mask, rows: Ints, around: Ints) -> Ints:
    """For rows the head around them that was at work when they began.

    Some instrumentations leave the context of an agent that is done to what its caller does next:
    what began after the agent above had ended belongs to the next one up (of _AGENTS_UP) that holds
    it in time.
    What began with an agent is its work, also where a coarse clock shows no time for it.
    """
    start, end = readings.start, readings.end
    found = around.copy()
    ended = np.maximum(end, start + 1)[np.maximum(around, 0)]
    late = np.flatnonzero((around >= 0) & (start[rows] >= ended))
    if not len(late):
        return found
    above = readings.forest.nearest(head, inclusive=False)
    asked = around[late]
    for _ in range(_AGENTS_UP):
        asked = above[asked]
        late, asked = late[asked >= 0], asked[asked >= 0]
        holds = (start[asked] <= start[rows[late]]) & (end[rows[late]] <= end[asked])
        found[late[holds]] = asked[holds]
        late, asked = late[~holds], asked[~holds]
    return found


def _containers(readings: Readings, head: Mask, rows: Ints) -> Ints:
    """For each head the nearest workflow above it that is not above another head first.

    A workflow that has the name of the agent around it is that agent's own loop, no container.
    A tool call is one: agents that run within one call are started by its code.
    """
    workflow = readings.is_kind(Kind.WORKFLOW) & ~head
    name, _ = codes(plain(readings.clean_name))
    around = readings.forest.nearest(head)
    workflow &= (around < 0) | (name != name[np.maximum(around, 0)])
    workflow |= readings.is_kind(Kind.TOOL) & ~head
    stop = readings.forest.nearest(workflow | head, inclusive=False)[rows]
    return np.where((stop >= 0) & workflow[np.maximum(stop, 0)], stop, -1)


def _agents(name: pa.Array, session: Ints) -> tuple[Ints, pa.Array, Ints]:
    """Agents of each session by number; of several spellings of one name the first one shows."""
    name = pc.utf8_slice_codeunits(name, 0, _NAME_CHARS_MAX)
    agent, _ = codes(by_session(session, plain(name)))
    _, first = np.unique(agent, return_index=True)
    return agent, name.take(pa.array(first)), session[first]
