"""The composition root: the only package that knows concrete classes.

`python -m otel_llmops.app receiver|engine JSON` is a child of `serve` (ARCHITECTURE.md).
"""
