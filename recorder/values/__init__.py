"""Values: whose (``tracer``, ``keeping``), what of them (``capture``), as which JSON (``copying``, ``shapes``)."""

from recorder.redaction import Redaction
from recorder.values.capture import Capture, capture_policy, not_captured
from recorder.values.keeping import StepValues
from recorder.values.tracer import Setting, ValueTracer
from recorder.values.unmatched import unmatched_words

__all__ = [
    "Capture",
    "Redaction",
    "Setting",
    "StepValues",
    "ValueTracer",
    "capture_policy",
    "not_captured",
    "unmatched_words",
]
