"""What a scan costs, beside parsing alone and beside tools that do a part of it.

Strategy: everything is a child process, run in turn within a round, so that a load from outside
falls on all; wall and CPU with that of its own children. With --memory also the peak PSS of the
tree, sampled, so runs under 0.3 s show too little; and sampling makes a short run half as long
again, so it wants rounds of its own. The tree is copied first: ten of its files are changed.

- parse: `ast.parse` of the same files in as many processes as there are cores, collector off: the
  least that anything takes which works on syntax trees
- cold: a scan with an empty cache; warm: the same again; 10 changed: a function more in ten files
- grimp, ruff, complexipy, pydeps: import graph, import graph and C901, cognitive complexity, import
  graph; those that are not installed are left out. grimp and pydeps get the packages at the top.

    python benchmarks/bench_scan.py ROOT [--rounds 3] [--only cold warm] [--steps] [--memory]
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # its stubs are a package of their own

CHANGED = 10
BIN = Path(sys.executable).parent

PARSE = """if True:
    import ast, gc, sys, warnings
    from multiprocessing import Process
    from pathlib import Path

    def parse(paths):
        gc.disable()
        warnings.simplefilter("ignore")
        for path in paths:
            try:
                ast.parse(path.read_bytes())
            except (SyntaxError, ValueError):
                pass

    if __name__ == "__main__":
        count = int(sys.argv[2])
        paths = sorted(Path(sys.argv[1]).rglob("*.py"), key=lambda path: path.stat().st_size)
        parts = [Process(target=parse, args=(paths[n::count],)) for n in range(count)]
        for part in parts:
            part.start()
        for part in parts:
            part.join()
"""

GRIMP = """if True:
    import sys
    sys.path.insert(0, sys.argv[1])
    import grimp
    graph = grimp.build_graph(*sys.argv[2:], cache_dir=None)
    print(len(graph.modules), graph.count_imports())
"""

SCAN = """if True:
    import json, sys
    from pathlib import Path
    from otel_llmops.topology.scan import scan
    made = scan(Path(sys.argv[1]), cache=Path(sys.argv[2]))
    rows = {name: table.num_rows for name, table in made.tables.items()}
    print(json.dumps([dict(made.timings), rows, made.reused, len(made.diagnostics)]))
"""


@dataclass
class Case:
    """One command and its figures, a round each."""

    name: str
    command: list[str]
    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    peak_mb: list[float] = field(default_factory=list)
    said: str = ""

    def run(self, cwd: Path, *, memory: bool) -> None:
        """Run it once; whatever it prints but for its last line is of no interest."""
        started = time.perf_counter()
        child = subprocess.Popen(
            self.command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=cwd
        )
        assert child.stdout is not None
        with watched(child.pid) if memory else nullcontext([0.0]) as peak:
            output = child.stdout.read()
            _, _, usage = os.wait4(child.pid, 0)
        child.returncode = 0
        self.wall_s.append(time.perf_counter() - started)
        self.cpu_s.append(usage.ru_utime + usage.ru_stime)
        self.peak_mb.append(max(peak))
        self.said = output.decode().strip().rpartition("\n")[2]


@contextmanager
def watched(pid: int) -> Iterator[list[float]]:
    """The peak PSS in MB of a process and its children, sampled."""
    peak = [0.0]
    done = threading.Event()
    root = psutil.Process(pid)

    def look() -> None:
        while not done.wait(0.1):
            total = 0
            with suppress(psutil.Error):
                for process in [root, *root.children(recursive=True)]:
                    with suppress(psutil.Error):
                        total += process.memory_full_info().pss
            peak.append(total / 2**20)

    thread = threading.Thread(target=look)
    thread.start()
    yield peak
    done.set()
    thread.join()


def cases(root: Path, cache: Path) -> list[Case]:
    """All that is compared, in the order of a round."""
    packages = sorted(path.parent.name for path in root.glob("*/__init__.py"))
    python = [sys.executable, "-c"]
    scan = [*python, SCAN, str(root), str(cache)]
    ruff = str(BIN / "ruff")
    analyze = [ruff, "analyze", "graph", "--isolated", "--quiet", str(root)]
    check = [ruff, "check", "--isolated", "--no-cache", "--quiet", "--select", "C901", str(root)]
    found = [
        Case("parse", [*python, PARSE, str(root), str(os.cpu_count() or 1)]),
        Case("cold", scan),
        Case("warm", scan),
        Case(f"{CHANGED} changed", scan),
        Case("grimp", [*python, GRIMP, str(root), *packages]),
        Case("ruff analyze graph", analyze),
        Case("ruff check C901", check),
        Case("complexipy", [str(BIN / "complexipy"), "--quiet", str(root)]),
    ]
    if len(packages) == 1:
        target = str(root / packages[0])
        found.append(Case("pydeps", [str(BIN / "pydeps"), "--no-output", "--show-deps", target]))
    return found


def prepare(case: Case, root: Path, cache: Path, number: int) -> None:
    """The state of the tree and the cache that a case asks for."""
    if case.name == "cold":
        shutil.rmtree(cache, ignore_errors=True)
    elif case.name == f"{CHANGED} changed":
        files = sorted(root.rglob("*.py"))
        for path in files[:: max(1, len(files) // CHANGED)][:CHANGED]:
            with path.open("a", encoding="utf-8", errors="surrogateescape") as file:
                file.write(f"\n\ndef added_{number}(value):\n    return added_{number}(value)\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", help="names of cases")
    parser.add_argument("--steps", action="store_true", help="where the time of each scan went")
    parser.add_argument("--memory", action="store_true", help="the peak, at the cost of time")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        # of the same name: imports of the package itself are found by it
        root, cache = Path(folder) / "in" / arguments.root.resolve().name, Path(folder) / "cache"
        shutil.copytree(arguments.root, root)
        chosen = [
            case
            for case in cases(root, cache)
            if (not arguments.only or case.name in arguments.only)
            and (shutil.which(case.command[0]) or Path(case.command[0]).exists())
        ]
        print(f"{platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        for number in range(arguments.rounds):
            for case in chosen:
                prepare(case, root, cache, number)
                case.run(root, memory=arguments.memory)
                if arguments.steps and case.said.startswith("["):
                    timings, *rest = json.loads(case.said)
                    print(case.name, {step: round(s, 2) for step, s in timings.items()}, *rest)
    report(chosen)


def report(chosen: list[Case]) -> None:
    """Medians, and walls as a multiple of parsing's in the same round."""
    floor = next((case.wall_s for case in chosen if case.name == "parse"), [])
    print("| | wall s, median | min | x parse | CPU s | peak MB |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for case in chosen:
        ratios = [wall / base for wall, base in zip(case.wall_s, floor, strict=False)]
        ratio = f"{statistics.median(ratios):.2f}" if ratios else "-"
        print(
            f"| {case.name} | {statistics.median(case.wall_s):.2f} | {min(case.wall_s):.2f} | "
            f"{ratio} | {statistics.median(case.cpu_s):.1f} | {max(case.peak_mb):.0f} |"
        )


if __name__ == "__main__":
    main()
