"""The part of Qdrant's clients that Docent uses, over Qdrant Edge: Qdrant's own engine in this process, on files.

What a server refuses raises what the remote client raises, `UnexpectedResponse` with status 404 (no such collection),
409 (exists already), 400 (bad request) or 500. `EmbeddedEngineError`: not open, or held by another process.
`UnsupportedRequest` (a ValueError): valid for a server, not translated here; nothing is silently left out.

Unlike a server: search is always exact, for no HNSW graph is ever built (`optimize()` would build it, holding the
interpreter lock for its whole run), and deleted points count in BM25's document frequencies until the directory is
opened again.
"""

from chains.edge_async import AsyncEdgeClient
from chains.edge_client import EdgeClient
from chains.edge_filters import UnsupportedRequest

__all__ = ["AsyncEdgeClient", "EdgeClient", "UnsupportedRequest"]
