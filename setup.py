"""Builds the native decoder where a C compiler is; without one the package works by the other."""

import sys

from setuptools import Extension, setup

_PARTS = [
    "wire",
    "validity",
    "shelf",
    "buffers",
    "numbers",
    "values",
    "batch",
    "spans",
    "decode",
    "check",
    "json",
]

setup(
    ext_modules=[
        Extension(
            "otel_llmops.otlp._native",
            ["otel_llmops/otlp/_native.pyx"],
            depends=[f"otel_llmops/otlp/_{part}.pxi" for part in _PARTS],
            extra_compile_args=[] if sys.platform == "win32" else ["-O3"],
            optional=True,
        )
    ]
)
