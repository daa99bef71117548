"""Two agents in two processes talk A2A over HTTP; what they did comes out as one session.

    python examples/a2a_two_processes/run.py

needs `pip install '.[server]' opentelemetry-distro`, no network and no API key: the model is a
script. Neither agent sets OpenTelemetry up: `opentelemetry-instrument` starts both, and finds
otel-llmops installed. `OTEL_LLMOPS_PROPAGATE_TO` names the one host that may hear who calls. This
program keeps what they send (a collector would), and has it analysed. It prints:

    customer:  I was charged twice for order 7.
    billing:   Order 7 was charged twice; 12.00 go back.
    customer:  When do I get it?
    billing:   By Friday.

    1 session · 2 agents · 2 handoffs · 4 LLM calls · 270 tokens · 0 errors

    Agents
    agent      calls  input  output  tokens  share
    ────────────────────────────────────────────────────
    billing        2    160      24     184  ━━━━──  68%
    frontdesk      2     80       6      86  ━━────  32%

    Handoffs
    handoff              kind        quality  confidence  evidence
    ──────────────────────────────────────────────────────────────────
    frontdesk → billing  delegation     1.00        0.95  parent child
    frontdesk → billing  delegation     1.00        0.95  parent child
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

HERE = Path(__file__).parent
BIN = str(Path(sys.executable).parent)
WAIT_S = 30


def main(kept: Path) -> None:
    with keeping(kept) as endpoint, billing(endpoint) as url:
        host = url.removeprefix("http://")
        environment = environment_of("frontdesk", endpoint) | {"OTEL_LLMOPS_PROPAGATE_TO": host}
        command = instrumented("frontdesk.py", url)
        subprocess.run(command, env=environment, check=True, timeout=WAIT_S)
    print(flush=True)
    command = [sys.executable, "-m", "otel_llmops.cli", "analyze", str(kept)]
    subprocess.run(command, check=True, timeout=WAIT_S)


@contextmanager
def billing(endpoint: str) -> Iterator[str]:
    """The remote agent's URL, while it runs."""
    with subprocess.Popen(
        instrumented("billing.py"),
        env=environment_of("billing", endpoint),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process.stdout.readline().strip()
        process.communicate(timeout=WAIT_S)  # its stdin ends, and so does it, when all is sent


def instrumented(program: str, *arguments: str) -> list[str]:
    starter = shutil.which("opentelemetry-instrument", path=BIN)
    if starter is None:
        sys.exit("pip install opentelemetry-distro")
    return [starter, sys.executable, str(HERE / program), *arguments]


def environment_of(service: str, endpoint: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    return kept | {
        "OTEL_SERVICE_NAME": service,
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
    }


@contextmanager
def keeping(folder: Path) -> Iterator[str]:
    """An OTLP endpoint that keeps each request as a file."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            descriptor, _ = tempfile.mkstemp(suffix=".binpb", dir=folder)
            with os.fdopen(descriptor, "wb") as file:
                file.write(body)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as made:
            main(Path(made))
