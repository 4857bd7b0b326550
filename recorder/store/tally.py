"""What is kept of a node's executions: the writer adds a day's, the reader sums a window's, so both count alike."""

from dataclasses import dataclass, field

from recorder.journal.frames import STEP_CODES
from recorder.store.sketch import Sketch

__all__ = ["Tally"]

_FAILED = STEP_CODES["failed"]


@dataclass(slots=True)
class Tally:
    """Counts of executions, and the durations (ms) of those that were timed and not served from a cache."""

    count: int = 0
    errors: int = 0
    cached: int = 0
    attempts: int = 0
    timed: int = 0
    total_ms: float = 0.0
    max_ms: float = 0.0
    sketch: Sketch = field(default_factory=Sketch)

    def add(self, status: int, *, cached: bool, attempts: int, duration_ms: float | None) -> None:
        """Take one execution that became final with that status code."""
        self.count += 1
        self.errors += status == _FAILED
        self.cached += cached
        self.attempts += attempts
        if duration_ms is not None and not cached:
            self.timed += 1
            self.total_ms += duration_ms
            self.max_ms = max(self.max_ms, duration_ms)
            self.sketch.add(duration_ms)

    def merge(self, other: "Tally") -> None:
        """Take every execution of another tally."""
        self.count += other.count
        self.errors += other.errors
        self.cached += other.cached
        self.attempts += other.attempts
        self.timed += other.timed
        self.total_ms += other.total_ms
        self.max_ms = max(self.max_ms, other.max_ms)
        self.sketch.merge(other.sketch)
