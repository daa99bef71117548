"""Scans go to the serve that runs, or into its store; diff tells the same from either."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.commits import calls_under
from tests.support.otlp import trace_request
from tests.support.serving import environment, serving, until

BEFORE = "def ask(prompt):\n    return prompt\n"
AFTER = "def ask(prompt):\n    return prompt * 2\n\n\ndef more():\n    return ask('')\n"


def _run(*argv: str, cwd: Path) -> str:
    command = [sys.executable, "-m", "otel_llmops.cli", *argv]
    ran = subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, timeout=60, env=environment(), check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def _commit(repository: Path, text: str) -> str:
    (repository / "desk.py").write_text(text)
    git = shutil.which("git")
    assert git is not None
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["add", "."], [*who, "commit", "-qm", "more"]):
        subprocess.run([git, *command], cwd=repository, check=True, timeout=30)
    head = subprocess.run(
        [git, "rev-parse", "HEAD"], cwd=repository, check=True, capture_output=True, text=True
    )
    return head.stdout.strip()


def test_a_commit_s_effect_is_told_by_a_running_serve_and_by_its_store(tmp_path: Path) -> None:
    data, repository = tmp_path / "data", tmp_path / "repository"
    repository.mkdir()
    subprocess.run(["git", "init", "-q", str(repository)], check=True, timeout=30)  # noqa: S607
    where = ("--data", str(data))
    before = _commit(repository, BEFORE)
    _run("scan", ".", *where, cwd=repository)  # nothing serves: straight into the store
    after = _commit(repository, AFTER)
    with serving(data) as served:
        _run("scan", ".", *where, cwd=repository)
        for commit, trace, tokens in (
            (before, 1, [100, 101, 99, 100, 100, 100]),
            (after, 100, [200, 202, 198, 200, 200]),
        ):
            request = trace_request(*calls_under(commit, trace, "desk.ask", tokens))
            sent = served.post(request, content_type="application/x-protobuf")
            assert sent.status_code == 200

        def counted() -> Any:
            found = json.loads(_run("diff", before, after, "--json", *where, cwd=repository))
            return found if found["after"]["calls"] == 5 and found["before"]["calls"] == 6 else None

        told = until(counted, what="both commits' calls are there")
        snapshot = served.graphql("{ topologySnapshot { commitHash totalModules } }")
        served.stop()
    stored = json.loads(_run("diff", "HEAD~1", "HEAD", "--json", *where, cwd=repository))
    assert told == stored
    assert snapshot == {"topologySnapshot": {"commitHash": after, "totalModules": 1}}
    assert told["structure"]["functions"] == {
        "added": ["desk.more"],
        "removed": [],
        "changed": ["desk.ask"],
        "complexity": [],
    }
    (ask,) = told["tokens"]
    assert (ask["function"], ask["before_calls"], ask["after_calls"]) == ("desk.ask", 6, 5)
    assert (ask["difference"], ask["certain"]) == (100.0, True)
    assert 97 < ask["low"] < 100 < ask["high"] < 103
    page = _run("diff", before[:8], after[:8], *where, cwd=repository)
    assert "desk.more" in page
    assert "+100.0" in page
