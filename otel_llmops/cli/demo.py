"""`otel-llmops demo`: the collector, a small multi-agent program, and what was seen of it.

Strategy: the program runs as a user's would, in a process of its own, from a folder of its own
(so that its functions count as a user's), over OTLP/gRPC; what is printed comes from the API. The
supervisor keeps the main thread, because its children live and die with that; the show is another.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from argparse import Namespace
from importlib.resources import as_file, files
from pathlib import Path

from rich.console import Console
from rich.text import Text

from otel_llmops.app.endpoints import Endpoints
from otel_llmops.cli.reader import Reader
from otel_llmops.cli.serve import say
from otel_llmops.cli.show import show
from otel_llmops.cli.terminal import width
from otel_llmops.config import serve_config
from otel_llmops.errors import LlmopsError
from otel_llmops.supervisor import Supervisor

__all__ = ["run"]

_COMMAND = "otel-llmops"
_PROGRAM = "support_desk"
_PROGRAM_S_MAX = 60.0
_ANALYSED_S_MAX = 30.0
_QUERY = '{"query": "{ handoffs { fromAgent toAgent kind quality } }"}'


def run(arguments: Namespace) -> int:
    """Show what the collector sees of a support desk; with `arguments.keep` it stays up.

    Raises: LlmopsError, if the collector or the program fails.
    """
    console = Console(highlight=False, width=width())
    with tempfile.TemporaryDirectory(prefix="otel-llmops-demo-") as folder:
        demo = _Demo(Path(folder), console, keep=arguments.keep)
        demo.run()
    return 0


class _Demo:
    """One run of the demo in `folder`."""

    def __init__(self, folder: Path, console: Console, *, keep: bool) -> None:
        self._folder = folder
        self._console = console
        self._keep = keep
        self._failure: BaseException | None = None
        config = {"data": folder / "data", "grpc_port": 0, "http_port": 0, "api_port": 0}
        self._supervisor = Supervisor(serve_config(config), say=say)

    def run(self) -> None:
        """Until it has been shown, or until Ctrl-C."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._supervisor.stop())
        self._tell("Starting the collector on free ports, in a temporary folder ...")
        self._supervisor.run(self._start)
        if self._failure is not None:
            raise self._failure

    def _start(self, endpoints: Endpoints) -> None:
        threading.Thread(target=self._guarded, args=(endpoints,), daemon=True).start()

    def _guarded(self, endpoints: Endpoints) -> None:
        try:
            self._perform(endpoints)
        except BaseException as failure:  # noqa: BLE001 - raised again in the main thread
            self._failure = failure
            self._supervisor.stop()

    def _perform(self, endpoints: Endpoints) -> None:
        program = self._copied_program()
        self._tell(
            "A support desk of four agents answers three tickets (its model is a script) ..."
        )
        answers = _run_program(program, endpoints)
        self._tell("Waiting for its traces to settle ...\n")
        reader = Reader(endpoints.api)
        sessions = reader.settled_sessions(len(answers), wait_s=_ANALYSED_S_MAX)
        show(reader, sessions, self._console)
        self._say_what_next(endpoints, program)
        if not self._keep:
            self._supervisor.stop()

    def _copied_program(self) -> Path:
        """The program as a user's own file: what is installed is no user's code."""
        target = self._folder / f"{_PROGRAM}.py"
        with as_file(files("otel_llmops") / "demo.py") as source:
            shutil.copyfile(source, target)
        return target

    def _say_what_next(self, endpoints: Endpoints, program: Path) -> None:
        self._console.print(Text("What next", style="bold"))
        for about, command in _next_steps(endpoints, program if self._keep else None):
            self._console.print(Text(f"  {about}", style="dim"))
            # soft_wrap: a command that is broken into lines cannot be copied
            self._console.print(Text(f"    {command}"), soft_wrap=True)

    def _tell(self, line: str) -> None:
        self._console.print(Text(line, style="dim"))


def _run_program(program: Path, endpoints: Endpoints) -> list[str]:
    """Run it as a user would; the lines it printed, one a conversation."""
    # what this shell says to OpenTelemetry is meant for the user's own programs
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    environ |= {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoints.grpc,
        "OTEL_EXPORTER_OTLP_INSECURE": "true",
    }
    finished = subprocess.run(  # noqa: S603 - our own program, no shell
        [sys.executable, "-m", program.stem],
        cwd=program.parent,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        timeout=_PROGRAM_S_MAX,
        check=False,
    )
    if finished.returncode != 0:
        raise LlmopsError(
            f"the demo's program failed (exit code {finished.returncode})",
            hint="what it wrote stands above",
        )
    return finished.stdout.decode().splitlines()


def _called() -> str:
    """Our command as it can be typed here again: with its folder where the shell finds no other."""
    if Path(sys.argv[0]).name != _COMMAND:
        return f"{sys.executable} -m otel_llmops.cli"
    return _COMMAND if shutil.which(_COMMAND) else sys.argv[0]


def _next_steps(endpoints: Endpoints, program: Path | None) -> list[tuple[str, str]]:
    """What to try, as (why, command); with `program` the collector is still there."""
    if program is None:
        return [
            ("keep the collector running, and look around", f"{_called()} demo --keep"),
            ("run it for your own application", f"{_called()} serve"),
            (
                "which needs nothing but this, with any OpenTelemetry instrumentation",
                "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4317 python your_app.py",
            ),
            (
                "and sees your functions and agents with this in it",
                "provider.add_span_processor(otel_llmops.AgentSpanProcessor())",
            ),
        ]
    curl = f"curl -sw '\\n' {endpoints.api}"
    return [
        ("the agents, as JSON", f"{curl}/api/agents"),
        (
            "ask GraphQL",
            f"{curl}/graphql -H 'content-type: application/json' -d '{_QUERY}'",
        ),
        (
            "send it your own application's spans",
            f"OTEL_EXPORTER_OTLP_ENDPOINT={endpoints.grpc} python your_app.py",
        ),
        ("the program, to read and to change", str(program)),
        ("stop", "Ctrl-C"),
    ]
