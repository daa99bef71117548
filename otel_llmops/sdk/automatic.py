"""Zero configuration: `opentelemetry-instrument` calls `set_up`, by our entry points.

Strategy
    `opentelemetry_pre_instrument` comes after the provider is configured and before anything is
    instrumented; `opentelemetry_post_instrument` catches a provider that an instrumentation brought
    along. Both call the same function, which does nothing twice.

    An exception that leaves an entry point ends the whole instrumentation of the user's program,
    so nothing of ours is imported before the guard is up.

    The user may add an AgentSpanProcessor by hand later on. Then the automatic one steps aside.
"""

import os
from collections.abc import Mapping
from importlib import import_module

from otel_llmops.sdk.guard import Guard

DISABLED = "OTEL_LLMOPS_SDK_DISABLED"
PROPAGATE_TO = "OTEL_LLMOPS_PROPAGATE_TO"
VARIABLES: Mapping[str, str] = {
    DISABLED: "`true` or `1`: under `opentelemetry-instrument` nothing is added",
    PROPAGATE_TO: "hosts, with commas between, that are told which agent calls them in which "
    "conversation; `*.` before a domain means all below it (default: nobody is told)",
}
"""What is read from the environment -> what it means."""

_SETTING_UP = Guard("automatic set-up")


def set_up() -> None:
    """Add the processor to the global provider and ours to the propagator, unless disabled.

    In:     the environment: `OTEL_LLMOPS_SDK_DISABLED=true` turns it off;
            `OTEL_LLMOPS_PROPAGATE_TO` lists hosts, with commas, for `otel_llmops.propagate`.
    Raises: nothing, ever.
    """
    with _SETTING_UP:
        if not _is_true(os.environ, DISABLED):
            hosts = (each.strip() for each in os.environ.get(PROPAGATE_TO, "").split(","))
            import_module("otel_llmops.sdk.attaching").attach()
            import_module("otel_llmops.sdk.propagation").propagate(to=filter(None, hosts))


def _is_true(environment: Mapping[str, str], variable: str) -> bool:
    # OpenTelemetry: only "true", in any case, is true; 1 is what people write
    return environment.get(variable, "").strip().lower() in {"true", "1"}
