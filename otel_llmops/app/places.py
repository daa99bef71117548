"""What lies where below the data folder, and who reads the journal."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from otel_llmops.store_url import masked

__all__ = ["ANALYSIS", "CONSUMERS", "STORE", "Places", "export_consumers", "forward_consumer"]

STORE = "store"
ANALYSIS = "analysis"
CONSUMERS = (STORE, ANALYSIS)
"""The journal keeps what one of these has not passed."""
_EXPORT = "export-"


def forward_consumer(url: str) -> str:
    """The name in the journal of who passes requests on to `url`."""
    return f"forward-{hashlib.sha256(url.encode()).hexdigest()[:12]}"


def export_consumers(url: str) -> tuple[str, str]:
    """The names in the journal of who stores in `url`, and of who analyses what is there."""
    # a password may be changed: it is still the same store
    name = f"{_EXPORT}{hashlib.sha256(masked(url).encode()).hexdigest()[:12]}"
    return name, f"{name}-{ANALYSIS}"


@dataclass(frozen=True, slots=True)
class Places:
    """Folders and files of one data folder."""

    data: Path

    @property
    def journal(self) -> Path:
        """The journal's folder."""
        return self.data / "journal"

    @property
    def engine(self) -> Path:
        """The engine's own folder."""
        return self.data / "engine"

    def forward(self, url: str) -> Path:
        """The folder of who passes requests on to `url`."""
        return self.data / forward_consumer(url)

    def export(self, url: str) -> Path:
        """The folder of the engine that stores in `url`."""
        return self.data / export_consumers(url)[0]

    @property
    def exports(self) -> list[Path]:
        """The folders of all engines that ever stored in a further store."""
        return sorted(path for path in self.data.glob(f"{_EXPORT}*") if path.is_dir())

    @property
    def engine_lock(self) -> Path:
        """Held by the one engine process."""
        return self.data / "engine.lock"

    @property
    def bulletin(self) -> Path:
        """Where each process tells the others how it is."""
        return self.data / "bulletin"
