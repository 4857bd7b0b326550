"""Every recorder of this process, and what happens to all of them: at a fork, and when the interpreter ends.

What it promises: nobody is kept alive, a child never speaks for its parent, and a program ends as it would without.
"""

import atexit
import os
import sys
import weakref
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["Member", "alike", "enlist", "enlisted"]


class Member(Protocol):
    """What must be told; the interpreter calls these by way of this module."""

    name: str

    def close(self) -> None:
        """The interpreter ends."""
        ...

    def before_fork(self) -> None:
        """A fork is coming."""
        ...

    def after_fork_in_parent(self) -> None:
        """It was, and this is the process as before."""
        ...

    def after_fork_in_child(self) -> None:
        """It was, and this is another process."""
        ...


_members: weakref.WeakSet[Member] = weakref.WeakSet()


def enlist(member: Member) -> None:
    """Tell it from now on, for as long as it lives."""
    _members.add(member)


def enlisted() -> list[Member]:
    """Every member that lives."""
    while True:
        try:
            return list(_members)
        except RuntimeError:  # another thread made one meanwhile
            continue


def alike(name: str, kind: Callable[..., Member], arguments: tuple[Any, ...], options: dict[str, Any]) -> Member:
    """The member of that name; where it does not live, as in another process, one that is made alike."""
    for member in enlisted():
        if member.name == name:
            return member
    made = kind(*arguments, **options)
    made.name = name
    return made


def _each(action: Callable[[Member], None]) -> Callable[[], None]:
    def act() -> None:
        for member in enlisted():
            action(member)

    return act


def _close_all() -> None:
    """A program that Ctrl-C ended says so in its exit code, but not if code was evaluated since.

    What closing loads does that (``namedtuple``): one more evaluation, which is interrupted, makes it good.
    """
    _each(lambda member: member.close())()
    if getattr(sys, "last_type", None) is KeyboardInterrupt:
        try:
            eval("interrupt()", {"interrupt": _interrupt})  # noqa: S307 - a fixed text
        except KeyboardInterrupt:
            pass


def _interrupt() -> None:
    raise KeyboardInterrupt


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_each(lambda member: member.before_fork()),
        after_in_parent=_each(lambda member: member.after_fork_in_parent()),
        after_in_child=_each(lambda member: member.after_fork_in_child()),
    )
