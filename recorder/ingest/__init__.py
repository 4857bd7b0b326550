"""Copies what recorders wrote into the store, and opens it for reading.

``Ingester`` is the one writer of a store; ``Follower`` is how a reader keeps the store current without being one for
long; ``open_reader`` opens whatever is there, also where nothing can be written. The process that a recorder starts
when its journal grows is ``python -m recorder.ingest STORE_DIR``.
"""

from recorder.ingest.exports import write_export
from recorder.ingest.follower import Follower
from recorder.ingest.importing import import_runs
from recorder.ingest.ingester import Ingester, waiting_ingester
from recorder.ingest.opening import open_reader
from recorder.ingest.passes import PassResult
from recorder.ingest.sharing import redacted, without_values

__all__ = [
    "Follower",
    "Ingester",
    "PassResult",
    "import_runs",
    "open_reader",
    "redacted",
    "waiting_ingester",
    "without_values",
    "write_export",
]
