"""The call graph: how right, and how fast beside parsing.

    python benchmarks/bench_callgraph.py score CASES [--truth DIR] [-v]
    python benchmarks/bench_callgraph.py speed REPOSITORY

`score` takes a benchmark in PyCG's layout: every directory with a callgraph.json is a case. None of
them is in this repository: PyCG's micro-benchmark is `micro-benchmark/snippets` of vitsalis/PyCG.
An edge counts once, a case is exact where the graphs are equal. `speed` takes any directory of
Python source, in one process: parsing, extraction, solving, and the most memory held.
"""

import argparse
import ast
import gc
import json
import resource
import time
import warnings
from pathlib import Path

from otel_llmops.topology import calls


def module_of(path: Path, root: Path) -> tuple[str, bool]:
    parts = list(path.relative_to(root).with_suffix("").parts)
    package = parts[-1] == "__init__"
    return ".".join(parts[:-1] if package else parts), package


def graph_of(root: Path) -> dict[str, list[str]]:
    facts = {}
    for path in sorted(root.rglob("*.py")):
        module, package = module_of(path, root)
        if module:
            tree = ast.parse(path.read_bytes())
            facts[module] = calls.extract(tree, module=module, is_package=package)
    return calls.pycg(calls.solve(facts, external=True))


def edges(graph: dict[str, list[str]]) -> set[tuple[str, str]]:
    return {(caller, callee) for caller, callees in graph.items() for callee in callees}


def score(cases: Path, truth: Path, *, verbose: bool) -> None:
    both = ours_alone = theirs_alone = exact = sound = complete = count = 0
    for path in sorted(truth.rglob("callgraph.json")):
        case = path.parent.relative_to(truth)
        theirs = json.loads(path.read_text())
        ours = graph_of(cases / case)
        wrong, missed = edges(ours) - edges(theirs), edges(theirs) - edges(ours)
        if verbose and (wrong or missed):
            print(f"{case}: wrong {sorted(wrong)} missed {sorted(missed)}")
        both += len(edges(ours) & edges(theirs))
        ours_alone, theirs_alone = ours_alone + len(wrong), theirs_alone + len(missed)
        count, complete, sound = count + 1, complete + (not wrong), sound + (not missed)
        exact += {k: set(v) for k, v in ours.items()} == {k: set(v) for k, v in theirs.items()}
    precision, recall = both / (both + ours_alone), both / (both + theirs_alone)
    print(
        f"{count} cases, {both + theirs_alone} edges: precision {precision:.4f} recall {recall:.4f}"
    )
    print(f"without a wrong edge {complete}, without a missed one {sound}, exact {exact}")


def speed(root: Path) -> None:
    gc.disable()
    warnings.simplefilter("ignore")  # of escapes in other people's source
    facts: dict[str, calls.Facts] = {}
    parsing = extracting = 0.0
    lines = 0
    for path in sorted(root.rglob("*.py")):
        source = path.read_bytes()
        module, package = module_of(path, root)
        started = time.process_time()
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError):
            continue
        parsed = time.process_time()
        facts[module or "__init__"] = calls.extract(tree, module=module, is_package=package)
        extracting += time.process_time() - parsed
        parsing += parsed - started
        lines += source.count(b"\n")
    started = time.process_time()
    graph = calls.solve(facts)
    solving = time.process_time() - started
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{len(facts)} files, {lines} lines, {len(graph.edges)} edges, {graph.cut} nodes cut")
    print(f"CPU s: parse {parsing:.1f} extract {extracting:.1f} solve {solving:.1f}; {held} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["score", "speed"])
    parser.add_argument("path", type=Path)
    parser.add_argument("--truth", type=Path)
    parser.add_argument("-v", "--verbose", action="store_true")
    given = parser.parse_args()
    if given.what == "score":
        score(given.path, given.truth or given.path, verbose=given.verbose)
    else:
        speed(given.path)


if __name__ == "__main__":
    main()
