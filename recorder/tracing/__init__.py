"""Plain Python made recordable: runs, nodes, maps and pools that emit the events a framework would.

Two promises. What is emitted has exactly the shape of ``recorder.events``, so whoever reads events cannot tell a
decorated script from a framework. And decorated code behaves as if it were not: results, exceptions, generator
protocols and order stay, whatever the processor does. Nothing here knows ``Recorder``; anything with ``on_event`` and
``shutdown`` will do, and one whose ``wants_values`` is true is given inputs and outputs too.

The current scope lives in one ContextVar: tasks inherit it by themselves, ``executor`` carries it into threads, a plain
new thread has none. A forked child has none either, and never speaks for its parent's runs.
"""

from recorder.tracing._map import map_items
from recorder.tracing._node import node
from recorder.tracing._run import RunScope, executor, run
from recorder.tracing._scope import current_scope, install, uninstall

__all__ = ["RunScope", "current_scope", "executor", "install", "map_items", "node", "run", "uninstall"]
