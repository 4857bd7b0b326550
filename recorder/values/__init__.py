"""Values of steps: what of them is recorded (``capture``), as which JSON (``copying``, ``shapes``)."""

from recorder.redaction import Redaction
from recorder.values.capture import Capture, capture_policy, not_captured

__all__ = ["Capture", "Redaction", "capture_policy", "not_captured"]
