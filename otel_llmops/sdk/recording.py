"""`record_usage`: tokens that a call of a model cost, told by hand."""

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Span, SpanKind, TracerProvider

from otel_llmops.sdk import attributes as names
from otel_llmops.sdk.guard import Guard
from otel_llmops.sdk.invocation import Attributes, current_invocation, tracer_of, usage_attributes
from otel_llmops.sdk.usage import Usage, read_usage, tokens

_RECORDING = Guard("record_usage")


def record_usage(  # noqa: PLR0913 - keywords of the public face
    *,
    input_tokens: int | None = None,
    output_tokens: int | None = None,
    cache_read_tokens: int | None = None,
    cache_write_tokens: int | None = None,
    reasoning_tokens: int | None = None,
    model: str | None = None,
    provider: str | None = None,
    response: object = None,
    tracer_provider: TracerProvider | None = None,
) -> None:
    """Tell what one call of a model cost, in {token}.

    In:     input includes what was read from and written to a cache, output includes reasoning.
            `response`, a provider's answer, fills in what is not given by name.
    Out:    written on the current span where that is a model call's (of `monitor_llm`: several
            calls of this function add up). Elsewhere, in an agent's run or outside of any span, a
            `chat` span of no length is made for it, so that a call is counted, and counted once.
    Raises: nothing, ever.
    """
    with _RECORDING:
        told = Usage(
            input_tokens=tokens(input_tokens),
            output_tokens=tokens(output_tokens),
            cache_read_tokens=tokens(cache_read_tokens),
            cache_write_tokens=tokens(cache_write_tokens),
            reasoning_tokens=tokens(reasoning_tokens),
            model=model,
        )
        usage = told
        with _RECORDING:  # what was told by name counts even where the answer cannot be read
            usage = (read_usage(response) or Usage()).told(told)
        _write(usage, provider, tracer_provider)


def _write(usage: Usage, provider: str | None, tracer_provider: TracerProvider | None) -> None:
    extra: Attributes = {names.PROVIDER: names.text(provider)} if provider else {}
    span = trace.get_current_span()
    invocation = current_invocation()
    if invocation is not None and invocation.chat and invocation.span is span:
        invocation.add_usage(usage)
        span.set_attributes(extra)
    elif _is_call(span):
        span.set_attributes({**usage_attributes(usage), **extra})
    else:
        own = invocation.tracer if invocation is not None and tracer_provider is None else None
        (own or tracer_of(tracer_provider)).start_span(
            f"{names.CHAT} {names.text(usage.model)}" if usage.model else names.CHAT,
            kind=SpanKind.CLIENT,
            attributes={names.OPERATION: names.CHAT, **usage_attributes(usage), **extra},
        ).end()


def _is_call(span: Span) -> bool:
    if not span.is_recording() or not isinstance(span, ReadableSpan):
        return False
    attributes = span.attributes or {}
    return (
        attributes.get(names.OPERATION) in names.INFERENCE
        or attributes.get("openinference.span.kind") == "LLM"
        or attributes.get("llm.request.type") is not None
    )
