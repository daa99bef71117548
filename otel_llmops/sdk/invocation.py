"""One run of an agent or of a model's call: its spans, its place in the context, its end.

Strategy
    A `Plan` is made once, at decoration; an `Invocation` is one run of it. `monitor_llm` for
    an agent that is not yet at work opens two spans, `invoke_agent` and in it `chat`; they end
    together. Spans are made current by attach and detach alone: the SDK's own context manager
    costs a sixth of a span more (benchmarks/bench_sdk.py).
"""

import traceback
from collections.abc import Sequence
from contextvars import Token
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from opentelemetry import trace
from opentelemetry.context import (
    Context,
    attach,
    create_key,
    detach,
    get_current,
    get_value,
    set_value,
)
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace import Span as RecordingSpan
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, TracerProvider

from otel_llmops import __version__
from otel_llmops.sdk import attributes as names
from otel_llmops.sdk.caller import caller
from otel_llmops.sdk.guard import Guard
from otel_llmops.sdk.span_attributes import tell
from otel_llmops.sdk.usage import StreamUsage, Usage, read_usage

Attributes = dict[str, str | int | Sequence[str]]

_STARTING = Guard("start of a span")
_STEPPING = Guard("context of a span")
_ENDING = Guard("end of a span")
_USAGE = Guard("token usage")
_EXCEPTION = Guard("exception of the user's")

# in OpenTelemetry's own context, so that whatever carries that carries us too
_KEY = create_key("otel-llmops-invocation")

# asking a provider for its tracer may cost more than the span, so answers are kept
_tracers: WeakKeyDictionary[TracerProvider, Tracer] = WeakKeyDictionary()
_last_tracer: tuple[TracerProvider, Tracer] | None = None


def current_invocation(context: Context | None = None) -> "Invocation | None":
    """The invocation of `agent` or `monitor_llm` that runs in this context, if any."""
    return get_value(_KEY, context)  # type: ignore[return-value]  # only this module writes it


def tracer_of(provider: TracerProvider | None) -> Tracer:
    """Our tracer of `provider`, by default of the global one as it is now."""
    global _last_tracer  # noqa: PLW0603 - a cache of one; a race costs one look-up
    provider = provider or trace.get_tracer_provider()
    kept = _last_tracer
    if kept is not None and kept[0] is provider:
        return kept[1]
    tracer = _tracers.get(provider)
    if tracer is None:
        tracer = _tracers[provider] = provider.get_tracer("otel_llmops", __version__)
    _last_tracer = (provider, tracer)
    return tracer


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run opens: an agent's span, a model call's, or both."""

    agent_name: str | None
    conversation_id: str | None = None
    invokes_agent: bool
    chat_name: str | None
    agent_attributes: Attributes = field(default_factory=dict)
    chat_attributes: Attributes = field(default_factory=dict)
    provider: TracerProvider | None = None


class Invocation:
    """One run of a plan, from `Invocation(plan)` to `finish` or `fail`; none of it ever raises."""

    __slots__ = (
        "_context",
        "_enclosing",
        "_plan",
        "_stream",
        "_token",
        "_usage",
        "agent_name",
        "chat",
        "conversation_id",
        "span",
        "tracer",
    )

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.agent_name = plan.agent_name
        self.conversation_id = plan.conversation_id
        self.chat = plan.chat_name is not None
        self.span: Span = trace.INVALID_SPAN
        self.tracer: Tracer | None = None
        self._enclosing: Span | None = None
        self._context: Context | None = None
        self._token: Token[Context] | None = None
        self._usage: Usage | None = None
        self._stream: StreamUsage | None = None
        with _STARTING:
            self._open(get_current())

    def _open(self, context: Context) -> None:
        plan = self._plan
        outer = current_invocation(context)
        if outer is not None:
            self.conversation_id = self.conversation_id or outer.conversation_id
            if not plan.invokes_agent:
                self.agent_name = outer.agent_name
        elif self.conversation_id is None:
            self.conversation_id = caller(context).conversation_id
        self.tracer = tracer_of(plan.provider)
        if plan.chat_name is None:
            context = self._start(context, _agent_span_name(plan), plan.agent_attributes)
        else:
            if plan.invokes_agent and agent_at_work(context) != plan.agent_name:
                context = self._start(context, _agent_span_name(plan), plan.agent_attributes)
                self._enclosing = self.span
            context = self._start(context, plan.chat_name, plan.chat_attributes, SpanKind.CLIENT)
        self._context = context

    def _start(
        self,
        context: Context,
        name: str,
        attributes: Attributes,
        kind: SpanKind = SpanKind.INTERNAL,
    ) -> Context:
        if self.conversation_id is not None:
            attributes = {
                **attributes,
                names.GEN_AI_CONVERSATION_ID: self.conversation_id,
                names.CONVERSATION_ID: self.conversation_id,
            }
        assert self.tracer is not None  # noqa: S101 - set by _open
        self.span = self.tracer.start_span(name, context, kind, attributes)
        return set_value(_KEY, self, trace.set_span_in_context(self.span, context))

    def enter(self) -> None:
        """Make this run current, until `leave`: for all of it, or for one step of a generator."""
        with _STEPPING:
            if self._context is not None:
                self._token = attach(self._context)

    def leave(self) -> None:
        """Give the caller its own context back, and keep ours as the step left it."""
        with _STEPPING:
            token, self._token = self._token, None
            if token is not None:
                self._context = get_current()
                detach(token)

    def saw(self, item: object) -> None:
        """An item that the generator yields: perhaps a chunk that carries usage."""
        if not self.chat:
            return
        with _USAGE:
            if self._stream is None:
                self._stream = StreamUsage()
            self._stream.saw(item)

    def add_usage(self, usage: Usage) -> None:
        """Usage that the user records by hand; several calls of a model in one run add up."""
        self._usage = usage if self._usage is None else self._usage.plus(usage)
        self.span.set_attributes(usage_attributes(self._usage))

    def finish(self, result: object = None) -> None:
        """End well; usage is taken from the result unless it was recorded by hand."""
        self._write_usage(result)
        self._end()

    def fail(self, error: BaseException) -> None:
        """End with the user's exception, which goes on unchanged."""
        for span in self._spans():
            with _EXCEPTION:
                span.set_attribute(names.ERROR_TYPE, _type_name(error))
                span.set_status(StatusCode.ERROR, f"{type(error).__name__}: {_message(error)}")
        if self.span.is_recording():
            with _EXCEPTION:
                self.span.add_event(names.EXCEPTION, _exception_attributes(error))
        self._write_usage(None)  # what a broken stream had cost by then
        self._end()

    def _write_usage(self, result: object) -> None:
        if not self.chat or self._usage is not None or not self.span.is_recording():
            return
        with _USAGE:
            usage = read_usage(result) or (self._stream.total if self._stream is not None else None)
            if usage is not None:
                _tell(self.span, usage_attributes(usage))

    def _end(self) -> None:
        for span in self._spans():
            with _ENDING:
                span.end()

    def _spans(self) -> tuple[Span, ...]:
        return (self.span,) if self._enclosing is None else (self.span, self._enclosing)


def agent_at_work(context: Context | None = None) -> str | None:
    """Name of the agent that the context's current span belongs to, ours or a framework's."""
    span = trace.get_current_span(context)
    if isinstance(span, ReadableSpan) and span.attributes:
        for key in (names.GEN_AI_AGENT_NAME, names.AGENT_NAME):
            if isinstance(name := span.attributes.get(key), str):
                return name
    invocation = current_invocation(context)
    return invocation.agent_name if invocation is not None else None


def usage_attributes(usage: Usage) -> Attributes:
    """`gen_ai.usage.*` and `gen_ai.response.*` of what is known in `usage`."""
    known: dict[str, str | int | None] = {
        names.INPUT_TOKENS: usage.input_tokens,
        names.OUTPUT_TOKENS: usage.output_tokens,
        names.CACHE_READ_TOKENS: usage.cache_read_tokens,
        names.CACHE_WRITE_TOKENS: usage.cache_write_tokens,
        names.REASONING_TOKENS: usage.reasoning_tokens,
        names.RESPONSE_MODEL: names.text(usage.model) if usage.model else None,
    }
    attributes: Attributes = {key: value for key, value in known.items() if value is not None}
    if usage.finish_reason:
        attributes[names.FINISH_REASONS] = (names.text(usage.finish_reason),)
    return attributes


def _tell(span: Span, attributes: Attributes) -> None:
    if isinstance(span, RecordingSpan):
        tell(span, attributes)
    else:
        span.set_attributes(attributes)


def _agent_span_name(plan: Plan) -> str:
    return f"{names.INVOKE_AGENT} {plan.agent_name}" if plan.agent_name else names.INVOKE_AGENT


def _exception_attributes(error: BaseException) -> Attributes:
    """As the SDK records exceptions, in text that can be encoded whatever the exception says."""
    return {
        names.EXCEPTION_TYPE: _type_name(error),
        names.EXCEPTION_MESSAGE: _message(error),
        names.EXCEPTION_STACKTRACE: names.text("".join(traceback.format_exception(error))),
    }


def _type_name(error: BaseException) -> str:
    kind = type(error)
    name = kind.__qualname__
    return name if kind.__module__ == "builtins" else f"{kind.__module__}.{name}"


def _message(error: BaseException) -> str:
    with _EXCEPTION:
        return names.text(error)
    return ""
