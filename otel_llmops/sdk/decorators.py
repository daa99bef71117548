"""`agent` and `monitor_llm`: a function, or a block, becomes an agent's run or a model's call."""

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import ParamSpec, TypeVar, cast, overload

from opentelemetry.trace import Span, TracerProvider

from otel_llmops.sdk import attributes as names
from otel_llmops.sdk.code_location import function_location
from otel_llmops.sdk.guard import Guard
from otel_llmops.sdk.invocation import Attributes, Invocation, Plan, current_invocation
from otel_llmops.sdk.wrapping import wrapped

P = ParamSpec("P")
R = TypeVar("R")

_PLANNING = Guard("decoration")
_BLOCK = Guard("block")


class Observed:
    """What `agent(...)` and `monitor_llm(...)` give: a decorator and a (async) `with` block.

    The block gives the OpenTelemetry span. One object may be used many times, also at once.
    """

    def __init__(self, planned: Callable[[Callable[..., object] | None], Plan]) -> None:
        self._planned = planned
        self._block: Plan | None = None
        self._open: list[Invocation] = []

    def __call__(self, function: Callable[P, R], /) -> Callable[P, R]:
        """`function`, with its signature and kind, observed at each call."""
        with _PLANNING:
            return wrapped(function, self._planned(function))
        return function

    def __enter__(self) -> Span:
        if self._block is None:
            self._block = _plan_of_block(self._planned)
        run = Invocation(self._block)
        run.enter()
        self._open.append(run)
        return run.span

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        run = None
        with _BLOCK:
            run = self._closing()
        if run is None:
            return
        run.leave()
        if error is None:
            run.finish()
        else:
            run.fail(error)

    async def __aenter__(self) -> Span:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)

    def _closing(self) -> Invocation | None:
        """The run of this object that is current here; tasks may share the object."""
        current = current_invocation()
        if current in self._open:
            self._open.remove(current)
            return current
        return self._open.pop() if self._open else None


def _plan_of_block(planned: Callable[[Callable[..., object] | None], Plan]) -> Plan:
    with _PLANNING:
        return planned(None)
    return Plan(agent_name=None, invokes_agent=True, chat_name=None)


@overload
def agent(name: Callable[P, R], /) -> Callable[P, R]: ...


@overload
def agent(
    name: str | None = None,
    *,
    role: str | None = None,
    type: str | None = None,
    description: str | None = None,
    can_handoff_to: Iterable[str] | None = None,
    conversation_id: str | None = None,
    tracer_provider: TracerProvider | None = None,
) -> Observed: ...


def agent(  # noqa: PLR0913 - keywords of the public face
    name: str | Callable[P, R] | None = None,
    *,
    role: str | None = None,
    type: str | None = None,  # noqa: A002 - the plan's word
    description: str | None = None,
    can_handoff_to: Iterable[str] | None = None,
    conversation_id: str | None = None,
    tracer_provider: TracerProvider | None = None,
) -> Observed | Callable[P, R]:
    """A run of an agent: one `invoke_agent {name}` span around a function or a block.

    In:     `name`, by default the function's; the rest is told of the agent. `conversation_id`
            ties the traces of one conversation together, here and below.
    Out:    with a function (`@agent`): the function, observed. Else a decorator that is also a
            block: `@agent("planner")`, `with agent("planner"):`, `async with agent("planner"):`.
    Edge:   a generator's span lasts from its first step until it is exhausted or closed. An
            exception is recorded and goes on unchanged. Token usage is not read from what an agent
            returns: it belongs to a call of a model (`monitor_llm`, `record_usage`).
    Raises: nothing of its own, ever (`otel_llmops.sdk.failures` counts).
    """
    traits = _traits(role, type, description, can_handoff_to)
    bare = callable(name) or isinstance(name, classmethod)

    def planned(function: Callable[..., object] | None) -> Plan:
        given = getattr(function, "__name__", None) if name is None or bare else name
        agent_name = names.text(given) if given else None
        return Plan(
            agent_name=agent_name,
            conversation_id=names.text(conversation_id) if conversation_id else None,
            invokes_agent=True,
            chat_name=None,
            agent_attributes=_agent_attributes(agent_name, traits(), function),
            provider=tracer_provider,
        )

    observed = Observed(planned)
    return observed(cast("Callable[P, R]", name)) if bare else observed


def monitor_llm(
    *,
    operation_name: str | None = None,
    agent_name: str | None = None,
    agent_role: str | None = None,
    agent_type: str | None = None,
    can_handoff_to: Iterable[str] | None = None,
    tracer_provider: TracerProvider | None = None,
) -> Observed:
    """A call of a model on behalf of an agent: one `chat` span named `operation_name`.

    Where `agent_name` is not the agent that is at work already, an `invoke_agent {agent_name}` span
    encloses it: so that agent, handoffs and tokens come out right with this decorator alone.

    In:     `operation_name`, by default the function's name.
    Out:    a decorator that is also a block, as `agent`.
    Edge:   token usage, model and finish reason are read from what is returned, or from the chunks
            that a generator yields (sdk/usage.py says which shapes), unless `record_usage` was
            called. A stream object that is returned unread is left alone: make the function a
            generator.
    Raises: nothing of its own, ever (`otel_llmops.sdk.failures` counts).
    """
    traits = _traits(agent_role, agent_type, None, can_handoff_to)

    def planned(function: Callable[..., object] | None) -> Plan:
        owner = names.text(agent_name) if agent_name else None
        called = operation_name or getattr(function, "__name__", None) or names.CHAT
        of_agent = _agent_attributes(owner, traits(), function)
        return Plan(
            agent_name=owner,
            invokes_agent=owner is not None,
            chat_name=names.text(called),
            agent_attributes=of_agent,
            chat_attributes={**of_agent, names.OPERATION: names.CHAT},
            provider=tracer_provider,
        )

    return Observed(planned)


def _traits(
    role: str | None,
    type_: str | None,
    description: str | None,
    can_handoff_to: Iterable[str] | None,
) -> Callable[[], Attributes]:
    def read() -> Attributes:
        traits: Attributes = {}
        if role is not None:
            traits[names.AGENT_ROLE] = names.text(role)
        if type_ is not None:
            traits[names.AGENT_TYPE] = names.text(type_)
        if description is not None:
            traits[names.AGENT_DESCRIPTION] = names.text(description)
        if can_handoff_to is not None:
            several = (can_handoff_to,) if isinstance(can_handoff_to, str) else can_handoff_to
            traits[names.CAN_HANDOFF_TO] = tuple(names.text(target) for target in several)
        return traits

    return read


def _agent_attributes(
    name: str | None, traits: Attributes, function: Callable[..., object] | None
) -> Attributes:
    named: Attributes = {names.GEN_AI_AGENT_NAME: name, names.AGENT_NAME: name} if name else {}
    location = function_location(function) if function is not None else {}
    return {names.OPERATION: names.INVOKE_AGENT, **named, **traits, **location}
