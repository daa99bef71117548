"""Agent and conversation across a process boundary: in baggage, to hosts on a list, else nowhere.

Strategy
    A propagator around the one that is in use. It puts two members into the baggage of one call,
    if the call's own CLIENT span says that it goes to an allowed host, and leaves the rest
    (encoding, limits, the user's own members) to the propagator inside. On the other side it takes
    the members out of the baggage again, into a key of our own: what stays in the baggage goes to
    every host that is called from then on, the model's provider too.

    `inject` is not told the host, but instrumentations of clients call it with their span current.

Source: W3C Baggage; OpenTelemetry HTTP conventions.
"""

import logging
import threading
from collections.abc import Iterable, MutableMapping
from importlib import import_module

from opentelemetry import baggage
from opentelemetry.context import Context, create_key, get_current, get_value, set_value
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, get_current_span

from otel_llmops.sdk import attributes as names
from otel_llmops.sdk.caller import NOBODY, Caller, believed, caller, with_caller
from otel_llmops.sdk.guard import Guard
from otel_llmops.sdk.hosts import (
    ALLOWED,
    AllowedHosts,
    Destination,
    destination_of_call,
    destination_of_url,
)
from otel_llmops.sdk.span_attributes import attributes_of
from otel_llmops.sdk.speaker import speaker

_API = "opentelemetry.propagate"  # imported late: it raises if OTEL_PROPAGATORS names no such one
_HEADER = "baggage"
_MEMBERS = (names.AGENT_NAME, names.CONVERSATION_ID)
_DESTINATION = create_key("otel-llmops-destination")
_NOWHERE = Destination("", None)

_INSTALLING = Guard("propagation")
_SENDING = Guard("baggage of a call")
_RECEIVING = Guard("baggage of a caller")

_logger = logging.getLogger("otel_llmops")
_lock = threading.Lock()


class BoundaryPropagator(TextMapPropagator):
    """The propagator `inner`, which tells allowed hosts who calls, and learns who called.

    Args:
        inner: what is propagated anyway. Where it has no baggage, nothing is told.
        allowed: hosts that may hear of it.
    """

    def __init__(self, inner: TextMapPropagator, allowed: AllowedHosts) -> None:
        self._inner = inner
        self._allowed = allowed

    def inject(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        setter: Setter[CarrierT] = default_setter,
    ) -> None:
        """Inject as `inner` does, with who calls if the call goes to an allowed host."""
        context = get_current() if context is None else context
        if self._allowed.patterns:
            with _SENDING:
                if _destination(context) in self._allowed:
                    context = _told(context, speaker(context))
                else:
                    _forget(carrier)
        self._inner.inject(carrier, context, setter)

    def extract(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        getter: Getter[CarrierT] = default_getter,
    ) -> Context:
        """Extract as `inner` does, with our members taken out of the baggage."""
        before = get_current() if context is None else context
        after = self._inner.extract(carrier, context, getter)
        with _RECEIVING:
            return _learnt(before, after)
        return after

    @property
    def fields(self) -> set[str]:
        """As `inner`'s."""
        return self._inner.fields


def propagate(*, to: Iterable[str] = ()) -> None:
    """Tell these hosts which agent calls them in which conversation, and learn it from callers.

    For programs that `opentelemetry-instrument` does not start, which does this by itself; after
    any `set_global_textmap` of the program's own. Call it again to add hosts.

    In:     `to`, hosts with or without a port; `*.` in front stands for all hosts below. None by
            default: then this process learns who calls it, and tells nobody.
    Edge:   The hosts hear `llmops.agent.name` and `llmops.conversation.id` as members of the W3C
            `baggage` header of calls whose CLIENT span says where they go; see `outgoing_headers`
            for others. A client that follows a redirect may take headers along, and a host
            without otel-llmops passes them on as it does all baggage.
    Raises: nothing, ever. A host that cannot be read is logged and allowed nothing.
    """
    with _INSTALLING:
        unread = ALLOWED.add((to,) if isinstance(to, str) else to)
        if unread:
            _logger.warning(
                "otel-llmops: no host that could be told anything: %s", ", ".join(unread)
            )
        with _lock:
            api = import_module(_API)
            inner = api.get_global_textmap()
            if not isinstance(inner, BoundaryPropagator):
                api.set_global_textmap(BoundaryPropagator(inner, ALLOWED))
        if ALLOWED.patterns and _HEADER not in inner.fields:
            _logger.warning(
                "otel-llmops: agents are not told to other processes, because OTEL_PROPAGATORS "
                "has no baggage"
            )


def outgoing_headers(url: str) -> dict[str, str]:
    """Headers of a call to `url` whose client is not instrumented: trace, baggage, who calls.

    In:     an absolute URL; who calls is told if its host is allowed (`propagate`).
    Out:    what the propagator in use injects, such as `traceparent` and `baggage`; perhaps empty.
    Raises: nothing, ever.
    """
    headers: dict[str, str] = {}
    with _SENDING:
        context = set_value(_DESTINATION, destination_of_url(url) or _NOWHERE)
        import_module(_API).inject(headers, context)
    return headers


def _destination(context: Context) -> Destination | None:
    told = get_value(_DESTINATION, context)
    if isinstance(told, Destination):
        return told
    span = get_current_span(context)
    if not isinstance(span, ReadableSpan) or span.kind is not SpanKind.CLIENT:
        return None
    return destination_of_call(attributes_of(span))


def _told(context: Context, who: Caller) -> Context:
    for member, value in zip(_MEMBERS, believed(who), strict=True):
        if value is not None:
            context = baggage.set_baggage(member, value, context)
    return context


def _learnt(before: Context, after: Context) -> Context:
    told = Caller(*(_member(name, after) for name in _MEMBERS))
    if told == NOBODY:
        # who called before did not make this call, unless a propagator inside has just learnt it
        stale = caller(after) is not NOBODY and caller(after) is caller(before)
        return with_caller(after, NOBODY) if stale else after
    for member in _MEMBERS:
        after = baggage.remove_baggage(member, after)
    return with_caller(after, believed(told))


def _member(name: str, context: Context) -> str | None:
    value = baggage.get_baggage(name, context)
    return value if isinstance(value, str) else None


def _forget(carrier: object) -> None:
    """Take back what an allowed host was told, where the same headers now go to another one.

    httpx follows a redirect with the headers of the request before.
    """
    if not isinstance(carrier, MutableMapping):
        return
    header = carrier.get(_HEADER)
    if not isinstance(header, str) or not any(member in header for member in _MEMBERS):
        return
    kept = [each for each in header.split(",") if each.partition("=")[0].strip() not in _MEMBERS]
    if kept:
        carrier[_HEADER] = ",".join(kept)
    else:
        del carrier[_HEADER]
