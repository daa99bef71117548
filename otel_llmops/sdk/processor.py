"""AgentSpanProcessor: stamps every span with our agent, the conversation and the user's function.

Strategy
    All is done in `on_start`, which runs in the stack of whoever starts the span, before any
    other code sees the span; so it does not matter where among the processors it stands.

    The agent comes down from span to span by the parent's own stamp. That holds where a framework
    builds a context of its own around the parent span, which would lose a key of ours; and it
    stops by itself at a framework's own agent span, which gets no stamp and so passes none on.

    Where another process calls, the first spans of the work here say who called (propagation.py).
"""

import os
import sys
from collections.abc import Mapping

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import get_current_span

from otel_llmops.sdk import attributes as names
from otel_llmops.sdk.caller import NOBODY, caller
from otel_llmops.sdk.code_location import CodeLocations
from otel_llmops.sdk.guard import Guard, failed
from otel_llmops.sdk.hosts import ALLOWED
from otel_llmops.sdk.invocation import current_invocation
from otel_llmops.sdk.revision import program_directory, revision
from otel_llmops.sdk.span_attributes import Stamp, attributes_of, put
from otel_llmops.sdk.speaker import point_up

_NOTHING: Mapping[str, object] = {}


class AgentSpanProcessor(SpanProcessor):
    """Stamps spans at start: `provider.add_span_processor(AgentSpanProcessor())`, in any order.

    Writes `llmops.agent.name` and `llmops.conversation.id` (below `agent` and `monitor_llm`),
    `code.function.name`, `code.file.path` and `code.line.number` (of the nearest frame outside
    installed packages), and on the first span of a trace in this process `vcs.ref.head.revision`
    (unless the resource has it) and, if an agent of another process called, its conversation and
    `llmops.handoff.source.name`. Never overwrites what is there, never writes `gen_ai.*`.

    Args:
        code_location: False leaves the user's function out, and saves the walk over the stack.
        project_root: directory that holds the user's code, where "what is not installed" does not
            say it: a project that is itself installed, or several projects side by side.
    """

    def __init__(self, *, code_location: bool = True, project_root: str | None = None) -> None:
        self._locations: CodeLocations | None = None
        self._project_root = project_root
        self._revision: str | None = None
        self._revision_read = False
        self._resource: tuple[Resource, bool] | None = None
        with Guard("processor set-up"):
            self._locations = CodeLocations(project_root) if code_location else None

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Stamp a span that has just been started; never raises."""
        try:
            stamp = self._stamp(span, parent_context)
            if stamp:
                put(span, stamp)
        except Exception as error:  # noqa: BLE001 - runs in user code, see guard.py; cheaper than Guard
            failed("processor", error)

    def _stamp(self, span: Span, parent_context: Context | None) -> Stamp:
        own = attributes_of(span)
        parent = get_current_span(parent_context)
        stamp: Stamp = {}
        if isinstance(parent, ReadableSpan):
            above = attributes_of(parent)
            _inherit(stamp, own, above)
            if ALLOWED.patterns:
                point_up(span, parent)
        else:
            above = _NOTHING
            self._begin(stamp, own, span, parent_context)
        if self._locations is not None and not (
            names.FUNCTION in own
            or names.FILE_PATH in own
            or "code.function" in own  # the deprecated names
            or "code.filepath" in own
        ):
            location = self._locations.nearest(sys._getframe(2), above)  # noqa: SLF001 - no public way
            if location is not None:
                stamp.update(location)
        return stamp

    def _begin(
        self, stamp: Stamp, own: Mapping[str, object], span: Span, context: Context | None
    ) -> None:
        """Stamp the first span of a trace in this process, or one below an unrecorded span."""
        if not self._revision_read:  # not before: under auto-instrumentation no program runs yet
            self._revision_read = True
            self._revision = revision(os.environ, program_directory(self._project_root))
        if self._revision is not None and not self._told(span.resource):
            stamp[names.REVISION] = self._revision
        invocation = current_invocation(context)
        told = caller(context)
        if told is not NOBODY:
            _name(stamp, own, None, told.conversation_id)
            if told.agent_name is not None and invocation is None:
                stamp[names.CALLER_NAME] = told.agent_name
        if invocation is not None:
            _name(stamp, own, invocation.agent_name, invocation.conversation_id)

    def _told(self, resource: Resource) -> bool:
        """Whether the resource has the revision; a provider's is nearly always the very same."""
        known = self._resource
        if known is None or known[0] is not resource:
            known = self._resource = (resource, names.REVISION in resource.attributes)
        return known[1]


def _inherit(stamp: Stamp, own: Mapping[str, object], above: Mapping[str, object]) -> None:
    name = above.get(names.AGENT_NAME)
    if name is not None and names.is_agent(above) and above.get(names.GEN_AI_AGENT_NAME) != name:
        name = None  # a framework's agent, known as one only after our stamp: it wins from here on
    _name(stamp, own, name, above.get(names.CONVERSATION_ID))


def _name(stamp: Stamp, own: Mapping[str, object], name: object, conversation_id: object) -> None:
    if isinstance(name, str) and names.AGENT_NAME not in own and not names.is_agent(own):
        stamp[names.AGENT_NAME] = name
    if isinstance(conversation_id, str) and names.CONVERSATION_ID not in own:
        stamp[names.CONVERSATION_ID] = conversation_id
