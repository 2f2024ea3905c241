"""The part of Qdrant's clients that Docent uses, over Qdrant Edge: Qdrant's own engine in this process, on files.

What a server refuses raises what the remote client raises, `UnexpectedResponse` with status 404 (no such collection),
409 (exists already), 400 (bad request) or 500. `EmbeddedEngineError`: not open, or held by another process.
`UnsupportedRequest` (a ValueError): valid for a server, not translated here; nothing is silently left out.

Beyond the server: ids come in the order asked for, deleted points count in BM25's document frequencies until the
collection is built anew (Edge forgets them only in `optimize()`, which holds the interpreter lock for its whole run
and is therefore never called), and search is exact: without `optimize()` there is no HNSW graph.
"""

from chains.edge_async import AsyncEdgeClient
from chains.edge_client import EdgeClient
from chains.edge_filters import UnsupportedRequest

__all__ = ["AsyncEdgeClient", "EdgeClient", "UnsupportedRequest"]
