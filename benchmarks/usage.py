"""CPU and memory of a server while it is measured: of its processes, and of its threads by name."""

import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # its stubs are a package of their own

__all__ = ["Usage", "watched"]


@dataclass
class Usage:
    """CPU and memory of a process and its children, looked at now and then."""

    root: psutil.Process
    peak_mb: float = 0.0
    cpu_s: Counter[str] = field(default_factory=Counter)
    peaks: dict[int, float] = field(default_factory=dict)
    seen: dict[tuple[int, int], tuple[str, float]] = field(default_factory=dict)

    def look(self) -> None:
        """Threads that come and go are counted up to when they were last seen."""
        total = 0.0
        for process in [self.root, *self.root.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
                self._look(process)
                total += process.memory_info().rss / 2**20
        self.peak_mb = max(self.peak_mb, total)

    def _look(self, process: psutil.Process) -> None:
        role = _role(process)
        threads = Counter[str]()
        for task in Path(f"/proc/{process.pid}/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):
                head, _, rest = (task / "stat").read_text().rpartition(")")
                words = rest.split()
                name = f"{role} {head.split('(', 1)[1]}" if role == "engine" else role
                used = (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
                self.seen[process.pid, int(task.name)] = (name, used)
        for name, used in self.seen.values():
            threads[name] += used  # type: ignore[assignment]  # a Counter of seconds
        self.cpu_s = threads
        status = Path(f"/proc/{process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        self.peaks[process.pid] = int(line.split()[1]) / 1024


def _role(process: psutil.Process) -> str:
    line = process.cmdline()
    return line[line.index("otel_llmops.app") + 1] if "otel_llmops.app" in line else "parent"


@contextmanager
def watched(usage: Usage) -> Iterator[None]:
    """Look at `usage` until the block ends."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.25):
            usage.look()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        usage.look()
