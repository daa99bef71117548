"""How far what an agent works on has moved from what was asked and from what was handed over.

Strategy: a handoff has four documents beside it: the request (what the user said at the start of
the run), what the source had and answered, what the target received, and what the target answered.
Each is a set of weighted terms (drift_terms.py), and four shares are read off them: how much of the
request and of the source's answer the target received, how many of the facts it received were known
before, and whether its answer has to do with any of it. The score is the chance that none of four
independent faults happened, each as likely as its share is low and as heavy as docs/quality.md
says. No model and no dictionary is asked, and no other session.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from otel_llmops.analysis.agents import Activations
from otel_llmops.analysis.drift_compare import Shares, TermIndex
from otel_llmops.analysis.drift_documents import Budget, Documents, documents_of
from otel_llmops.analysis.drift_sides import Sides, sides_of
from otel_llmops.analysis.drift_terms import terms_of
from otel_llmops.analysis.drift_tools import tools_changed
from otel_llmops.analysis.edges import DELEGATION, FAN_OUT, Edges
from otel_llmops.analysis.forest import Ints
from otel_llmops.analysis.messages import Messages, messages_of
from otel_llmops.analysis.readings import Readings

__all__ = ["METHODS", "NO_CONTENT", "Drift", "Embed", "drift"]

Embed = Callable[[Sequence[str]], npt.NDArray[np.floating]]
"""Texts -> a row of numbers for each, of one length; near in direction is near in meaning."""

METHODS = (
    "no content captured",
    "hashed terms",
    "hashed terms of answers",
    "hashed terms, embeddings",
    "hashed terms of answers, embeddings",
)
"""How a score was found; where nothing shows what a target received, its answer stands in."""
NO_CONTENT, TERMS, OF_ANSWERS, EMBEDDINGS = range(4)

_PIECE_BYTES = 2_000_000
_PIECE_HANDOFFS = 4_096
"""Each has 6 documents at most, and there are DOCUMENTS_MAX numbers for them."""

_PART_OF_REQUEST_WEIGHT = 0.5
"""Who delegates hands over a part of the request in words of his own, and keeps the rest."""
_ANSWER_WEIGHT = 0.5
"""The target may do without the source's own words: all of them lost is half a drift."""
_NEW_FACTS_WEIGHT = 0.5
"""Facts that nobody knew may come from a place that no span shows."""
_OFF_TOPIC_WEIGHT = 0.25
"""An answer is new by nature: only one that shares next to nothing with what was given tells."""
_ON_TOPIC = 0.25
"""So large a share of an answer's terms that were given is on topic."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One row a handoff. Shares and numbers are NaN where there is no evidence.

    `score` is in [0, 1], 0 with method NO_CONTENT; `bytes_read` and `bytes_cut` are of the
    documents of the handoff.
    """

    score: Shares
    method: Ints
    request_weight: Shares
    request_kept: Shares
    answer_kept: Shares
    facts_known: Shares
    on_topic: Shares
    growth: Shares
    repeated_prefix: Shares
    tools_changed: Shares
    bytes_read: Ints
    bytes_cut: Ints

    @property
    def context_kept(self) -> Shares:
        """What the target received of what it should have, NaN where no input shows it."""
        kept = 1 - self.request_weight * _lost(self.request_kept)
        kept = kept * (1 - _ANSWER_WEIGHT * _lost(self.answer_kept))
        unknown = np.isnan(self.request_kept) & np.isnan(self.answer_kept)
        shown = np.isin(self.method, (TERMS, EMBEDDINGS)) & ~unknown
        return np.where(shown, kept, np.nan)


def drift(
    readings: Readings,
    acts: Activations,
    edges: Edges,
    run: Ints,
    *,
    budget: Budget | None = None,
    embed: Embed | None = None,
) -> Drift:
    """Measure the drift across each handoff.

    In:   Readings (n spans), Activations, Edges, and the number of the run of each span; `budget`
          bounds what is read of a document; `embed` lends its sense for other words.
    Out:  Drift, a row for each edge, in their order.
    Edge: Where neither input nor answer of the target shows, or nothing of what went before, the
          method is NO_CONTENT and the score 0.
    Cost: O(b log b) for b bytes of the documents beside handoffs; O(spans with messages) to find
          them.
    Source: docs/quality.md.
    """
    budget = budget or Budget()
    messages = messages_of(readings.attributes)
    if not len(edges.source) or not len(messages.row):
        return _nothing(len(edges.source))
    sides = sides_of(readings, acts, edges, run, messages)
    weight = _request_weights(edges)
    parts = []
    for piece in _pieces(messages, sides):
        documents = documents_of(messages, sides.select(piece), budget)
        parts.append(_measured(documents, sides.select(piece), weight[piece], budget, embed))
    tools = tools_changed(readings.attributes, sides.had, sides.given)
    return replace(_joined(parts), tools_changed=tools)


def _pieces(messages: Messages, sides: Sides) -> Iterator[slice]:
    """Handoffs in turn, so many at once as keep the work in the processor's cache."""
    size = np.append(np.bincount(messages.row, weights=messages.length), 0.0)
    last = len(size) - 1
    columns = (sides.request, sides.had, sides.given, sides.answer, sides.made)
    cost = np.sum([size[np.where(c < 0, last, np.minimum(c, last))] for c in columns], axis=0)
    piece = np.cumsum(cost + _PIECE_BYTES / _PIECE_HANDOFFS) // _PIECE_BYTES
    bounds = np.flatnonzero(np.append(True, piece[1:] != piece[:-1]))
    for start, stop in pairwise([*bounds.tolist(), len(piece)]):
        yield slice(start, stop)


def _joined(parts: Sequence[Drift]) -> Drift:
    columns = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(Drift)
    }
    return Drift(**columns)


def _measured(
    documents: Documents, sides: Sides, weight: Shares, budget: Budget, embed: Embed | None
) -> Drift:
    """The drift of some handoffs, whose documents are read."""
    index = TermIndex(terms_of(documents.texts), terms_max=budget.terms)
    heard = documents.heard(sides.given)
    given = np.where(heard >= 0, heard, documents.answer(sides.made))
    method = _methods(documents, sides, embedded=embed is not None)
    shares = _shares(sides, documents, index, given, embed)
    return Drift(
        score=np.where(method == NO_CONTENT, 0.0, _score(weight, *shares)),
        method=method,
        request_weight=weight,
        request_kept=shares[0],
        answer_kept=shares[1],
        facts_known=shares[2],
        on_topic=shares[3],
        growth=documents.growth(sides.had, sides.given),
        repeated_prefix=documents.repeated_prefix(sides.had, sides.given),
        tools_changed=np.full(len(weight), np.nan),
        bytes_read=documents.read(sides),
        bytes_cut=documents.cut(sides),
    )


def _methods(documents: Documents, sides: Sides, *, embedded: bool) -> Ints:
    before = (documents.told(sides) >= 0) | (documents.heard(sides.had) >= 0)
    before |= (documents.request(sides.request) >= 0) & (sides.request != sides.given)
    heard, made = documents.heard(sides.given) >= 0, documents.answer(sides.made) >= 0
    found = np.where(heard, TERMS, OF_ANSWERS) + (2 if embedded else 0)
    return np.where(before & (heard | made), found, NO_CONTENT)


def _shares(
    sides: Sides, documents: Documents, index: TermIndex, given: Ints, embed: Embed | None
) -> tuple[Shares, Shares, Shares, Shares]:
    """Request kept, answer kept, facts known, answer on topic."""
    rules = documents.rules(sides.given)
    request, told = documents.request(sides.request), documents.told(sides)
    had, had_rules = documents.heard(sides.had), documents.rules(sides.had)
    kept = []
    for wanted in (request, told):
        alike = None if embed is None else documents.likeness(wanted, given, embed)
        kept.append(index.found(wanted, (given, rules)).share(alike))
    before = (request, documents.heard(sides.request), told, had, had_rules, rules)
    known = index.found(given, before).of_facts()
    made = documents.answer(sides.made)
    topic = index.found(made, (given, rules, request, had)).of_all(_ON_TOPIC)
    return kept[0], kept[1], known, np.where(made == given, np.nan, topic)


def _request_weights(edges: Edges) -> Shares:
    return np.where(np.isin(edges.kind, (DELEGATION, FAN_OUT)), _PART_OF_REQUEST_WEIGHT, 1.0)


def _score(weight: Shares, request: Shares, answer: Shares, known: Shares, topic: Shares) -> Shares:
    whole = 1 - weight * _lost(request)
    whole = whole * (1 - _ANSWER_WEIGHT * _lost(answer))
    whole = whole * (1 - _NEW_FACTS_WEIGHT * _lost(known))
    scores: Shares = 1 - whole * (1 - _OFF_TOPIC_WEIGHT * _lost(topic))
    return np.clip(scores, 0.0, 1.0)


def _lost(kept: Shares) -> Shares:
    """What is missing of a share; nothing where there is no evidence."""
    return np.where(np.isnan(kept), 0.0, 1 - kept)


def _nothing(count: int) -> Drift:
    unknown = np.full(count, np.nan)
    zero = np.zeros(count, dtype=np.int64)
    return Drift(
        score=np.zeros(count),
        method=zero,
        request_weight=np.ones(count),
        request_kept=unknown,
        answer_kept=unknown,
        facts_known=unknown,
        on_topic=unknown,
        growth=unknown,
        repeated_prefix=unknown,
        tools_changed=unknown,
        bytes_read=zero,
        bytes_cut=zero,
    )
