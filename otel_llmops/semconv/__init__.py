"""Attribute names and the dialect table: canonical concept -> where each dialect keeps it.

Strategy: everything that is known of a convention, an instrumentation library or a framework is
data here, and rules elsewhere read it. A new framework is a new row. The order inside a concept
is the order of priority: first present, not empty wins.

A place is an attribute name, or `member("input.value", "coworker")` for a member of a JSON
document in an attribute, or `pattern("input.value", "...(?P<value>...)")` for the group `value` of
a regular expression (RE2), or `event("gen_ai.tool.message", "content")` for an attribute of a span
event.

Sources: OpenTelemetry GenAI conventions (semantic-conventions <= 1.41 and semantic-conventions-
genai), OpenInference, OpenLLMetry's semconv_ai, and the wire as real frameworks write it.
"""

from otel_llmops.semconv.concepts import CONCEPTS, EXCLUSIVE_CACHE, NO_ID, QUOTED_PREFIX
from otel_llmops.semconv.content import CONTENT
from otel_llmops.semconv.kinds import (
    KIND_AFFIXES,
    KIND_MARKS,
    NAME_MARKS,
    OUTRANKING_MARKS,
    Dialect,
    Kind,
)
from otel_llmops.semconv.messages import (
    HIDDEN,
    MESSAGES,
    NOT_SAID,
    OFFERED_TOOLS,
    ROLES,
    SPOKEN_TEXT,
    Side,
    Speaker,
)
from otel_llmops.semconv.names import (
    AFFIXES,
    CHAIN_PART,
    CONTROL_FLOW,
    FAILED_WORDS,
    GENERIC_HANDOFF_TOOLS,
    GRAPH_SCOPE,
    HANDOFF_TOOL,
    NAMING_SCOPE,
    PLUMBING,
    PLUMBING_PATTERN,
    RATE_LIMITED,
    RETURNING,
    STEP_NAMES,
    SUCCEEDED_WORDS,
    WORKFLOW_DEFAULTS,
)
from otel_llmops.semconv.places import Place, event, member, pattern

__all__ = [
    "AFFIXES",
    "CHAIN_PART",
    "CONCEPTS",
    "CONTENT",
    "CONTROL_FLOW",
    "EXCLUSIVE_CACHE",
    "FAILED_WORDS",
    "GENERIC_HANDOFF_TOOLS",
    "GRAPH_SCOPE",
    "HANDOFF_TOOL",
    "HIDDEN",
    "KIND_AFFIXES",
    "KIND_MARKS",
    "MESSAGES",
    "NAME_MARKS",
    "NAMING_SCOPE",
    "NOT_SAID",
    "NO_ID",
    "OFFERED_TOOLS",
    "OUTRANKING_MARKS",
    "PLUMBING",
    "PLUMBING_PATTERN",
    "QUOTED_PREFIX",
    "RATE_LIMITED",
    "RETURNING",
    "ROLES",
    "SPOKEN_TEXT",
    "STEP_NAMES",
    "SUCCEEDED_WORDS",
    "WORKFLOW_DEFAULTS",
    "Dialect",
    "Kind",
    "Place",
    "Side",
    "Speaker",
    "event",
    "member",
    "pattern",
]
