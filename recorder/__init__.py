"""The flight recorder: what runs in the user's process, and how to read back what it recorded.

``Recorder`` records; ``node`` marks plain functions as steps; ``current_step`` is for the code inside one;
``ValueTracer`` says which values are kept, ``Redaction`` what counts as a secret. Importing this loads the standard
library's light parts and msgspec, nothing else.
"""

from recorder.current import current_step
from recorder.recorder import Recorder
from recorder.tracing import node
from recorder.values import Redaction, ValueTracer

__all__ = ["Recorder", "Redaction", "ValueTracer", "current_step", "node"]
