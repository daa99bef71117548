"""What the queries about code answer with: one frozen dataclass for each type of the API."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from otel_llmops.topology.hotspots import Finding

__all__ = [
    "CallEdge",
    "CodeFunction",
    "CodeModule",
    "ComponentUsage",
    "FunctionUsage",
    "ModuleDependency",
    "TokenStats",
    "TopologySnapshot",
]


@dataclass(frozen=True, slots=True)
class FunctionUsage:
    """A function of the user's code as spans tell it; `file` is empty where unknown.

    Tokens and cost are its own, `cumulative_tokens` with those of all that it called; `call_count`
    the times that control came into it, as far as spans show.
    """

    function: str
    file: str
    function_name: str
    qualified_name: str
    call_count: int
    llm_calls: int
    errors: int
    input_tokens: int
    output_tokens: int
    cumulative_tokens: int
    avg_duration_ms: float
    cost_usd: float | None
    agents: list[str]

    @property
    def file_path(self) -> str:
        """The file, by the contract's name for it."""
        return self.file

    @property
    def total_tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens

    @property
    def avg_tokens_per_call(self) -> float:
        """Own tokens a call."""
        return self.total_tokens / max(self.call_count, 1)


@dataclass(frozen=True, slots=True)
class TokenStats:
    """What the functions of one module spent; `cost_usd` None where nothing is known of it."""

    input_tokens: int
    output_tokens: int
    call_count: int
    cost_usd: float | None

    @property
    def total_tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens

    @property
    def avg_tokens_per_call(self) -> float:
        """Tokens a call."""
        return self.total_tokens / max(self.call_count, 1)


@dataclass(frozen=True, slots=True)
class CodeFunction:
    """A function, method, lambda or module body of a snapshot, with what spans laid onto it."""

    function_id: str
    module_id: str
    function_name: str
    qualified_name: str
    kind: str
    file_path: str
    line_start: int
    line_end: int
    is_async: bool
    complexity: float
    cognitive_complexity: float
    decorators: list[str]
    docstring: str
    total_tokens: int
    cumulative_tokens: int
    call_count: int

    @property
    def avg_tokens_per_call(self) -> float:
        """Own tokens a call."""
        return self.total_tokens / max(self.call_count, 1)


@dataclass(frozen=True, slots=True)
class ModuleDependency:
    """One module importing another."""

    from_module: str
    to_module: str
    import_type: str
    scope: str
    line: int
    is_circular: bool


@dataclass(frozen=True, slots=True)
class CodeModule:
    """A module of a snapshot. Its functions, dependencies and tokens are asked for apart."""

    snapshot_id: str
    module_id: str
    module_path: str
    module_name: str
    file_path: str
    line_count: int
    complexity_score: float
    afferent_coupling: int
    efferent_coupling: int
    instability: float
    cohesion: float | None


@dataclass(frozen=True, slots=True)
class TopologySnapshot:
    """One scan of a repository. `cycles` are the modules that import each other in a circle."""

    snapshot_id: str
    repository_path: str
    commit_hash: str | None
    scanned_at: datetime
    total_modules: int
    total_functions: int
    total_dependencies: int
    circular_dependencies: int
    cycles: list[list[str]]


@dataclass(frozen=True, slots=True)
class CallEdge:
    """One function calling another: as spans show (`observed`), as source does (`static`).

    `found_by` is how the source shows it, or run_time; tokens are those of the callee and below.
    """

    caller: str
    callee: str
    found_by: str
    call_count: int
    avg_duration_ms: float | None
    total_tokens: int
    observed: bool
    static: bool

    @property
    def avg_tokens_per_call(self) -> float:
        """Tokens a call."""
        return self.total_tokens / max(self.call_count, 1)


@dataclass(frozen=True, slots=True)
class ComponentUsage:
    """A function, module or call that tokens go to, and what to do about it, if anything.

    `findings` are the patterns seen there, each with the figures behind it.
    """

    component: str
    kind: str
    total_tokens: int
    call_count: int
    token_share: float
    findings: Sequence[Finding]

    @property
    def avg_tokens_per_call(self) -> float:
        """Tokens a call."""
        return self.total_tokens / max(self.call_count, 1)

    @property
    def recommendation(self) -> str | None:
        """What to do, in plain words; None where nothing stands out."""
        return " ".join(finding.recommendation for finding in self.findings) or None
