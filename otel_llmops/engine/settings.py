"""What a developer may turn in the engine."""

from collections.abc import Sized
from dataclasses import dataclass

__all__ = ["EngineSettings"]


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How the engine paces itself.

    `doubt_s_max`: how long a batch is tried again that the store refuses with an answer nobody
    knows; then its parts are tried, and what is refused alone goes to quarantine.
    """

    batch_bytes: int = 32 * 2**20
    tick_s: float = 0.2
    drain_s: float = 10.0
    recent_s: float = 10.0
    recent_bytes_max: int = 192 * 2**20
    handed_bytes_max: int = 32 * 2**20
    retry_s_min: float = 0.2
    retry_s_max: float = 30.0
    doubt_s_max: float = 300.0
    doubt_part_s_max: float = 2.0

    def doubted_s(self, part: Sized, whole: Sized) -> float:
        """What is refused whole has been waited for; its parts are told apart sooner."""
        return self.doubt_s_max if len(part) == len(whole) else self.doubt_part_s_max
