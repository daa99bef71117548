"""`otel-llmops tokens` tells the same of a running serve, of its store afterwards, and of files."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.serving import serving, until

TRACES = Path(__file__).parents[1] / "traces"
SCENARIO = TRACES / "strands-agents--native" / "swarm_ping_pong"


def _told(*argv: str) -> Any:
    command = [sys.executable, "-m", "otel_llmops.cli", "tokens", "--json", *argv]
    ran = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=60)
    return json.loads(ran.stdout)


def test_a_session_s_tokens_are_the_same_wherever_they_are_asked_for(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data) as running:
        for body in sorted(SCENARIO.glob("request-*.binpb")):
            sent = running.post(body.read_bytes(), content_type="application/x-protobuf")
            assert sent.status_code == 200

        def settled() -> str | None:
            sessions = _told("--data", str(data))["sessions"]
            final = [session["session_id"] for session in sessions if session["final"]]
            return final[0] if len(final) == len(sessions) == 1 else None

        session: str = until(settled, what="the session is final")
        served = _told(session, "--why", "--data", str(data))
        running.stop()
    stored = _told(session, "--why", "--data", str(data))
    captured = _told(session, "--why", "--file", str(SCENARIO))
    assert served == stored == captured
    assert (len(served["ledger"]), served["residual_tokens"]) == (14, 0)
