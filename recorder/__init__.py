"""The flight recorder: what runs in the user's process, and how to read back what it recorded.

``Recorder`` records; ``node`` marks plain functions as steps; ``Redaction`` extends what counts as a secret. Importing
this loads the standard library's light parts and msgspec, nothing else.
"""

from recorder.recorder import Recorder
from recorder.tracing import node
from recorder.values import Redaction

__all__ = ["Recorder", "Redaction", "node"]
