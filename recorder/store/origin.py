"""Where an exported run came from: what its frames begin with in a file, beside what journals say of a process."""

from msgspec import Struct

__all__ = ["Origin"]


class Origin(Struct, array_like=True, tag=100, frozen=True, kw_only=True):
    """The recorder, the number that it gave the run, and what only its first store knew of it."""

    recorder: str
    run: int
    dead_at: int | None = None
    bytes_lost: int = 0
    bad_frames: int = 0
