"""Token counts read out of a model's answer by its structure, importing no provider's library.

Strategy
    An answer (object or dict, whole or a chunk of a stream) is searched for the place that holds
    counts; the counts are told apart by their field names, one row of `_DIALECTS` each. What comes
    out follows the GenAI conventions: input includes what was read from and written to a cache,
    output includes reasoning.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import islice
from typing import Final, NamedTuple

# OTLP carries 64-bit signed integers; a larger one would cost the sender its whole batch
_TOKENS_MAX: Final = 2**63 - 1
# so many of a list's last elements are looked at: an agent may return a million of anything
_LAST_MAX: Final = 64
_PLAIN = (str, bytes, bytearray, int, float, bool, type(None))
_CONTAINERS = ("usage", "usage_metadata", "usageMetadata", "response_metadata.token_usage")
# where an answer hides: stream events of Anthropic and OpenAI, generations of LangChain
_INNER = ("response", "message")


_MODEL_PATHS = (
    "model",
    "model_version",
    "modelVersion",
    "response_metadata.model_name",
    "response_metadata.model",
)
_REASON_PATHS = (
    "stop_reason",
    "delta.stop_reason",
    "response_metadata.finish_reason",
    "response_metadata.stop_reason",
)
_REASONS_OF_CHOICES = (
    ("choices", "finish_reason"),
    ("candidates", "finish_reason"),
    ("candidates", "finishReason"),
)


@dataclass(slots=True)
class Usage:
    """Tokens of one call of a model, in {token}; None is unknown, which is not zero.

    Not frozen, which would make it three times as slow to build; only its maker changes it.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    model: str | None = None
    finish_reason: str | None = None

    @property
    def counted(self) -> bool:
        """Whether any tokens are known."""
        return any(getattr(self, name) is not None for name in _COUNTS)

    def plus(self, other: "Usage") -> "Usage":
        """Both calls together; the later model and reason stand."""
        return _merged(self, other, lambda ours, theirs: ours + theirs)

    def grown_to(self, other: "Usage") -> "Usage":
        """The same call, seen again later in its stream: counts only grow."""
        return _merged(self, other, max)

    def told(self, by_name: "Usage") -> "Usage":
        """The same call, with what is known in `by_name` put first."""
        return _merged(self, by_name, lambda _, named: named)


_COUNTS = tuple(field.name for field in fields(Usage) if field.name.endswith("_tokens"))


def _merged(first: Usage, second: Usage, both: Callable[[int, int], int]) -> Usage:
    counts: dict[str, int] = {}
    for name in _COUNTS:
        old, new = getattr(first, name), getattr(second, name)
        if new is not None:
            counts[name] = new if old is None else both(old, new)
    return replace(
        first,
        model=second.model or first.model,
        finish_reason=second.finish_reason or first.finish_reason,
        **counts,
    )


class _Dialect(NamedTuple):
    """Field names of one provider's counts; a path goes down with dots, parts are summed."""

    mark: tuple[str, ...]  # any of these fields tells this dialect
    input: tuple[str, ...]
    output: tuple[str, ...]
    cache_read: tuple[str, ...] = ()  # the first that is there
    cache_write: tuple[str, ...] = ()
    reasoning: tuple[str, ...] = ()
    input_excludes_cache: bool = False
    adds_up: bool = False  # chunks of a stream carry their own share, not the count so far


_DIALECTS: Final = (
    # OpenAI chat completions; LiteLLM, whose prompt_tokens include the cache for every provider
    _Dialect(
        mark=("prompt_tokens", "completion_tokens"),
        input=("prompt_tokens",),
        output=("completion_tokens",),
        cache_read=("prompt_tokens_details.cached_tokens", "cache_read_input_tokens"),
        cache_write=("prompt_tokens_details.cache_creation_tokens", "cache_creation_input_tokens"),
        reasoning=("completion_tokens_details.reasoning_tokens",),
    ),
    _Dialect(  # OpenAI responses
        mark=("input_tokens_details", "output_tokens_details"),
        input=("input_tokens",),
        output=("output_tokens",),
        cache_read=("input_tokens_details.cached_tokens",),
        reasoning=("output_tokens_details.reasoning_tokens",),
    ),
    _Dialect(  # LangChain's UsageMetadata, always with its total
        mark=("input_token_details", "output_token_details", "total_tokens"),
        input=("input_tokens",),
        output=("output_tokens",),
        cache_read=("input_token_details.cache_read",),
        cache_write=("input_token_details.cache_creation",),
        reasoning=("output_token_details.reasoning",),
        adds_up=True,
    ),
    _Dialect(  # Anthropic: "total input tokens = input_tokens + cache_creation + cache_read"
        mark=("input_tokens", "output_tokens"),
        input=("input_tokens",),
        output=("output_tokens",),
        cache_read=("cache_read_input_tokens",),
        cache_write=("cache_creation_input_tokens",),
        input_excludes_cache=True,
    ),
    _Dialect(  # Google: candidates exclude thoughts, the prompt excludes what tools brought in
        mark=("prompt_token_count", "candidates_token_count", "total_token_count"),
        input=("prompt_token_count", "tool_use_prompt_token_count"),
        output=("candidates_token_count", "thoughts_token_count"),
        cache_read=("cached_content_token_count",),
        reasoning=("thoughts_token_count",),
    ),
    _Dialect(  # the same over REST
        mark=("promptTokenCount", "candidatesTokenCount", "totalTokenCount"),
        input=("promptTokenCount", "toolUsePromptTokenCount"),
        output=("candidatesTokenCount", "thoughtsTokenCount"),
        cache_read=("cachedContentTokenCount",),
        reasoning=("thoughtsTokenCount",),
    ),
)


def read_usage(answer: object) -> Usage | None:
    """Usage that an answer carries, or None.

    In:     an answer of OpenAI (chat completions, responses), Anthropic, Google GenAI, LiteLLM or
            LangChain, as an object or as a dict; a list of messages, or a dict with one: the last
            that carries usage; a bare usage object.
    Edge:   counts that are not integers in [0, 2^63) are unknown.
    Raises: what the answer's own attributes raise; callers guard.
    """
    found = _read(answer)
    return found[0] if found is not None else None


class StreamUsage:
    """Usage of one streamed call, from whichever of its chunks carry any."""

    __slots__ = ("total",)

    def __init__(self) -> None:
        self.total: Usage | None = None

    def saw(self, chunk: object) -> None:
        """Take one chunk in; text and other plain values cost nothing."""
        if isinstance(chunk, _PLAIN):
            return
        found = _read(chunk)
        if found is None:
            return
        usage, adds_up = found
        if self.total is None:
            self.total = usage
        else:
            self.total = self.total.plus(usage) if adds_up else self.total.grown_to(usage)


def _read(answer: object, depth: int = 0) -> tuple[Usage, bool] | None:
    if isinstance(answer, _PLAIN) or depth > 2:
        return None
    if type(answer) is not dict and isinstance(answer, Sequence):
        return _last(answer, depth)
    for place in _CONTAINERS:
        if found := _counts(_at(answer, place)):
            return _described(found[0], answer), found[1]
    for inner in _INNER:
        if found := _read(_get(answer, inner), depth + 1):
            return found
    messages = _get(answer, "messages")
    return _last(messages, depth) if isinstance(messages, list | tuple) else _counts(answer)


def _described(usage: Usage, answer: object) -> Usage:
    usage.model = _model(answer)
    usage.finish_reason = _finish_reason(answer)
    return usage


def _last(answers: Sequence[object], depth: int) -> tuple[Usage, bool] | None:
    for answer in islice(reversed(answers), _LAST_MAX):
        if found := _read(answer, depth + 1):
            return found
    return None


def _counts(holder: object) -> tuple[Usage, bool] | None:
    if isinstance(holder, _PLAIN):
        return None
    for dialect in _DIALECTS:
        if any(_get(holder, mark) is not None for mark in dialect.mark):
            usage = _in_dialect(holder, dialect)
            return (usage, dialect.adds_up) if usage.counted else None
    return None


def _in_dialect(holder: object, dialect: _Dialect) -> Usage:
    read = _first(holder, dialect.cache_read)
    written = _first(holder, dialect.cache_write)
    taken = _sum(holder, dialect.input)
    if taken is not None and dialect.input_excludes_cache:
        taken += (read or 0) + (written or 0)
    return Usage(
        input_tokens=taken,
        output_tokens=_sum(holder, dialect.output),
        cache_read_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=_first(holder, dialect.reasoning),
    )


def _sum(holder: object, paths: tuple[str, ...]) -> int | None:
    known = [count for path in paths if (count := tokens(_at(holder, path))) is not None]
    return sum(known) if known else None


def _first(holder: object, paths: tuple[str, ...]) -> int | None:
    for path in paths:
        if (count := tokens(_at(holder, path))) is not None:
            return count
    return None


def tokens(value: object) -> int | None:
    """`value` where it is a token count, None where it is anything else."""
    if isinstance(value, int) and 0 <= value <= _TOKENS_MAX and not isinstance(value, bool):
        return int(value)
    return None


def _model(answer: object) -> str | None:
    for path in _MODEL_PATHS:
        if isinstance(name := _at(answer, path), str) and name:
            return name
    return None


def _finish_reason(answer: object) -> str | None:
    for several, single in _REASONS_OF_CHOICES:
        choices = _get(answer, several)
        if isinstance(choices, list | tuple) and choices:
            reason = _get(choices[0], single)
            if isinstance(said := getattr(reason, "value", reason), str) and said:
                return said.lower()  # Google says it with an enum, in capitals
    for path in _REASON_PATHS:
        if isinstance(said := _at(answer, path), str) and said:
            return said
    return None


def _at(holder: object, path: str) -> object:
    if "." not in path:
        return _get(holder, path)
    for name in path.split("."):
        holder = _get(holder, name)
        if holder is None:
            return None
    return holder


def _get(holder: object, name: str) -> object:
    if type(holder) is dict:  # spares the question to an abstract class, which costs more than all
        return holder.get(name)
    if holder is None:
        return None
    if isinstance(holder, Mapping):
        return holder.get(name)
    return getattr(holder, name, None)
