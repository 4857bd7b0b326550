"""Copies what recorders wrote into the store, and opens it for reading.

``Ingester`` is the one writer of a store; ``Follower`` is how a reader keeps the store current without being one for
long; ``open_reader`` opens whatever is there, also where nothing can be written. The process that a recorder starts
when its journal grows is ``python -m recorder.ingest STORE_DIR``.
"""

from recorder.ingest.follower import Follower
from recorder.ingest.ingester import Ingester, waiting_ingester
from recorder.ingest.opening import open_reader
from recorder.ingest.passes import PassResult

__all__ = ["Follower", "Ingester", "PassResult", "open_reader", "waiting_ingester"]
