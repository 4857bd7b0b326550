"""Reduces a batch of frames to the rows they leave behind: of each row the last frame, which is all of it."""

from collections.abc import Collection, Sequence
from itertools import chain

from recorder.journal.frames import (
    NODE,
    AttemptFrame,
    CloseFrame,
    FactsFrame,
    Frame,
    GraphFrame,
    HeartbeatFrame,
    LogFrame,
    ProcessFrame,
    RunFrame,
    StepFrame,
    ValuesFrame,
)

__all__ = ["Merged"]


class Merged:
    """The rows of a batch by the recorder's own numbers.

    Attributes:
        final: The frames in which an execution of a node first became final, whatever came later.
        counts: The last frame that carries the recorder's counts.
        contents: The data of every digest that the batch names; None where it only names it.
        seen_at: The latest moment in it: a sign of life.
    """

    def __init__(self, frames: Sequence[Frame]) -> None:
        self.runs: dict[int, RunFrame] = {}
        self.steps: dict[tuple[int, int], StepFrame] = {}
        self.attempts: dict[tuple[int, int, int], AttemptFrame] = {}
        self.values: dict[tuple[int, int, int], ValuesFrame] = {}
        self.logs: dict[tuple[int, int, int], LogFrame] = {}
        self.contents: dict[bytes, bytes | None] = {}
        self.final: list[StepFrame] = []
        self.graphs: list[GraphFrame] = []
        self.process: ProcessFrame | None = None
        self.facts: FactsFrame | None = None
        self.counts: HeartbeatFrame | CloseFrame | None = None
        self.seen_at = 0
        for frame in frames:
            if type(frame) is StepFrame:
                self.steps[frame.run, frame.step] = frame
                if frame.final and frame.kind == NODE and frame.ended_at is not None:
                    self.final.append(frame)
            else:
                self._take(frame)
        self._note_moments()

    def numbers(self) -> list[int]:
        """The runs that the batch touches, in the recorder's order."""
        children = (*self.steps, *self.attempts, *self.values, *self.logs)
        return sorted(self.runs.keys() | {key[0] for key in children})

    def leave_out(self, gone: Collection[int]) -> None:
        """Let go of all that some runs have in the batch."""
        if gone:
            self.runs = {number: frame for number, frame in self.runs.items() if number not in gone}
            self.steps = {key: frame for key, frame in self.steps.items() if key[0] not in gone}
            self.attempts = {key: frame for key, frame in self.attempts.items() if key[0] not in gone}
            self.values = {key: frame for key, frame in self.values.items() if key[0] not in gone}
            self.logs = {key: frame for key, frame in self.logs.items() if key[0] not in gone}
            self.final = [frame for frame in self.final if frame.run not in gone]

    def _take(self, frame: Frame) -> None:
        match frame:
            case RunFrame():
                self.runs[frame.run] = frame
            case AttemptFrame():
                self.attempts[frame.run, frame.step, frame.number] = frame
            case LogFrame():
                self.logs[frame.run, frame.step, frame.number] = frame
            case ValuesFrame():
                self._take_values(frame)
            case ProcessFrame():
                self.process = frame
                self.seen_at = max(self.seen_at, frame.started_at)
            case GraphFrame():
                self.graphs.append(frame)
            case FactsFrame():
                self.facts = frame if self.facts is None else _both(self.facts, frame)
            case HeartbeatFrame() | CloseFrame():
                self.counts = frame
                self.seen_at = max(self.seen_at, frame.at)
            case StepFrame():
                raise AssertionError  # taken above, where it is quicker

    def _take_values(self, frame: ValuesFrame) -> None:
        self.values[frame.run, frame.step, frame.direction] = frame
        for entry in frame.entries:
            if entry.digest is not None:
                self.contents[entry.digest] = entry.data or self.contents.get(entry.digest)

    def _note_moments(self) -> None:
        rows = chain(self.runs.values(), self.steps.values())
        self.seen_at = max(self.seen_at, max((row.ended_at or row.started_at for row in rows), default=0))


def _both(earlier: FactsFrame, later: FactsFrame) -> FactsFrame:
    dirty = earlier.git_dirty if later.git_dirty is None else later.git_dirty
    unmatched = earlier.unmatched if later.unmatched is None else later.unmatched
    return FactsFrame(dirty, {**earlier.packages, **later.packages}, unmatched)
