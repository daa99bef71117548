"""Runs a program under our span processor, and writes down apart from it who made each span.

    python -m tests.support.profiled ROOT OUT [--every N] -- PROGRAM.py [ARGUMENTS]

The truth comes from `sys.setprofile`: for each thread a stack of the functions of ROOT, kept by
call and return events alone, from which the top is taken when the SDK's `start_span` is called.
Nothing of the processor's own walk is used. With --every, each Nth call of a function of ROOT makes
a span by itself, so that a program that knows nothing of spans can be asked as well.

OUT gets a JSON list of [function, file, line, true file, true first line, true name].
"""

import inspect
import json
import os
import runpy
import sys
import threading
from argparse import ArgumentParser
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import Tracer, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_llmops import AgentSpanProcessor

_START = Tracer.start_span.__code__


class Witness:
    """Keeps the stacks, and who was on top when a span began."""

    def __init__(self, root: str, every: int) -> None:
        self.root = root
        self.every = every
        self.calls = 0
        self.truth: dict[int, CodeType] = {}
        self.starting = threading.local()
        self.stacks: dict[int, list[CodeType]] = {}
        self.tracer: Any = None

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        if code is _START:
            self._of_sdk(event, argument)
        elif code.co_filename.startswith(self.root):
            stack = self.stacks.setdefault(threading.get_ident(), [])
            if event == "call":
                stack.append(code)
                self._sampled()
            elif event == "return":
                stack.pop()

    def _of_sdk(self, event: str, argument: Any) -> None:
        stack = self.stacks.get(threading.get_ident(), [])
        if event == "return" and argument is not None and stack:
            self.truth[argument.get_span_context().span_id] = self._function(stack)

    def _sampled(self) -> None:
        self.calls += 1
        if not self.every or self.calls % self.every or self.tracer is None:
            return
        # the profiler is off while it runs, so what it starts must be written down by hand
        span = self.tracer.start_span("sampled")
        self.truth[span.get_span_context().span_id] = self._function(
            self.stacks[threading.get_ident()]
        )
        span.end()

    @staticmethod
    def _function(stack: list[CodeType]) -> CodeType:
        for code in reversed(stack):
            # the body of a class has no fast locals; its work is that of the scope around it
            if code.co_name == "<module>" or code.co_flags & inspect.CO_OPTIMIZED:
                return code
        return stack[0]


def main() -> None:
    parser = ArgumentParser()
    parser.add_argument("root", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--every", type=int, default=0)
    parser.add_argument("program")
    parser.add_argument("arguments", nargs="*")
    given = parser.parse_args()
    root = str(given.root.resolve())
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(AgentSpanProcessor(project_root=root))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    witness = Witness(root + os.sep, given.every)
    witness.tracer = trace.get_tracer("witness")
    sys.argv = [given.program, *given.arguments]
    threading.setprofile(witness)
    sys.setprofile(witness)
    try:
        runpy.run_path(str(Path(given.program).resolve()), run_name="__main__")
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    rows = []
    for span in exporter.get_finished_spans():
        said = span.attributes or {}
        assert span.context is not None
        code = witness.truth.get(span.context.span_id)
        true = (code.co_filename, code.co_firstlineno, code.co_qualname) if code else None
        place = [said.get(f"code.{name}") for name in ("function.name", "file.path", "line.number")]
        rows.append([*place, *(true or ("", 0, ""))])
    given.out.write_text(json.dumps(rows))


if __name__ == "__main__":
    main()
