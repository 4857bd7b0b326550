"""``ValueTracer``: what a user says about which values are recorded.

The policy is written once, with the process that records. It decides by what every row holds (run, path, outcome): a
step whose values it leaves out costs nothing, and a reader asks the same function why they are not there.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Literal, cast

from msgspec import Struct, json, to_builtins
from msgspec.structs import force_setattr

from recorder.hashing import blake2b
from recorder.typenames import type_name_of
from recorder.values.choosing import path_error, reaches

__all__ = ["Setting", "ValueTracer"]

Setting = Literal["nodes", "exclude", "when", "sample"]
"""What of a policy may leave out all values of a step."""

_ONE: Final = 1 << 64


class ValueTracer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which values are recorded, of which steps, and how much of them: ``Recorder(values=ValueTracer(...))``.

    Args:
        nodes: Only steps whose path one of these patterns chooses (``"llm_call"``, ``"outer/*"``, ``"[3]/**"``; ``"."``
            is the run's own inputs and outputs). None given: every step, and the run.
        exclude: Not those.
        fields: Only values whose name one of these chooses (``"prompt"``, ``"doc*"``).
        when: ``"failed"`` keeps the inputs of what fails and nothing else. Until a step ends they are only held, so a
            crash loses them, and what changed meanwhile is recorded as it is then.
        sample: The share, 0 to 1, of runs that are recorded, and of each map's items: by a hash of the run's id and the
            item's place, alike in every process. Of the others, what fails is recorded as with ``when="failed"``.
        max_value_bytes: Longest record of one value, in bytes of JSON; more is cut.
        max_run_bytes: Once a run's values hold this much, only names and types of later ones are recorded. None: any.
        max_total_bytes: The same for all runs of this recorder together. None: as much as the journal takes.

    Raises:
        TypeError: An argument of the wrong type.
        ValueError: One out of range, no pattern, or two that contradict each other; the message says what is valid.
    """

    nodes: Sequence[str] = ()
    exclude: Sequence[str] = ()
    fields: Sequence[str] = ()
    when: Literal["always", "failed"] = "always"
    sample: float = 1.0
    max_value_bytes: int = 65_536
    max_run_bytes: int | None = 256 << 20
    max_total_bytes: int | None = None

    def __post_init__(self) -> None:
        for name in ("nodes", "exclude", "fields"):
            force_setattr(self, name, _texts(name, getattr(self, name)))
        for pattern in (*self.nodes, *self.exclude):
            if wrong := path_error(pattern):
                raise ValueError(f"{pattern!r} chooses no step: {wrong}")
        if self.when not in ("always", "failed"):
            raise ValueError(f"when must be 'always' or 'failed', not {self.when!r}")
        _check_share(self.sample)
        _check_bytes("max_value_bytes", self.max_value_bytes, least=64)
        _check_bytes("max_run_bytes", self.max_run_bytes, least=1, unlimited=True)
        _check_bytes("max_total_bytes", self.max_total_bytes, least=1, unlimited=True)
        self._refuse_contradictions()

    def _refuse_contradictions(self) -> None:
        both = sorted({*self.nodes} & {*self.exclude})
        if both:
            raise ValueError(f"{both[0]!r} is both in nodes, which keeps it, and in exclude, which does not")
        for node in self.nodes:
            if taken := _always_excluded(node, self.exclude):
                raise ValueError(f"exclude leaves out all that {node!r} in nodes chooses: take {taken!r} out of it")
        if "**" in self.exclude:
            raise ValueError("exclude=['**'] leaves out everything; to record no values: Recorder(values=False)")
        if self.when == "failed" and self.sample != 1:
            raise ValueError(
                "when='failed' keeps nothing of what succeeds, so there is nothing to sample; "
                "sample= alone keeps a share, and all that fails"
            )

    def left_out_by(self, run_id: str, path: str) -> Setting | None:
        """What leaves out the values of a step that does not fail, or None. ``when`` and ``sample`` keep those that do.

        Args:
            run_id: The id of the top-level run.
            path: The step's path; empty for the run's own values.
        """
        if self.nodes and not reaches(tuple(self.nodes), path):
            return "nodes"
        if self.exclude and reaches(tuple(self.exclude), path):
            return "exclude"
        if self.when == "failed":
            return "when"
        return None if self.sample == 1 or _share_of(run_id, path) < self.sample else "sample"

    def to_json(self, clean: Callable[[str], str] = str) -> str:
        """The policy as text, without what is as by default; ``clean`` makes of each pattern what may be written."""
        told = cast("dict[str, Any]", to_builtins(self))
        for name in {"nodes", "exclude", "fields"} & told.keys():
            told[name] = [clean(pattern) for pattern in told[name]]
        return json.encode(told).decode()

    @property
    def keeps_all(self) -> bool:
        """Whether no step is left out."""
        return not self.nodes and not self.exclude and self.when == "always" and self.sample == 1


def _always_excluded(node: str, exclude: Sequence[str]) -> str | None:
    """Which pattern leaves out whatever a pattern without wildcards chooses; one from the top judges only its like."""
    if any(sign in node for sign in "*?") or node == ".":
        return None
    judges = (one for one in exclude if node.startswith("/") or not one.startswith("/"))
    return next((one for one in judges if reaches((one,), node.removeprefix("/"))), None)


def _share_of(run_id: str, path: str) -> float:
    """Where in 0..1 chance puts the run, or the outermost item around the step."""
    item = path[: path.find("]") + 1]
    digest = blake2b(f"{run_id} {item}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) / _ONE


def _texts(name: str, given: Any) -> tuple[str, ...]:
    if isinstance(given, str):
        raise TypeError(f"{name} must be a list of patterns: {name}=[{given!r}]")
    if not isinstance(given, (list, tuple, set, frozenset)):
        raise TypeError(f"{name} must be a list of patterns, not {type_name_of(given)}")
    patterns = tuple(cast("Iterable[Any]", given))
    for pattern in patterns:
        if not isinstance(pattern, str):
            raise TypeError(f"a pattern in {name} must be text, not {type_name_of(pattern)}")
        if not pattern:
            raise ValueError(f"a pattern in {name} is empty, and would choose nothing")
    return patterns


def _check_share(given: Any) -> None:
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise TypeError(f"sample must be a number from 0 to 1, not {type_name_of(given)}")
    if not 0 <= given <= 1:
        raise ValueError(f"sample must be from 0 (only what fails) to 1 (everything), not {given}")


def _check_bytes(name: str, given: Any, *, least: int, unlimited: bool = False) -> None:
    if given is None and unlimited:
        return
    if isinstance(given, bool) or not isinstance(given, int):
        raise TypeError(f"{name} must be a number of bytes{' or None' * unlimited}, not {type_name_of(given)}")
    if given < least:
        hint = "; None is no limit" if unlimited else ""
        raise ValueError(
            f"{name} must be at least {least}, not {given}{hint}. To record no values: Recorder(values=False)"
        )
