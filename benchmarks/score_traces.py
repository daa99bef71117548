"""How right the analysis is on real traces: agents, handoffs and tokens against the truth.

    python benchmarks/score_traces.py [FOLDER] [--only TEXT] [-v] [--at-least F1 F1 F1]
        [--json FILE]

FOLDER holds COMBINATION/SCENARIO/ with captured OTLP and a truth.json (tests/traces is the default,
its README defines the fields). Run it when a framework or an instrumentation has a new version:
with --at-least it ends with status 1 where a mean over the combinations is below. With --json it
writes the figures that the page on frameworks shows.
"""

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from otel_llmops.engine.capture import analyze, report

TRACES = Path(__file__).parent.parent / "tests" / "traces"
F1S = ("pairs", "kinds", "agents")
EXACT = ("tokens", "by_agent")


@dataclass
class Score:
    """Hits, false ones and misses, and how many scenarios had exact tokens."""

    pairs: list[int] = field(default_factory=lambda: [0, 0, 0])
    kinds: list[int] = field(default_factory=lambda: [0, 0, 0])
    agents: list[int] = field(default_factory=lambda: [0, 0, 0])
    tokens: list[int] = field(default_factory=lambda: [0, 0])
    by_agent: list[int] = field(default_factory=lambda: [0, 0])

    def add(self, other: "Score") -> None:
        for name in F1S + EXACT:
            mine = getattr(self, name)
            mine[:] = [a + b for a, b in zip(mine, getattr(other, name), strict=True)]

    @property
    def off(self) -> tuple[str, ...]:
        """What is not as in the truth, in the words of the fields."""
        wrong = [name for name in F1S if any(getattr(self, name)[1:])]
        inexact = [name for name in EXACT if getattr(self, name)[0] != getattr(self, name)[1]]
        return (*wrong, *inexact)


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


def score(case: Path) -> Score:
    """The score of one scenario: its folder."""
    truth = json.loads((case / "truth.json").read_text(encoding="utf-8"))
    return scored(truth, report(analyze([case]))["sessions"])


def cases(folder: Path, only: str = "") -> list[Path]:
    found = sorted(file.parent for file in folder.rglob("truth.json"))
    return [case for case in found if only in f"{case.parent.name}/{case.name}"]


def combined(scores: Mapping[Path, Score]) -> dict[str, Score]:
    combinations: defaultdict[str, Score] = defaultdict(Score)
    for case, each in scores.items():
        combinations[case.parent.name].add(each)
    return dict(combinations)


def means(combinations: Mapping[str, Score]) -> list[float]:
    """F1 of pairs, of pairs with their kind, and of agents: means over the combinations."""
    count = max(1, len(combinations))
    return [sum(f1(getattr(each, name)) for each in combinations.values()) / count for name in F1S]


def figures(scores: Mapping[Path, Score]) -> dict[str, Any]:
    """As JSON: F1 to three digits, "exact of reported" scenarios, and what is off in which."""
    return {
        "combinations": {
            name: {field: f"{f1(getattr(each, field)):.3f}" for field in F1S}
            | {field: "{}/{}".format(*getattr(each, field)) for field in EXACT}
            for name, each in combined(scores).items()
        },
        "off": {
            f"{case.parent.name}/{case.name}": " ".join(each.off)
            for case, each in scores.items()
            if each.off
        },
    }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=TRACES)
    parser.add_argument("--only", default="", help="scenarios whose path contains this")
    parser.add_argument("-v", action="store_true", help="print each scenario that is not perfect")
    parser.add_argument("--at-least", nargs=3, type=float, metavar="F1", default=[0.0, 0.0, 0.0],
                        help="least means of pairs, pairs with kind, agents")  # fmt: skip
    parser.add_argument("--json", type=Path, help="write the figures of each combination there")
    return parser.parse_args()


def main() -> None:
    asked = arguments()
    scores = {case: score(case) for case in cases(asked.folder, asked.only)}
    for case, each in scores.items():
        if asked.v and each.off:
            print(line(f"  off: {case.parent.name}/{case.name}", each), *each.off)
    combinations = combined(scores)
    print(f"{'combination':44} F1 of pairs / with kind / agents   tokens exact   by agent exact")
    for name, each in combinations.items():
        print(line(name, each))
    mean = means(combinations)
    print(f"{'mean over combinations':44} {' / '.join(f'{value:.3f}' for value in mean)}")
    if asked.json:
        asked.json.write_text(json.dumps(figures(scores), indent=1) + "\n", encoding="utf-8")
    if any(is_ < least for is_, least in zip(mean, asked.at_least, strict=True)):
        sys.exit("below --at-least")


if __name__ == "__main__":
    main()
