"""A pytest plugin: `-p tests.otlp.reference_only` hides the extension, so the reference runs."""

import sys

sys.modules["otel_llmops.otlp._native"] = None  # type: ignore[assignment]  # as if it were not built
