"""A Qdrant server for tests and hand use: REST over the embedded engine, `python -m tests.qdrant_server --port N`.

Requests are read with qdrant-client's own models, so the wire format follows the client. It is as strict as a cluster
of Qdrant Cloud: a filter on a key without a payload index is refused, wherever it stands. Faults are set by the control
plane, see `app`, or in the process by `QdrantServer.faults`.

Not as a real server: search is exact, every write is done when it is answered, there is no gRPC, no snapshot and no
limit on sizes. Texts of errors are Qdrant's own where a page or an issue quotes them.
"""

from tests.qdrant_server.faults import Fault
from tests.qdrant_server.server import QdrantServer

__all__ = ["Fault", "QdrantServer"]
