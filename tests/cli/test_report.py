"""One page about a session: the same from a serve, a store and files, and harmless to read."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from otel_llmops.cli.markdown import escaped
from otel_llmops.cli.page import page
from otel_llmops.cli.report import markdown
from otel_llmops.cli.terminal import one_line
from tests.support.serving import environment

TRACES = Path(__file__).parents[1] / "traces"
SCENARIO = TRACES / "strands-agents--native" / "swarm_ping_pong"


def session_id() -> str:
    found: str = json.loads(_ran("tokens", "--json", "--file", str(SCENARIO)))["sessions"][0][
        "session_id"
    ]
    return found


def _ran(*argv: str, status: int = 0) -> str:
    command = [sys.executable, "-m", "otel_llmops.cli", *argv]
    env = environment(COLUMNS="100", PYTHONIOENCODING="utf-8")
    ran = subprocess.run(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False
    )
    assert ran.returncode == status, ran.stdout
    return ran.stdout.decode()


def told(**more: Any) -> dict[str, Any]:
    """A document of one quiet session."""
    nothing: dict[str, Any] = {
        "session_id": "s1",
        "agents": ["triage", "billing"],
        "outcome": {"task_type": "refund", "agents": [], "success": True},
        "started_at": "2026-11-22T10:00:00Z",
        "duration_ms": 2_345.6,
        "llm_calls": 2,
        "input_tokens": 90,
        "output_tokens": 10,
        "cost_usd": None,
        "errors": 0,
        "final": True,
        "completeness": 1.0,
        "unpriced_tokens": 0,
        "tokens": [
            {"agent": "triage", "input_tokens": 90, "output_tokens": 0},
            {"agent": None, "input_tokens": 0, "output_tokens": 10},
        ],
        "coordination": {"edges": [], "cycles": [], "ping_pongs": [], "outside_share": None},
        "handoff_list": [],
        "drift": [],
        "bottlenecks": [],
    }
    return nothing | more


def lines(document: dict[str, Any]) -> list[str]:
    return [line for part in page(document, one_line) for line in part.lines]


def test_a_quiet_session_in_plain_words() -> None:
    assert markdown(page(told(), one_line)) == (
        "# Session s1\n\n"
        "2 agents worked on refund for 2.3 s, from 2026-11-22 10:00 UTC: triage and billing. "
        "A model was called twice, for 100 tokens; 0 errors. It succeeded.\n\n"
        "## Who handed to whom\n\n"
        "- Nobody handed over to anybody.\n\n"
        "## Where time and tokens went\n\n"
        "- triage: 90 tokens, 90% of all.\n"
        "- Nobody's work: 10 tokens, 10% of all.\n\n"
        "## What to change\n\n"
        "- Nothing stands out.\n"
    )


def handoff(**parts: float | None) -> dict[str, Any]:
    every = dict.fromkeys(("completed", "context_kept", "no_bounce", "promptness", "allowed"))
    return {"from_agent": "triage", "to_agent": "billing", "quality": 0.2,
            "quality_parts": every | parts}  # fmt: skip


@pytest.mark.parametrize(
    ("weakest", "advice"),
    [
        ("completed", "billing did not finish what it was given"),
        ("context_kept", "billing got little of what triage had"),
        ("no_bounce", "billing handed straight back"),
        ("promptness", "billing began long after triage was done"),
        ("allowed", "triage does not declare billing"),
    ],
)
def test_a_poor_handoff_is_advised_on_by_its_weakest_part(weakest: str, advice: str) -> None:
    document = told(handoff_list=[handoff(**{"completed": 1.0, weakest: 0.1})])
    assert any(line.startswith(advice) for line in lines(document))


def test_a_session_that_grows_fails_or_is_torn_says_so() -> None:
    outcome = {"task_type": "triage", "agents": [], "success": False}
    document = told(outcome=outcome, final=False, completeness=0.75)
    assert lines(document)[0].startswith("2 agents worked for")
    assert lines(document)[2:5] == [
        "It did not succeed.",
        "It still grows: these numbers will change.",
        "Only 75% of its spans arrived, so parts may be missing.",
    ]


HOSTILE = "\x1b[2J[click](http://evil.example) <script>alert(1)</script> **x** `y` | a\n# b"


def test_what_others_wrote_cannot_steer_a_terminal_or_a_page() -> None:
    edge = {"from_agent": HOSTILE, "to_agent": HOSTILE, "handoffs": 1, "kinds": ["fan_out"],
            "quality": 0.4, "failed": 1}  # fmt: skip
    graph = {"edges": [edge], "cycles": [[HOSTILE]], "ping_pongs": [], "outside_share": 0.5}
    bottleneck = {"agent": HOSTILE, "operation": HOSTILE, "critical_path_share": 0.5,
                  "self_time_ms": 1.0, "wait_ms": 1.0, "recommendation": HOSTILE}  # fmt: skip
    document = told(
        session_id=HOSTILE,
        agents=[HOSTILE],
        outcome={"task_type": HOSTILE, "agents": [], "success": True},
        coordination=graph,
        bottlenecks=[bottleneck],
        drift=[{"to_agent": HOSTILE, "score": 0.9}],
        tokens=[{"agent": HOSTILE, "input_tokens": 5, "output_tokens": 5}],
        handoff_list=[handoff(completed=0.0) | {"from_agent": HOSTILE, "to_agent": HOSTILE}],
    )
    for safe in (one_line, escaped):
        for part in page(document, safe):
            assert all(text.isprintable() for text in (part.heading, *part.lines))
    written = markdown(page(document, escaped))
    assert re.findall(r"(?<!\\)[<>`\[\]|]", written) == []
    assert "http://" not in written


def test_the_command_tells_of_captured_spans() -> None:
    session = session_id()
    shown = _ran("report", session, "--file", str(SCENARIO))
    assert shown.splitlines()[0] == f"Session {session}"
    assert "planner handed to critic twice (transfer): well" in shown
    written = _ran("report", session, "--markdown", "--file", str(SCENARIO))
    assert written.startswith(f"# Session {session}\n")
    document = json.loads(_ran("report", session, "--json", "--file", str(SCENARIO)))
    assert document["coordination"]["cycles"] == [["critic", "planner"]]


def test_a_session_that_is_not_there_is_told_in_one_line() -> None:
    told_so = _ran("report", "nobody", "--file", str(SCENARIO), status=2)
    assert told_so == (
        "otel-llmops: there is no session 'nobody' (otel-llmops tokens lists them)\n"
    )
