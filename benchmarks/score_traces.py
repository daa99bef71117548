"""How right the analysis is on real traces: agents, handoffs and tokens against the truth.

    python benchmarks/score_traces.py [FOLDER] [--only TEXT] [-v]

FOLDER holds COMBINATION/SCENARIO/ with captured OTLP and a truth.json (tests/traces is the default,
its README defines the fields). Run it when a framework or an instrumentation has a new version.
"""

import argparse
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from otel_llmops.engine.capture import analyze, report

TRACES = Path(__file__).parent.parent / "tests" / "traces"


@dataclass
class Score:
    """Hits, false ones and misses, and how many scenarios had exact tokens."""

    pairs: list[int] = field(default_factory=lambda: [0, 0, 0])
    kinds: list[int] = field(default_factory=lambda: [0, 0, 0])
    agents: list[int] = field(default_factory=lambda: [0, 0, 0])
    tokens: list[int] = field(default_factory=lambda: [0, 0])
    by_agent: list[int] = field(default_factory=lambda: [0, 0])

    def add(self, other: "Score") -> None:
        for name in ("pairs", "kinds", "agents", "tokens", "by_agent"):
            mine = getattr(self, name)
            mine[:] = [a + b for a, b in zip(mine, getattr(other, name), strict=True)]

    @property
    def perfect(self) -> bool:
        misses = self.pairs[1:] + self.kinds[1:] + self.agents[1:]
        return not any(misses) and all(a == b for a, b in (self.tokens, self.by_agent))


def f1(counts: list[int]) -> float:
    hit, wrong, missed = counts
    return 2 * hit / (2 * hit + wrong + missed) if hit + wrong + missed else 1.0


def plain(name: str) -> str:
    return " ".join(name.lower().replace("_", " ").replace("-", " ").split())


def compared(got: Counter[Any], want: Counter[Any], optional: Counter[Any]) -> list[int]:
    extra = 0
    spare = optional.copy()
    for key, count in (got - want).items():
        free = min(count, spare[key[:2]])
        spare[key[:2]] -= free
        extra += count - free
    return [(got & want).total(), extra, (want - got).total()]


def pairs(rows: list[dict[str, Any]], *, kind: bool = False) -> Counter[Any]:
    return Counter(
        (plain(row["from"]), plain(row["to"]), *((row["kind"],) if kind else ())) for row in rows
    )


def scored(truth: dict[str, Any], sessions: list[dict[str, Any]]) -> Score:
    handoffs = [handoff for session in sessions for handoff in session["handoffs"]]
    wanted, optional = truth["handoffs"], list(truth.get("optional", []))
    if truth.get("undetectable"):
        wanted, optional = [], optional + wanted
    free = pairs(optional)
    containers = {plain(name) for name in truth.get("containers") or []}
    got = {plain(name) for session in sessions for name in session["agents"]} - containers
    want = {plain(name) for name in truth["agents"]} - containers
    score = Score(
        pairs=compared(pairs(handoffs), pairs(wanted), free),
        kinds=compared(pairs(handoffs, kind=True), pairs(wanted, kind=True), free),
        agents=[len(got & want), len(got - want), len(want - got)],
    )
    total = [sum(session[f"{side}_tokens"] for session in sessions) for side in ("input", "output")]
    if any(total) or not truth["input_tokens"]:
        score.tokens = [int(total == [truth["input_tokens"], truth["output_tokens"]]), 1]
        score.by_agent = [int(by_agent(sessions) == true_by_agent(truth)), 1]
    return score


def by_agent(sessions: list[dict[str, Any]]) -> dict[str, tuple[int, int]]:
    sums: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for session in sessions:
        for name, tokens in session["tokens_by_agent"].items():
            sums[plain(name)][0] += tokens["input_tokens"]
            sums[plain(name)][1] += tokens["output_tokens"]
    return {name: (a, b) for name, (a, b) in sums.items() if a or b}


def true_by_agent(truth: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {
        plain(name): (tokens["input_tokens"], tokens["output_tokens"])
        for name, tokens in truth["tokens_by_agent"].items()
        if not name.startswith("__") and (tokens["input_tokens"] or tokens["output_tokens"])
    }


def line(name: str, score: Score) -> str:
    shown = " / ".join(f"{f1(counts):.3f}" for counts in (score.pairs, score.kinds, score.agents))
    return (
        f"{name:44} {shown}   {score.tokens[0]}/{score.tokens[1]}   "
        f"{score.by_agent[0]}/{score.by_agent[1]}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=TRACES)
    parser.add_argument("--only", default="", help="scenarios whose path contains this")
    parser.add_argument("-v", action="store_true", help="print each scenario that is not perfect")
    arguments = parser.parse_args()
    combinations: defaultdict[str, Score] = defaultdict(Score)
    cases = sorted(file.parent for file in arguments.folder.rglob("truth.json"))
    for case in (case for case in cases if arguments.only in str(case)):
        truth = json.loads((case / "truth.json").read_text())
        score = scored(truth, report(analyze([case]))["sessions"])
        combinations[case.parent.name].add(score)
        if arguments.v and not score.perfect:
            print(line(f"  off: {case.parent.name}/{case.name}", score))
    print(f"{'combination':44} F1 of pairs / with kind / agents   tokens exact   by agent exact")
    for name, score in combinations.items():
        print(line(name, score))
    mean = [
        sum(f1(getattr(score, name)) for score in combinations.values()) / max(1, len(combinations))
        for name in ("pairs", "kinds", "agents")
    ]
    print(f"{'mean over combinations':44} {' / '.join(f'{value:.3f}' for value in mean)}")


if __name__ == "__main__":
    main()
