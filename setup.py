"""Builds what the package works without: the native decoder, and the charts of the page.

The decoder needs a C compiler, the charts the npm registry. Without the one the reference decoder
runs, without the other the page shows tables, and both say so.
"""

import runpy
import sys

from setuptools import Extension, setup
from setuptools.command.build_py import build_py

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


class WithCharts(build_py):
    """Fetches the charts into the source, where package data are taken from."""

    def run(self) -> None:
        """Before the files are gathered."""
        # by its path: the package itself cannot be imported before it is installed
        page = runpy.run_path("otel_llmops/page/build.py")
        try:
            page["build"]()
        except (page["NotBuilt"], OSError) as error:
            sys.stderr.write(f"warning: the page's charts are not built: {error}\n")
        super().run()


setup(
    cmdclass={"build_py": WithCharts},
    ext_modules=[
        Extension(
            "otel_llmops.otlp._native",
            ["otel_llmops/otlp/_native.pyx"],
            depends=[f"otel_llmops/otlp/_{part}.pxi" for part in _PARTS],
            extra_compile_args=[] if sys.platform == "win32" else ["-O3"],
            optional=True,
        )
    ],
)
