"""From pages to points: reads docs, cuts their pages into chunks, keeps a collection in step.

Imports are late, because commands that never ingest import the errors of this package.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chains.collection import Client, Fingerprint
    from chains.ingest.options import IngestOptions
    from chains.ingest.report import IndexReport
    from chains.ingest.target import Target
    from chains.providers import PinnedEmbeddings
    from chains.settings import ChainSettings

__all__ = ["fingerprint_of", "ingest", "ingest_folder", "options_of", "target_of"]

Progress = Callable[[int, int], None]


def ingest(source: str, target: Target, options: IngestOptions, progress: Progress | None = None) -> IndexReport:
    """Bring the index called `target.collection` to what `source` says. Blocking.

    `source` is the folder of a site, a docs folder or one in it, a PDF file, an address or a file of addresses. Faulty
    files are warned of by file and line and read as far as they go.

    Raises:
        IngestError: there is no such thing, or no page in it, or most pages were not found again.
        IndexBusy: another run writes to the same index.
        SettingsError: an override is not an address, or a package is missing.
        FingerprintMismatch: the index was made with another model or chunker, and a rebuild was not asked for.
    """
    from chains.collection_generations import create_generation, find_generations
    from chains.ingest.bm25_language import settle_language
    from chains.ingest.indexer import Indexer
    from chains.ingest.lease import leased, require_active
    from chains.ingest.rebuild import mismatch_of, rebuild
    from chains.ingest.sources import open_source

    generations = find_generations(target.client, target.collection)
    pages, sparse = settle_language(open_source(source, options), target.client, generations.active, options.rebuild)
    target = replace(target, sparse=sparse)
    mismatch = mismatch_of(target, generations)
    if options.dry_run:
        anew = str(mismatch) if mismatch else "--rebuild" if options.rebuild else ""
        looking = Indexer(replace(target, collection=generations.active or ""), dry_run=True, anew=anew)
        return looking.run(pages, progress, delete_most=options.delete_most)
    rebuilds = options.rebuild and generations.active is not None
    if mismatch is not None and not rebuilds:
        raise mismatch
    active = generations.active or create_generation(target.client, generations, target.fingerprint, target.origin)
    with leased(target.client, active, f"a run over {source}") as lease:
        if lease is not None:
            require_active(target.client, target.collection, active)
        target = replace(target, lease=lease)
        if rebuilds:
            return rebuild(target, pages, progress, delete_most=options.delete_most)
        return Indexer(replace(target, collection=active)).run(pages, progress, delete_most=options.delete_most)


def ingest_folder(
    path: Path,
    settings: ChainSettings,
    client: Client,
    embeddings: PinnedEmbeddings,
    progress: Progress | None = None,
) -> IndexReport:
    """`ingest` of a folder into the settings' collection, its `SITE_URL` and `ROUTE_BASE_PATH` winning over the site's
    configuration."""
    return ingest(str(path), target_of(str(path), settings, client, embeddings), options_of(settings), progress)


def options_of(
    settings: ChainSettings, *, versions: str = "latest", languages: str = "all", **asked: bool
) -> IngestOptions:
    """What the settings say of every run, and what is asked of this one."""
    from chains.ingest.options import IngestOptions, Overrides, Selection

    overrides = Overrides(settings.site_url, settings.route_base_path)
    return IngestOptions(Selection(versions, languages), overrides, **asked)


def target_of(source: str, settings: ChainSettings, client: Client, embeddings: PinnedEmbeddings) -> Target:
    """The settings' index."""
    from chains.ingest.target import Target
    from chains.providers import word_pieces

    origin = source if "://" in source else str(Path(source).resolve())
    count = word_pieces(settings, embeddings)
    return Target(client, settings.qdrant_collection, embeddings, count, origin)


def fingerprint_of(embeddings: PinnedEmbeddings) -> Fingerprint:
    """What a collection indexed with `embeddings` is made with."""
    from chains.ingest import target

    return target.fingerprint_of(embeddings)
