"""From pages to points: reads a folder of Docusaurus docs, cuts its pages into chunks, keeps a collection in step.

Imports are late, because commands that never ingest import the errors of this package.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chains.collection import Client, Fingerprint
    from chains.ingest.indexer import IndexReport
    from chains.providers import PinnedEmbeddings
    from chains.settings import ChainSettings

__all__ = ["fingerprint_of", "ingest_folder"]


def ingest_folder(
    path: Path,
    settings: ChainSettings,
    client: Client,
    embeddings: PinnedEmbeddings,
    progress: Callable[[int, int], None] | None = None,
) -> IndexReport:
    """Bring the settings' collection to what the docs in `path` say. Blocking.

    `path` is a docs folder, a folder in one, or the folder of a site, whose configuration then says where the docs are.
    `SITE_URL` and `ROUTE_BASE_PATH` win over that configuration. Faulty files are warned of by file and line and read
    as far as they go.

    Raises:
        IngestError: there is no such folder, or no page in it; nothing was changed.
        SettingsError: `SITE_URL` is not an address.
        FingerprintMismatch: the collection was made with another model or chunker; nothing was changed.
    """
    from chains.ingest.docusaurus import require_folder
    from chains.ingest.editions import Selection
    from chains.ingest.indexer import Indexer
    from chains.ingest.site import Overrides, Site
    from chains.providers import word_pieces

    require_folder(path)
    site = Site(path, Selection(), Overrides(settings.site_url, settings.route_base_path))
    count = word_pieces(settings, embeddings)
    indexer = Indexer(client, settings.qdrant_collection, embeddings, count, origin=str(path.resolve()))
    return indexer.run(site, progress)


def fingerprint_of(embeddings: PinnedEmbeddings) -> Fingerprint:
    """What a collection indexed with `embeddings` is made with."""
    from chains.ingest import indexer

    return indexer.fingerprint_of(embeddings)
